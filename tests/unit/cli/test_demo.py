"""`pactag demo` before it opens a page; the page itself is driven by tests/browser."""

from __future__ import annotations

import sys

import pytest


def test_help_says_what_it_does(pactag):
    assert "download the corrections" in " ".join(pactag("demo", "--help").stdout.replace("│", " ").split())


def test_port_0_is_refused(pactag):
    done = pactag("demo", "--port", "0")
    assert done.returncode == 2
    assert "should be greater than or equal to 1" in " ".join(done.stderr.replace("│", " ").split())


def test_missing_extra_is_told(pactag, trained, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = pactag("demo", "--model", trained["tfidf"].folder)
    assert done.returncode == 2
    assert "pip install 'pactag[demo]'" in done.stderr


def test_without_a_store_it_is_the_built_in_model(pactag, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = pactag("demo", MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/none.db")
    # The page is what is missing, and not the model.
    assert "pip install 'pactag[demo]'" in done.stderr
