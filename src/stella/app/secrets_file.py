"""Secrets made at the first start: files with mode 0600 in the data dir, shown once at most."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from stella.domain.errors import ConfigError


def secret_file(path: Path, *, size: int = 32) -> tuple[str, bool]:
    """The secret in `path`, made now if there is none; and whether it is new. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = path.read_text("ascii").strip()
            if len(kept) < size // 2:
                raise ConfigError(f"{path} is empty or cut off; delete it and start again to have a new one") from None
            return kept, False
        made = secrets.token_urlsafe(size)
        with os.fdopen(handle, "w") as file:
            file.write(made + "\n")
        return made, True
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot keep a secret there ({error}); check STELLA_DATA_DIR and its rights"
        ) from None
