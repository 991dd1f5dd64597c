"""`pactag demo` behind a proxy that knows nothing of this machine, and what is left of it. `make test-slow`."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="the extra `demo` is not installed"),
]

REPOSITORY = Path(__file__).parents[2]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _upload(address: str, name: str, content: str) -> Path:
    """Where the demo keeps a file that was uploaded."""
    body = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n{content}\r\n--x--\r\n'.encode()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with DIRECT.open(urllib.request.Request(f"{address}/gradio_api/upload", data=body, headers=headers), timeout=60) as answer:
        return Path(json.load(answer)[0])


def _wait_for(address: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        try:
            DIRECT.open(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return
    pytest.fail("the demo does not answer")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_starts_behind_a_proxy_and_leaves_nothing_when_it_ends(tmp_path, number: signal.Signals):
    port = free_port()
    (tmp_path / "temporary").mkdir()
    # Nobody is at the address of the proxy.
    environment = {name: value for name, value in os.environ.items() if name.lower() not in ("no_proxy", "gradio_temp_dir")}
    environment |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    environment |= {"TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-m", "pactag.cli", "demo", "-m", "built-in-small", "--port", str(port)]
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}", process)
            kept = _upload(f"http://127.0.0.1:{port}", "a.txt", "He said no.")
            assert kept.read_text() == "He said no."
            assert tmp_path / "temporary" in kept.parents
        finally:
            process.send_signal(number)
            process.wait(60)
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == []
