"""One event per line, values as fields, and nothing of a caller or a key in any of them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_NUMBER = re.compile(r"\+?\d[\d /().-]{6,}\d")
_SECRET_NAMES = ("token", "secret", "password", "authorization", "api_key", "signature")
_SAFE = ("call", "call_sid", "stream", "timestamp", "url", "public_url")
_LEAST_DIGITS = 8


def _hide(found: re.Match[str]) -> str:
    text = found.group()
    return "(number)" if sum(map(str.isdigit, text)) >= _LEAST_DIGITS else text


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last net: long digit strings and anything named like a secret never leave, whoever forgot."""
    for name, value in event.items():
        if any(word in name.lower() for word in _SECRET_NAMES) and value not in (None, "", True, False):
            event[name] = "***"
        elif isinstance(value, str) and name not in _SAFE:
            event[name] = _NUMBER.sub(_hide, value)
    return event


def set_up_logs(level: str, form: str) -> None:
    """`form` is `json`, `console`, or `auto`: console on a terminal, JSON elsewhere. Lines go to standard error."""
    plain = form == "console" or (form == "auto" and sys.stderr.isatty())
    # Plain tracebacks only: the pretty ones print every local variable, which is keys, numbers and words of callers.
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if plain
        else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A traceback becomes text first, so that the net sees it too.
    tail: list[Any] = [structlog.processors.format_exc_info, _redact, renderer]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail]
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING) if number > logging.DEBUG else number)
