"""The tools of an agent file: refused with the line and the mend, before any model sees them."""

from __future__ import annotations

import pytest

from stella.domain.agent import (
    Agent,
    BookingSetup,
    HttpToolSetup,
    PythonToolSetup,
    Service,
    SmsSetup,
    ToolCare,
    ToolParameter,
)
from stella.domain.agent_file import parse_agent
from stella.domain.errors import AgentFileError

HEAD = 'name = "office"\ncompany = "Muster"\n[[languages]]\ncode = "en"\n'
GOOD = """
[[tools]]
name = "order"
description = "Looks an order up."
url = "https://shop.example/orders/{number}?v=1"
method = "POST"
network = "public"
deadline_s = 2
[[tools.parameters]]
name = "number"
says = "Digits."
[[tools.parameters]]
name = "lang"
choices = ["de", "en"]
required = "no"
[[tools.headers]]
name = "Authorization"
value = {env = "SHOP_TOKEN"}
[[tools]]
name = "rooms"
python = "my_tools:free_rooms"
"""


def agent(tools: str, environ: dict[str, str] | None = None) -> Agent:
    """A file with these tools."""
    return parse_agent(HEAD + tools, "office.toml", environ or {"SHOP_TOKEN": "Bearer s3cret"}, {})


def test_a_tool_is_read_as_it_is_written() -> None:
    """Secrets come from the environment and are not shown."""
    read = agent(GOOD)
    assert read.http_tools == (
        HttpToolSetup(
            "order", "Looks an order up.", "https://shop.example/orders/{number}?v=1", "POST",
            (ToolParameter("number", says="Digits."), ToolParameter("lang", required=False, choices=("de", "en"))),
            (("Authorization", "Bearer s3cret"),), "public", 2.0,
        ),
    )  # fmt: skip
    assert read.python_tools == (PythonToolSetup("rooms", "my_tools:free_rooms"),)
    assert "s3cret" not in repr(read)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('name = "order"', 'name = "transfer_to"', "built in"),
        ('name = "rooms"', 'name = "order"', "twice"),
        ('name = "order"', 'name = "Order!"', "underscores"),
        ('description = "Looks an order up."\n', "", "description"),
        ('url = "https', 'python = "a:b"\nurl = "https', "either"),
        ('python = "my_tools:free_rooms"', "", "either"),
        ('python = "my_tools:free_rooms"', 'python = "my_tools"', "module:function"),
        ('python = "my_tools:free_rooms"', 'python = "a:b"\nmethod = "GET"', "no meaning"),
        ("https://shop", "http://shop", "https"),
        ("https://shop", "ftp://shop", "https"),
        ("https://shop.example", "https://{number}.example", "host"),
        ("https://shop.example", "https://u:p@shop.example", "headers"),
        ("https://shop.example/", "https://shop.example:99999/", "not an address"),
        ("{number}", "{other}", "not one of its parameters"),
        ("{number}", "{lang}", "required"),
        ('name = "lang"', 'name = "number"', "twice"),
        ('method = "POST"', 'method = "TRACE"', "one of"),
        ("deadline_s = 2", "deadline_s = 60", "15"),
        ("deadline_s = 2", 'confirm = "yes"', "true or false"),
        ("deadline_s = 2", 'asks_de = "Ich storniere {nummer}."', "not one of its parameters"),
        ("deadline_s = 2", "most = 0", "1 to 60"),
        ('{env = "SHOP_TOKEN"}', '{env = "MISSING"}', "MISSING"),
        ('{env = "SHOP_TOKEN"}', '"sk-abcdefghijklmnopqrstuvwxyz"', "secret"),
    ],
)
def test_a_fault_is_named_with_its_line(before: str, after: str, reason: str) -> None:
    """The operator reads it at the start, not in a call's log."""
    assert before in GOOD
    with pytest.raises(AgentFileError, match=reason) as caught:
        agent(GOOD.replace(before, after, 1))
    assert caught.value.line > 0


def test_care_is_read_for_both_kinds_of_tools() -> None:
    """A Python function's own care stands where the file says nothing."""
    more = 'confirm = true\nasks_en = "I cancel {number}."\nmost = 2\n'
    read = agent(GOOD.replace("deadline_s = 2\n", f"deadline_s = 2\n{more}"))
    assert read.http_tools[0].care == ToolCare(confirm=True, asks={"en": "I cancel {number}."}, most=2)
    assert read.python_tools[0].care is None
    assert agent(f"{GOOD}confirm = true\n").python_tools[0].care == ToolCare(confirm=True)


def test_plain_http_is_for_ones_own_network() -> None:
    """Behind the company's own walls there is often nothing else."""
    text = GOOD.replace("https://shop.example", "http://10.0.0.5:8080").replace('"public"', '"private"')
    assert agent(text).http_tools[0].network == "private"


SERVER = """
[[mcp]]
name = "shop"
url = "https://shop.example/mcp"
tools = ["find", "buy"]
reads = ["find"]
confirm = ["buy"]
deadline_s = 6
most = 3
[[mcp.headers]]
name = "Authorization"
value = {env = "SHOP_TOKEN"}
"""
PROGRAM = """
[[mcp]]
name = "beside"
command = ["npx", "-y", "some-server"]
tools = ["find"]
[[mcp.environment]]
name = "SHOP_KEY"
value = {env = "SHOP_TOKEN"}
"""


