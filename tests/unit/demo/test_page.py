"""How the demo is started, with a Gradio that serves nothing; the real one is started by tests/slow and tests/browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from pactag.demo.page import serve
from pactag.errors import PactagError

httpx = pytest.importorskip("httpx", reason="the extra `demo` is not installed")


@pytest.fixture
def page(monkeypatch):
    """What Gradio makes of the demo."""
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "before")
    gradio = MagicMock()
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    return gradio.Blocks.return_value.__enter__.return_value


def test_what_is_uploaded_goes_into_a_folder_of_the_demo(page, schema):
    serve(SimpleNamespace(schema=schema), wait=False)
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.is_dir()
    assert folder.name.startswith("pactag-demo-")


@pytest.mark.parametrize("before", [None, "news.example"])
def test_gradio_asks_itself_without_a_proxy(page, schema, monkeypatch, before: str | None):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    if before:
        monkeypatch.setenv("no_proxy", before)
    asked = []
    page.queue.return_value.launch.side_effect = lambda **_: asked.append(os.environ["no_proxy"])
    serve(SimpleNamespace(schema=schema), wait=False)
    assert asked == ["*"]
    assert (os.environ.get("no_proxy"), os.environ.get("NO_PROXY")) == (before, None)


@pytest.mark.parametrize("error", [OSError("taken"), httpx.ConnectError("taken"), httpx.InvalidURL("taken")])
def test_demo_that_cannot_be_served_is_told_and_ends(page, schema, error: Exception):
    page.queue.return_value.launch.side_effect = error
    with pytest.raises(PactagError, match=r"port 7 of 192\.0\.2\.1: cannot be used \(taken\)\. Choose another with --port"):
        serve(SimpleNamespace(schema=schema), host="192.0.2.1", port=7)
    assert page.close.called
    assert not page.block_thread.called
