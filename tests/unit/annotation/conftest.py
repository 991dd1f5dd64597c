"""Two short articles as tasks, and judgements of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tool_exports import DAM, PORT, label_studio_export

from pactag.annotation.rounds import start, take_in


@pytest.fixture
def articles(tmp_path) -> list[Path]:
    """`port` has three sentences, `dam` two; only `port` has a title."""
    port, dam = tmp_path / "articles.jsonl", tmp_path / "dam.txt"
    port.write_text(json.dumps({"id": "port", "title": "Port talks", "text": PORT}) + "\n", encoding="utf-8")
    dam.write_text(DAM, encoding="utf-8")
    return [port, dam]


@pytest.fixture
def started(tmp_path, articles, schema):
    """Starts a round for a tool and gives the folder."""

    def make(tool: str, **more) -> Path:
        folder = tmp_path / f"for-{tool}"
        start(articles, folder, schema, tool=tool, **more)
        return folder

    return make


@pytest.fixture
def judged(tmp_path, started, schema):
    """A JSONL file of judgements, from labels by annotator and sentence."""

    def make(given: dict[str, dict], name: str = "judgements.jsonl") -> Path:
        folder = tmp_path / "for-label-studio"
        if not folder.exists():
            started("label-studio")
        export = tmp_path / "export.json"
        export.write_text(label_studio_export(folder, given), encoding="utf-8")
        found = take_in([export], folder, schema)
        path = tmp_path / name
        path.write_text("".join(one.to_json() + "\n" for one in found.judgements), encoding="utf-8")
        return path

    return make