def test_mcp_servers_are_read_as_they_are_written() -> None:
    """An address or a program, an allow-list, and what needs a yes."""
    read = agent(SERVER + PROGRAM)
    shop, beside = read.mcp
    assert shop.tools == ("find", "buy") and shop.reads == ("find",) and shop.confirm == ("buy",)
    assert (shop.deadline_s, shop.most, shop.network) == (6.0, 3, "public")
    assert shop.headers == (("Authorization", "Bearer s3cret"),)
    assert beside.command == ("npx", "-y", "some-server") and beside.environment == (("SHOP_KEY", "Bearer s3cret"),)
    assert "s3cret" not in repr(read)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('tools = ["find", "buy"]', "tools = []", "empty"),
        ('reads = ["find"]', 'reads = ["look"]', "look is not one"),
        ('confirm = ["buy"]', 'confirm = ["find"]', "nothing to agree"),
        ("https://shop", "http://shop", "https"),
        ("https://shop.example", "https://u:p@shop.example", "headers"),
        ('name = "shop"', 'name = "beside"', "twice"),
        ('name = "shop"', 'name = "shop"\ncommand = ["x"]', "either"),
        ('command = ["npx", "-y", "some-server"]', "", "either"),
        ('command = ["npx", "-y", "some-server"]', 'command = ["x"]\nnetwork = "private"', "no meaning"),
        ("deadline_s = 6", "deadline_s = 60", "25"),
    ],
)
def test_a_fault_of_a_server_is_named(before: str, after: str, reason: str) -> None:
    """Before anything is connected."""
    assert before in SERVER + PROGRAM
    with pytest.raises(AgentFileError, match=reason) as caught:
        agent((SERVER + PROGRAM).replace(before, after, 1))
    assert caught.value.line > 0


def test_texts_to_callers_are_read_and_bounded() -> None:
    """A sender that is a messaging service, countries that can be allowed, hosts instead of addresses."""
    read = agent('[sms]\ncountries = ["AT"]\nper_call = 1\nlinks = ["vintaro.at"]\n').sms
    assert read == SmsSetup(countries=("AT",), per_call=1, links=("vintaro.at",))
    assert agent("[sms]\n").sms == SmsSetup() and agent("").sms is None
    for line in (
        'sender = "+43900123456"',
        'countries = ["XX"]',
        "per_call = 9",
        'links = ["https://x.at/"]',
        'to = "+431"',
    ):
        with pytest.raises(AgentFileError):
            agent(f"[sms]\n{line}\n")


BOOKING = """
[hours]
weekdays = ["09:00-17:00"]
[booking]
url = "https://cal.example/dav/office/"
user = "office"
password = {env = "SHOP_TOKEN"}
buffer_minutes = 10
[[booking.services]]
name = "Haarschnitt"
minutes = 30
"""
FEED = """
[hours]
weekdays = ["09:00-17:00"]
[[notify]]
kind = "email"
to = "office@example.com"
[booking]
feeds = [{env = "SHOP_TOKEN"}]
[[booking.services]]
name = "Haarschnitt"
minutes = 30
"""


def test_appointments_are_read_as_they_are_written() -> None:
    """A calendar with a key, or feeds whose addresses are keys themselves."""
    read = agent(BOOKING).booking
    assert read == BookingSetup(
        (Service("Haarschnitt", 30),), "https://cal.example/dav/office/", user="office", password="Bearer s3cret",
        buffer_minutes=10,
    )  # fmt: skip
    assert "s3cret" not in repr(read) and "cal.example" not in repr(read)
    feeds = agent(FEED, {"SHOP_TOKEN": "https://cal.example/private-0123/basic.ics"}).booking
    assert feeds is not None and feeds.feeds == ("https://cal.example/private-0123/basic.ics",) and not feeds.url
    assert "private-0123" not in repr(feeds)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('[hours]\nweekdays = ["09:00-17:00"]\n', "", "needs \\[hours\\]"),
        ('url = "https://cal.example/dav/office/"', "", "either"),
        ("https://cal", "http://cal", "https"),
        ('password = {env = "SHOP_TOKEN"}', 'password = "s3cret"', "environment"),
        ('password = {env = "SHOP_TOKEN"}', "", "belong together"),
        ("minutes = 30", "minutes = 0", "5 to 720"),
        ("minutes = 30", 'minutes = 30\n[[booking.services]]\nname = "Haarschnitt"\nminutes = 5', "twice"),
    ],
)
def test_a_fault_of_the_appointments_is_named(before: str, after: str, reason: str) -> None:
    """At the start, with the line."""
    assert before in BOOKING
    with pytest.raises(AgentFileError, match=reason) as caught:
        agent(BOOKING.replace(before, after, 1))
    assert caught.value.line > 0


def test_feeds_need_somebody_who_is_told() -> None:
    """A booking that nobody hears of is none."""
    with pytest.raises(AgentFileError, match="notify"):
        agent(
            FEED.replace('[[notify]]\nkind = "email"\nto = "office@example.com"\n', ""),
            {"SHOP_TOKEN": "https://x.at/a.ics"},
        )
    with pytest.raises(AgentFileError, match="no meaning"):
        agent(
            FEED.replace("feeds", 'user = "x"\npassword = {env = "SHOP_TOKEN"}\nfeeds'),
            {"SHOP_TOKEN": "https://x.at/a.ics"},
        )
