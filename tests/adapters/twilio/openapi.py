"""A small checker: whether Twilio's own OpenAPI description knows a request."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from tests.adapters.twilio.double import Seen

UNTRIMMED = re.compile(r"/2010-04-01/Accounts(/AC\w{32}/Messages)?\.json")
"""Asked by STELLA, and left out of the trimmed description."""


def where() -> Path:
    """Where the description would be."""
    beside = Path(__file__).resolve().parents[4] / "shared/twilio-oai/twilio_voice_trim.json"
    return Path(os.environ.get("STELLA_TEST_TWILIO_OPENAPI") or beside)


def description() -> dict[str, Any] | None:
    """The description, where somebody has put it."""
    return json.loads(where().read_text()) if where().is_file() else None


def faults(seen: Seen, known: dict[str, Any]) -> list[str]:
    """Everything about the request that the description does not allow."""
    if UNTRIMMED.fullmatch(seen.path):
        return []
    for template, item in known["paths"].items():
        names = re.findall(r"\{(\w+)\}", template)
        found = re.fullmatch(re.sub(r"\\\{\w+\\\}", r"([^/]+)", re.escape(template)), seen.path)
        if not found or (template.endswith("/{Sid}.json") and seen.path.count("/") != template.count("/")):
            continue
        operation = item.get(seen.method.lower())
        if operation is None:
            return [f"{seen.method} is not allowed on {template}"]
        return _operation(operation, dict(zip(names, found.groups(), strict=True)), seen)
    return [f"no such path: {seen.path}"]


def _operation(operation: dict[str, Any], path: dict[str, str], seen: Seen) -> list[str]:
    parameters = {(each["in"], each["name"]): each for each in operation.get("parameters", [])}
    wrong = []
    for place, values in (("path", path), ("query", dict(seen.query))):
        for name, value in values.items():
            if (place, name) not in parameters:
                wrong.append(f"unknown {place} parameter {name}")
            else:
                wrong += _value(name, value, parameters[place, name]["schema"])
        wrong += [
            f"{name} is missing" for (where, name), each in parameters.items()
            if where == place and each.get("required") and name not in values
        ]  # fmt: skip
    content = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    schema = content.get("schema", {})
    fields = dict(seen.form)
    for name, value in fields.items():
        if name not in schema.get("properties", {}):
            wrong.append(f"unknown field {name}")
        elif value:  # an empty one clears
            wrong += _value(name, value, schema["properties"][name])
    return wrong + [f"{name} is missing" for name in schema.get("required", []) if name not in fields]


def _value(name: str, value: str, schema: dict[str, Any]) -> list[str]:
    wrong = []
    if schema.get("type") == "integer":
        number = int(value) if value.lstrip("-").isdecimal() else None
        if number is None or not schema.get("minimum", number) <= number <= schema.get("maximum", number):
            wrong.append(f"{name}={value} is out of bounds")
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{name}={value} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        wrong.append(f"{name}={value} does not match {schema['pattern']}")
    if schema.get("format") == "uri" and not re.fullmatch(r"[a-z]+://[^\s/]+\S*", value):
        wrong.append(f"{name}={value} is no URI")
    return wrong
