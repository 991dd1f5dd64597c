"""Small inputs that the unit tests write themselves: corpus rows, written articles, readers' passes. None comes from data/."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a test that fails here fails everywhere.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


def row_line(article: str = "a", index: int = 0, text: str = "The port has 14 pilots.", labels=(), **more) -> str:
    """One line of a corpus file; keywords add fields, and those that are None are left out."""
    fields = {"article_id": article, "index": index, "title": "Port talks", "text": text, "labels": list(labels), **more}
    return json.dumps(fields, ensure_ascii=False)


class DataFolder:
    """A folder with `articles/`, `annotations/` and `splits.json`, filled by the methods."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests: dict[str, str] = {}

    def article(self, name: str, *lines: str, writer: str = "w1", topic: str = "strikes", register: str = "local paper") -> Path:
        """Write an article; lines with `>` are intents."""
        header = ["title: Port talks", "date: 2011-09-14", f"topic: {topic}", f"register: {register}", "structure: claim first", ""]
        path = self.root / "articles" / writer / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8")
        sentences = [line for line in lines if line and not line.startswith(">")]
        self.digests[name] = hashlib.sha256("\n".join(sentences).encode()).hexdigest()[:12]
        return path

    def reading(self, reader: str, name: str, labels=None, **more) -> Path:
        """Add one reader's record of an article: `labels` maps sentence numbers to label lists; keywords replace fields."""
        given = {str(index): names for index, names in (labels or {}).items()}
        record = {"article_id": name, "digest": self.digests.get(name, "0" * 12), "labels": given, **more}
        return self.line(reader, json.dumps(record, ensure_ascii=False))

    def line(self, reader: str, line: str | bytes) -> Path:
        """Add one line to a reader's pass, as it is."""
        path = self.root / "annotations" / reader / "pass.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
        return path

    def plan(self, **fields) -> Path:
        """Write `splits.json`."""
        path = self.root / "splits.json"
        path.write_text(json.dumps(fields), encoding="utf-8")
        return path

    def files(self) -> dict[str, bytes]:
        """Every file of the folder with its bytes."""
        return {str(path.relative_to(self.root)): path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


@pytest.fixture
def line_of():
    return row_line


@pytest.fixture
def data_folder(tmp_path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def corpus_folder(tmp_path):
    """Writes the three files of a corpus from lines of text or bytes; a split that is not given holds one sentence of its own."""

    def write(**splits) -> Path:
        for split in ("train", "validation", "test"):
            lines = splits.get(split, [row_line(f"only-{split}")])
            raw = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines)
            (tmp_path / f"{split}.jsonl").write_bytes(raw)
        return tmp_path

    return write
