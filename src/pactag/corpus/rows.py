"""The labelled corpus as rows: read, check, digest. One JSON object a line is one sentence."""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pactag.errors import CorpusError, Problem
from pactag.schema import Schema
from pactag.sentences import SentenceInput, in_context

SPLITS = ("train", "validation", "test")
# Field of a row whose article is in the corpus only in part: the sentences before it, nearest last.
BEFORE = "before"
_REQUIRED = {"article_id": str, "index": int, "text": str, "labels": list}


@dataclass(frozen=True)
class Row:
    """One labelled sentence. `index` counts the sentences of its article from 0; `extra` holds further fields of the line."""

    article_id: str
    index: int
    text: str
    labels: tuple[str, ...]
    title: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.article_id}:{self.index}"

    def to_json(self) -> str:
        """The line of the file, byte for byte the same for the same row."""
        data = {"article_id": self.article_id, "index": self.index, "title": self.title, "text": self.text, "labels": list(self.labels)}
        return json.dumps({**data, **self.extra}, ensure_ascii=False)


@dataclass(frozen=True)
class Corpus:
    """Checked rows by split, each split in article order."""

    splits: Mapping[str, tuple[Row, ...]]

    def __getitem__(self, split: str) -> tuple[Row, ...]:
        return self.splits[split]

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for rows in self.splits.values() for row in rows)

    @property
    def digest(self) -> str:
        """SHA-256 over split names, texts and labels, in order; fields that no model sees do not count."""
        return digest_of(self.splits)


def digest_of(splits: Mapping[str, Sequence[Row]]) -> str:
    """Content digest of rows by split, 64 hex digits."""
    total = hashlib.sha256()
    for name in sorted(splits):
        for row in splits[name]:
            line = [name, row.article_id, row.index, row.title, row.text, sorted(row.labels)]
            if row.extra.get(BEFORE) is not None:
                line.append(row.extra[BEFORE])
            total.update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return total.hexdigest()


@dataclass(frozen=True)
class LabelledSentences:
    """Sentences as a classifier takes them. `targets` has shape `(n, labels)` with 0 and 1; `groups[i]` is the article of sentence i."""

    inputs: tuple[SentenceInput, ...]
    targets: np.ndarray
    groups: tuple[str, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.inputs)


def labelled_sentences(rows: Sequence[Row], schema: Schema, *, preceding: int = 0, with_title: bool = False) -> LabelledSentences:
    """Rows in article order as classifier inputs with their context."""
    inputs: list[SentenceInput] = []
    ordered = [row for article in by_article(rows).values() for row in article]
    for article in by_article(rows).values():
        seen = in_context([row.text for row in article], title=article[0].title, preceding=preceding, with_title=with_title)
        inputs += [_with_own_context(one, row, preceding) for one, row in zip(seen, article, strict=True)]
    return LabelledSentences(
        tuple(inputs),
        schema.encode_many([row.labels for row in ordered]),
        tuple(row.article_id for row in ordered),
        tuple(row.id for row in ordered),
    )


def _with_own_context(seen: SentenceInput, row: Row, preceding: int) -> SentenceInput:
    """A row that brings the sentences before it is seen after these: not all of its article is in the corpus."""
    before = row.extra.get(BEFORE)
    if before is None:
        return seen
    return SentenceInput(seen.text, tuple(before)[max(0, len(before) - preceding) :], seen.title)


