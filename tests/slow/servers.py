"""An `mlflow server` that tests start and stop."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class MlflowServer:
    """`mlflow server` on loopback, with one process that answers; its address stays the same when it is started again."""

    def __init__(self, folder: Path, *, store: str | None = None) -> None:
        self.folder = folder
        self.uri = f"http://127.0.0.1:{(port := free_port())}"
        store = store or f"sqlite:///{folder / 'mlflow.db'}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--host", "127.0.0.1"]
        self._command += ["--port", str(port), "--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        log = self.folder / "server.log"
        # It starts its workers by name, and others for jobs that no test has.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with log.open("a") as file:
            # A group of its own, so that the workers of the server end with it.
            self._process = subprocess.Popen(self._command, stdout=file, stderr=file, start_new_session=True, env=environment)
        deadline = time.monotonic() + 400
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            time.sleep(0.25)
        pytest.fail(log.read_text())

    @property
    def running(self) -> bool:
        return self._process is not None

    def stop(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None
