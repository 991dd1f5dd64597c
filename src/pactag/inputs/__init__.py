"""Articles from files of many kinds, from folders and from standard input, one by one and in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from pactag.articles import Article, open_input
from pactag.errors import InputError, MissingExtraError, PactagError
from pactag.inputs import html, jsonl, plain, tables
from pactag.inputs.paths import Source, sources

# A reader gets the open file, the name to use in errors, and the id for articles that bring none.
Reader = Callable[[BinaryIO, str, str], Iterator[Article | PactagError]]

READERS: dict[str, Reader] = {
    "text": plain.read,
    "jsonl": jsonl.read,
    "csv": tables.read_csv,
    "parquet": tables.read_parquet,
    "html": html.read,
}
ENDINGS = {
    ".txt": "text",
    ".text": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
}


def read_articles(
    names: Iterable[Path | str],
    *,
    kind: str | None = None,
    on_error: Callable[[PactagError], None] | None = None,
    leave_out: Collection[Path] = (),
) -> Iterator[Article]:
    """Read articles lazily, in the order of the names; what stands in a folder or matches a pattern comes sorted.

    :param names: files, folders (every file below with an ending of `ENDINGS`), patterns such as `news/**/*.txt`, and `-` for standard
        input.
    :param kind: one of `READERS`, whatever the endings say; by default the ending decides, and other files and standard input are text.
    :param on_error: called with one error for every file or row that cannot be read; the others go on. Without it the first is raised.
    :param leave_out: files to pass over where they stand in a folder or match a pattern, such as the output of the last call.
    :raises InputError: for the first file or row that cannot be read, unless `on_error` is given; for a `kind` that there is not.
    :raises MissingExtraError: like `InputError`, for a kind whose optional dependency is not installed; reported once for a kind.
    """
    if kind is not None and kind not in READERS:
        raise InputError(f"input format {kind!r}", "is not known", f"Allowed: {', '.join(READERS)}")
    return _read(names, kind, on_error or _raise, leave_out)


def _read(
    names: Iterable[Path | str], kind: str | None, on_error: Callable[[PactagError], None], leave_out: Collection[Path]
) -> Iterator[Article]:
    missing: set[str] = set()
    for source in sources(names, endings=ENDINGS, leave_out=leave_out):
        for found in _articles(source, kind):
            if isinstance(found, Article):
                yield found
            elif not isinstance(found, MissingExtraError):
                on_error(found)
            elif str(found) not in missing:
                missing.add(str(found))
                on_error(found)


def _articles(source: Source | PactagError, kind: str | None) -> Iterator[Article | PactagError]:
    if isinstance(source, PactagError):
        yield source
        return
    path = source.path
    try:
        opened: AbstractContextManager[BinaryIO] = nullcontext(sys.stdin.buffer) if path is None else open_input(path)
    except InputError as error:
        yield error
        return
    reader = READERS[kind or ("text" if path is None else ENDINGS.get(path.suffix.lower(), "text"))]
    with opened as file:
        yield from reader(file, "standard input" if path is None else str(path), source.id)


def _raise(error: PactagError) -> None:
    raise error
