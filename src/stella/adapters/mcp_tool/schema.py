"""A server's JSON schema as a type of ours: what a model fills in is checked before it leaves the house."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

SCHEMA_MOST = 12_000
"""Characters of a schema; every model is told it at every turn."""
PARAMETERS_MOST = 40
TEXT_MOST = 4_000


class UnfitSchema(ValueError):
    """A tool's schema is too large or not an object's."""


def arguments_of(name: str, schema: Mapping[str, Any]) -> type[msgspec.Struct]:
    """The parameters one level deep: kinds, choices, which are needed. What lies deeper the server checks.

    Raises UnfitSchema.
    """
    properties = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not isinstance(properties, dict):
        raise UnfitSchema("it does not describe an object")
    if len(properties) > PARAMETERS_MOST or len(msgspec.json.encode(schema)) > SCHEMA_MOST:
        raise UnfitSchema("its schema is too large")
    required = set(schema.get("required", ()))
    fields: list[Any] = []
    names: dict[str, str] = {}
    for number, (key, rule) in enumerate(properties.items()):
        field = key if _fits(key) else f"field_{number}"
        names[field] = key
        kind = _kind(rule if isinstance(rule, dict) else {})
        if key in required:
            fields.insert(0, (field, kind))
        else:
            fields.append((field, kind | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct(f"Arguments_{name}", sorted(fields, key=len), rename=names, forbid_unknown_fields=True)


def shown(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as models are told it: an object, with its definitions put where they are used."""
    parts = {**schema.get("$defs", {}), **schema.get("definitions", {})}
    properties = {key: _inlined(rule, parts, 0) for key, rule in schema.get("properties", {}).items()}
    needed = [key for key in schema.get("required", ()) if key in properties]
    return {"type": "object", "properties": properties, "required": needed}


def _inlined(node: Any, parts: Mapping[str, Any], depth: int) -> Any:
    if depth > 12:
        return {}
    if isinstance(node, list):
        return [_inlined(item, parts, depth + 1) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        return _inlined(parts.get(reference.rpartition("/")[2], {}), parts, depth + 1)
    return {key: _inlined(value, parts, depth + 1) for key, value in node.items()}


def _fits(key: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", key)) and not keyword.iskeyword(key)


def _kind(rule: Mapping[str, Any]) -> Any:
    choices = rule.get("enum")
    if isinstance(choices, list) and choices and all(type(choice) in (str, int) for choice in choices):
        return Literal[tuple(dict.fromkeys(choices))]
    match rule.get("type"):
        case "string":
            return Annotated[str, msgspec.Meta(max_length=TEXT_MOST)]
        case "integer":
            return int
        case "number":
            return float
        case "boolean":
            return bool
        case "array":
            return list[Any]
        case "object":
            return dict[str, Any]
        case _:
            return Any
