"""The speech libraries keep to themselves what they know of this machine and its calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnxruntime


def test_no_device_id_is_made_and_nobody_is_told(tmp_path: Path) -> None:
    """Whoever runs STELLA was promised that nothing leaves the house; onnxruntime reports to its maker unless told not to.

    It keeps still by itself where it sees `CI`, so that is taken away.
    """
    environ = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    code = "import stella, onnxruntime as o; o.SessionOptions(); print(o.__version__)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert run.stdout.strip() == onnxruntime.__version__
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert "elemetry" not in run.stderr
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
