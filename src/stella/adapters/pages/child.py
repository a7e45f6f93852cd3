"""The process that reads what others wrote: bytes in, JSON out, bounded in memory and time by the system itself.

A page may be made to break its reader: a few kilobytes of PDF that unpack into gigabytes, a table that sends a parser round in
squares. Here it breaks this process, and the page is left out.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys

MEMORY_MOST = 1_500_000_000
CPU_S = 20


def main(kind: str, charset: str) -> int:
    """Read stdin as `html`, `pdf` or `text`, write the sections. An exit code of 3 says why on stdout."""
    _bound()
    raw = sys.stdin.buffer.read()
    from stella.adapters.pages import html, pdf

    language = ""
    try:
        if kind == "pdf":
            sections = pdf.read(raw)
        elif kind == "html":
            language, pairs = html.read(raw, charset)
            sections = [(heading, text, "") for heading, text in pairs]
        else:
            sections = [("", html.decoded(raw, charset), "")]
    except pdf.Unreadable as fault:
        sys.stdout.write(json.dumps({"fault": str(fault)}))
        return 3
    sys.stdout.write(json.dumps({"language": language, "sections": sections}))
    return 0


def _bound() -> None:
    # A module that is compiled now could not be written whole, and would be in the way of everybody's next start.
    sys.dont_write_bytecode = True
    for what, most in ((resource.RLIMIT_AS, MEMORY_MOST), (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_FSIZE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
    # A reader that calls itself too often ends with an error and not with the stack.
    sys.setrecursionlimit(2_000)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
