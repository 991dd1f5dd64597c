"""A tagger that needs no model, so that jobs can be run and killed many times."""

from __future__ import annotations

import json

import pytest
from fake_tagger import FakeTagger

from pactag.bulk.plan import Share
from pactag.bulk.run import local, prepare, run


@pytest.fixture
def articles(tmp_path):
    """A file of 53 articles, one of which cannot be read, and a folder of three more."""
    rows = [json.dumps({"id": f"a{n}", "text": f"The {n}th offer. " * (1 + n % 4)}) for n in range(53)]
    rows[20] = "{broken"
    (tmp_path / "wire.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "local").mkdir()
    for name in ("x", "y", "z"):
        (tmp_path / f"local/{name}.txt").write_text(f"{name} said no. She left.")
    return [tmp_path / "wire.jsonl", tmp_path / "local"]


@pytest.fixture
def job(articles):
    """Runs a job on the articles with parts of four, as if every file were large."""

    def do(folder, *, inputs=articles, tagger=None, share=Share(), resume=False, model="fake-1", part_size=4, **options):
        ready = prepare(inputs, folder, model=model, part_size=part_size, share=share, resume=resume, **options)
        return run(ready, local(tagger or FakeTagger()))

    return do
