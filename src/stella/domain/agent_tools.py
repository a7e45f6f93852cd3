"""The tools of an agent file, checked as a whole: a name once, a host that no parameter can change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from stella.domain.agent import (
    BookingSetup,
    HttpToolSetup,
    McpSetup,
    PythonToolSetup,
    Service,
    SmsSetup,
    ToolCare,
    ToolParameter,
)
from stella.domain.agent_check import Checked
from stella.domain.numbers import COUNTRY_CODES
from stella.domain.toml_lines import Path

BUILT_IN = (
    "take_message", "transfer_to", "end_call", "knowledge_search", "change_language", "engine_switch",
    "send_sms", "free_times", "book", "cancel_booking",
)  # fmt: skip

_PLACE = re.compile(r"\{([^{}]*)\}")


def http_tools(checked: Checked) -> tuple[HttpToolSetup, ...]:
    """Those with a `url`. Raises AgentFileError."""
    return tuple(_http(checked, index, item) for index, item in _tools(checked) if "url" in item)


def python_tools(checked: Checked) -> tuple[PythonToolSetup, ...]:
    """Those with a `python`. Raises AgentFileError."""
    return tuple(
        PythonToolSetup(item["name"], item["python"], care(item) if set(item) & set(_CARE) else None)
        for _, item in _tools(checked)
        if "python" in item
    )


_CARE = ("confirm", "asks_de", "asks_en", "most")


def care(item: Mapping[str, Any]) -> ToolCare:
    """What an entry says about the care its tool needs."""
    asks = {code: item[f"asks_{code}"] for code in ("de", "en") if f"asks_{code}" in item}
    return ToolCare(item.get("confirm", False), asks, item.get("most", ToolCare().most))


def _tools(checked: Checked) -> Iterator[tuple[int, Mapping[str, Any]]]:
    names = set(BUILT_IN)
    for index, item in enumerate(checked.tree.get("tools", ())):
        if item["name"] in names:
            raise checked.error(("tools", index, "name"), f"{item['name']} is there twice, or built in")
        names.add(item["name"])
        if ("url" in item) == ("python" in item):
            raise checked.error(("tools", index), "needs either `url` or `python`")
        if "python" in item and (more := set(item) - {"name", "python", *_CARE}):
            raise checked.error(("tools", index, min(more)), "has no meaning beside `python`: the function says it")
        yield index, item


def _http(checked: Checked, index: int, item: Mapping[str, Any]) -> HttpToolSetup:
    if "description" not in item:
        raise checked.error(("tools", index), "`description` is missing: the model must know when to use it")
    parameters = _parameters(checked, index, item)
    network = item.get("network", "public")
    known = {each.name: each for each in parameters}
    _check_url(checked, ("tools", index, "url"), item["url"], known, network)
    for key in ("asks_de", "asks_en"):
        for place in _PLACE.findall(item.get(key, "")):
            if place not in known:
                raise checked.error(("tools", index, key), f"{{{place}}} is not one of its parameters")
    return HttpToolSetup(
        name=item["name"],
        description=item["description"],
        url=item["url"],
        method=item.get("method", "GET"),
        parameters=parameters,
        headers=_pairs(item, "headers"),
        network=network,
        deadline_s=item.get("deadline_s", 5.0),
        care=care(item),
    )


def sms(checked: Checked) -> SmsSetup | None:
    """What `[sms]` says, if it is there. Raises AgentFileError."""
    item = checked.tree.get("sms")
    if item is None:
        return None
    for index, code in enumerate(item.get("countries", ())):
        if code not in COUNTRY_CODES:
            known = ", ".join(COUNTRY_CODES)
            raise checked.error(("sms", "countries", index), f"{code} cannot be allowed; known are {known}")
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}
    return SmsSetup(**given)


def booking(checked: Checked) -> BookingSetup | None:
    """What `[booking]` says, if it is there. Raises AgentFileError."""
    item = checked.tree.get("booking")
    if item is None:
        return None
    if ("url" in item) == ("feeds" in item):
        raise checked.error(("booking",), "needs either `url` (CalDAV) or `feeds` (iCalendar)")
    network = item.get("network", "public")
    for where, url in (
        [(("booking", "url"), item["url"])]
        if "url" in item
        else [(("booking", "feeds", index), feed) for index, feed in enumerate(item["feeds"])]
    ):
        _check_url(checked, where, url, {}, network)
    if "feeds" in item and (more := {"user", "password"} & set(item)):
        raise checked.error(("booking", min(more)), "has no meaning beside `feeds`")
    if ("user" in item) != ("password" in item):
        raise checked.error(("booking",), "`user` and `password` belong together")
    if "feeds" in item and not checked.tree.get("notify"):
        raise checked.error(("booking", "feeds"), "need [[notify]]: that is where bookings go")
    if not checked.tree.get("hours"):
        raise checked.error(("booking",), "needs [hours]: appointments are given within them")
    names = [service["name"] for service in item["services"]]
    if len(set(names)) < len(names):
        raise checked.error(("booking", "services"), "a service is there twice")
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}
    return BookingSetup(**{**given, "services": tuple(Service(**each) for each in item["services"])})


def mcp_servers(checked: Checked) -> tuple[McpSetup, ...]:
    """The servers of `[[mcp]]`. Raises AgentFileError."""
    found: dict[str, McpSetup] = {}
    for index, item in enumerate(checked.tree.get("mcp", ())):
        where, name = ("mcp", index), item["name"]
        if name in found:
            raise checked.error((*where, "name"), f"{name} is there twice")
        if ("url" in item) == ("command" in item):
            raise checked.error(where, "needs either `url` or `command`")
        network = item.get("network", "public")
        if "url" in item:
            _check_url(checked, (*where, "url"), item["url"], {}, network)
        if "command" in item and (more := {"headers", "network"} & set(item)):
            raise checked.error((*where, min(more)), "has no meaning beside `command`")
        if "url" in item and "environment" in item:
            raise checked.error((*where, "environment"), "has no meaning beside `url`")
        for key in ("reads", "confirm"):
            for tool in item.get(key, ()):
                if tool not in item["tools"]:
                    raise checked.error((*where, key), f"{tool} is not one of its `tools`")
        if both := set(item.get("reads", ())) & set(item.get("confirm", ())):
            raise checked.error((*where, "confirm"), f"{min(both)} only reads, so there is nothing to agree to")
        found[name] = McpSetup(
            name, tuple(item["tools"]), item.get("url", ""), tuple(item.get("command", ())), _pairs(item, "headers"),
            _pairs(item, "environment"), network, item.get("deadline_s", 8.0), tuple(item.get("reads", ())),
            tuple(item.get("confirm", ())), item.get("most", ToolCare().most),
        )  # fmt: skip
    return tuple(found.values())


def _pairs(item: Mapping[str, Any], key: str) -> tuple[tuple[str, str], ...]:
    return tuple((each["name"], each["value"]) for each in item.get(key, ()))


def _parameters(checked: Checked, index: int, item: Mapping[str, Any]) -> tuple[ToolParameter, ...]:
    found: dict[str, ToolParameter] = {}
    for number, each in enumerate(item.get("parameters", ())):
        if each["name"] in found:
            raise checked.error(("tools", index, "parameters", number, "name"), f"{each['name']} is there twice")
        found[each["name"]] = ToolParameter(
            each["name"], each.get("kind", "text"), each.get("says", ""), each.get("required", "yes") == "yes",
            tuple(dict.fromkeys(each.get("choices", ()))),
        )  # fmt: skip
    return tuple(found.values())


def _check_url(checked: Checked, where: Path, url: str, known: Mapping[str, ToolParameter], network: str) -> None:
    def fault(reason: str) -> Exception:
        return checked.error(where, reason)

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise fault("is not an address") from None
    if parts.scheme not in ("https", "http") or not host or any(sign.isspace() for sign in url):
        raise fault("must be an https:// address")
    if parts.scheme == "http" and network != "private":
        raise fault('must be https; plain http is for your own network (network = "private")')
    if parts.username or parts.password or parts.fragment or "\\" in url:
        raise fault("has a user name, a # or a backslash; put secrets into headers")
    if "{" in parts.netloc or "}" in parts.netloc:
        raise fault("has a parameter in its host; a model must not choose the host")
    for place in _PLACE.findall(url):
        if place not in known:
            raise fault(f"{{{place}}} is not one of its parameters")
        if not known[place].required:
            raise fault(f"{{{place}}} must be required, it has a place in the address")
