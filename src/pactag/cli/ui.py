"""`pactag ui`: MLflow's pages on the runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from typing import Annotated

import typer
from rich.markup import escape

from pactag.cli.models import StoreOption
from pactag.cli.show import note
from pactag.errors import PactagError
from pactag.passwords import hidden

# Seconds; a store of an older MLflow may be brought up to date first.
_LONGEST_START = 300.0


def ui(
    tracking_uri: StoreOption = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Experiment to open; by default the one with the newest run.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page where there is a screen.")] = True,
) -> None:
    """Open the MLflow UI on the runs, at the page of the experiment, with the columns that matter chosen."""
    from pactag.tracking import Tracker
    from pactag.tracking.views import page_of_runs

    tracker = Tracker(tracking_uri)
    page = page_of_runs(tracker, experiment=experiment)
    if experiment is not None and not page:
        raise PactagError(f"--experiment {experiment!r}", f"has no run in this store ({tracker.uri})", "Train one, or name another")
    if tracker.uri.startswith(("http://", "https://")):
        _show(tracker.uri.rstrip("/") + page, browser)
        return
    address = f"http://{host}:{port}"
    # The jobs that MLflow would start beside the UI are for judging language models: seven processes that nobody here needs.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "ui",
        "--backend-store-uri",
        tracker.uri,
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    note(escape(f"MLflow UI on {address} (store {hidden(tracker.uri)}); stop it with Ctrl-C"))
    server = subprocess.Popen(command, env=environment)
    try:
        if _answers(address, server):
            _show(address + page, browser)
        code = server.wait()
    finally:
        server.terminate()
        server.wait()
    if code:
        raise PactagError(address, f"cannot be served (mlflow ui ended with {code})", "Is the port taken? Choose another: --port 5001")


def _answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server answers; False when it ends before it does."""
    # Nothing on the way: a proxy of the environment does not know this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + _LONGEST_START
    while server.poll() is None and time.monotonic() < end:
        try:
            opener.open(f"{address}/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return True
    return False


def _show(page: str, browser: bool) -> None:
    note(escape(f"runs: {page}"))
    # Without a screen, a browser would be one that takes the terminal.
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if browser and screen:
        webbrowser.open(page)