def by_article(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows grouped by article, articles in order of first appearance, sentences by index."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.article_id, []).append(row)
    return {article: sorted(group, key=lambda row: row.index) for article, group in groups.items()}


def read_corpus(folder: Path | str, schema: Schema) -> Corpus:
    """Read `train.jsonl`, `validation.jsonl` and `test.jsonl` of a folder.

    :raises CorpusError: with every problem of every file, each with file and line.
    """
    folder = Path(folder)
    problems: list[Problem] = []
    splits: dict[str, tuple[Row, ...]] = {}
    article_split: dict[str, str] = {}
    if not folder.is_dir():
        raise CorpusError(str(folder), "is not a folder", f"Name a corpus folder holding {', '.join(f'{s}.jsonl' for s in SPLITS)}")
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        rows, found = check_rows_of(path, schema)
        problems += found
        for article, group in by_article(rows).items():
            other = article_split.setdefault(article, split)
            if other != split:
                where = f"{path}:{group[0].extra['__line__']}"
                problems.append(Problem(where, f"article {article!r} is in {other}.jsonl as well", "An article belongs to one split"))
        splits[split] = _in_article_order(rows)
    if problems:
        raise CorpusError.of(problems)
    return Corpus(splits)


def read_rows(path: Path | str, schema: Schema) -> tuple[Row, ...]:
    """Read one labelled JSONL file, such as a second evaluation set.

    :raises CorpusError: with every problem of the file.
    """
    rows, problems = check_rows_of(Path(path), schema)
    if problems:
        raise CorpusError.of(problems)
    return _in_article_order(rows)


def check_rows_of(path: Path, schema: Schema) -> tuple[list[Row], list[Problem]]:
    """Rows of a file and all that is wrong with it. Each row carries its line number in `extra["__line__"]`."""
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return [], [Problem(str(path), "no such file", "Give a JSONL file with one sentence a line")]
    except IsADirectoryError:
        return [], [Problem(str(path), "is a directory", "Give a JSONL file with one sentence a line")]
    except OSError as bad:
        return [], [Problem(str(path), f"cannot be read ({bad.strerror})", "Check the path and its permissions")]
    rows: list[Row] = []
    problems: list[Problem] = []
    first_line: dict[str, int] = {}
    for number, line in enumerate(raw.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = _parse(line, where, schema, problems)
        if row is None:
            continue
        if row.id in first_line:
            problems.append(Problem(where, f"sentence {row.id!r} stands on line {first_line[row.id]} already", "Give each index once"))
            continue
        first_line[row.id] = number
        rows.append(Row(row.article_id, row.index, row.text, row.labels, row.title, {**row.extra, "__line__": number}))
    if not rows and not problems:
        problems.append(Problem(str(path), "holds no sentence", "Give a JSONL file with one sentence a line"))
    # A broken line leaves a hole in its article; reporting the hole as well would only repeat it.
    if not problems:
        problems += _gaps(rows, path)
    return rows, problems


def _parse(line: bytes, where: str, schema: Schema, problems: list[Problem]) -> Row | None:
    try:
        data = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as bad:
        problems.append(Problem(where, f"byte {bad.start} (0x{line[bad.start]:02x}) is not valid UTF-8", "Save the file as UTF-8"))
        return None
    except json.JSONDecodeError as bad:
        problems.append(Problem(where, f"invalid JSON at column {bad.colno} ({bad.msg})", "Write one JSON object a line"))
        return None
    except (ValueError, RecursionError):
        problems.append(Problem(where, "is JSON too large or too deep to read", "Write one JSON object a line"))
        return None
    if not isinstance(data, dict):
        problems.append(Problem(where, f"is a JSON {type(data).__name__}, not an object", "Write one JSON object a line"))
        return None
    before = len(problems)
    for name, kind in _REQUIRED.items():
        if name not in data:
            close = difflib.get_close_matches(name, data, n=1)
            problems.append(Problem(where, f"has no {name!r}", f"Rename {close[0]!r}" if close else f"Needed: {', '.join(_REQUIRED)}"))
        elif not isinstance(data[name], kind) or isinstance(data[name], bool):
            problems.append(Problem(where, f"{name!r} is {data[name]!r}", f"It must be a {kind.__name__}"))
    if len(problems) > before:
        return None
    if not data["article_id"].strip():
        problems.append(Problem(where, "'article_id' is empty", "Give every article a name"))
    if data["index"] < 0:
        problems.append(Problem(where, f"'index' is {data['index']}", "Count from 0"))
    if not data["text"].strip():
        problems.append(Problem(where, "'text' is empty", "Drop the line or give its sentence"))
    # A half can be written as an escape only.
    if b"\\ud" in line.lower():
        halves = [name for name, value in data.items() if _half(json.dumps({name: value}, ensure_ascii=False))]
        problems += [Problem(where, f"{name!r} holds half of a surrogate pair", "Repair the character") for name in halves]
    before_it = data.get(BEFORE)
    if before_it is not None and not (isinstance(before_it, list) and all(isinstance(text, str) for text in before_it)):
        problems.append(Problem(where, f"{BEFORE!r} is {before_it!r}", "It must be a list of the sentences before this one"))
    if not isinstance(data.get("title"), str | None):
        problems.append(Problem(where, f"'title' is {data['title']!r}", "It must be a str or null"))
    for label in data["labels"]:
        if label not in schema.names:
            close = difflib.get_close_matches(str(label), schema.names, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            problems.append(Problem(where, f"unknown label {label!r}", f"{hint}The schema has: {', '.join(schema.names)}"))
    if len(set(map(str, data["labels"]))) < len(data["labels"]):
        problems.append(Problem(where, f"a label is given twice in {data['labels']}", "Give each label once"))
    if len(problems) > before:
        return None
    extra = {key: value for key, value in data.items() if key not in (*_REQUIRED, "title")}
    labels = schema.in_order(data["labels"])
    return Row(data["article_id"], data["index"], data["text"], labels, data.get("title"), extra)


def _half(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, which no file in UTF-8 can."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _gaps(rows: list[Row], path: Path) -> list[Problem]:
    problems = []
    for article, group in by_article(rows).items():
        last = -1
        for row in group:
            # A sentence that brings those before it may stand anywhere in its article.
            if row.index != last + 1 and row.extra.get(BEFORE) is None:
                where = f"{path}:{row.extra['__line__']}"
                fix = f"Count from 0, no gaps; or give the sentences before it as {BEFORE!r}"
                problems.append(Problem(where, f"article {article!r} goes from index {last} to {row.index}", fix))
                break
            last = row.index
    return problems


def _in_article_order(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(_without_line(row) for article in by_article(rows).values() for row in article)


def _without_line(row: Row) -> Row:
    extra = {key: value for key, value in row.extra.items() if key != "__line__"}
    return Row(row.article_id, row.index, row.text, row.labels, row.title, extra)
