"""ngrok by its Python library, for machines without its program. A script, so that it ends on the leash like the rest.

It says its address in the words of the program. The token comes from NGROK_AUTHTOKEN.
"""

from __future__ import annotations

import importlib
import sys
import threading


def main(target: str) -> None:
    """Hold the tunnel open until killed."""
    ngrok = importlib.import_module("ngrok")
    listener = ngrok.forward(target, authtoken_from_env=True)
    sys.stdout.write(f"started tunnel url={listener.url()}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
