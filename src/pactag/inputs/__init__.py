"""Articles from files of many kinds, from folders and from standard input, one by one and in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path, PurePath
from typing import BinaryIO

from pactag.articles import Article, open_input
from pactag.errors import InputError, MissingExtraError, PactagError
from pactag.inputs import html, jsonl, plain, tables
from pactag.inputs.compressed import uncompressed
from pactag.inputs.kinds import ENDINGS, kind_of, uncompressed_name
from pactag.inputs.paths import Source, sources

__all__ = ["ENDINGS", "READERS", "Source", "read_articles", "read_source", "sources"]

# A reader gets the open file, the name to use in errors, and the id for articles that bring none.
Reader = Callable[[BinaryIO, str, str], Iterator[Article | PactagError]]

READERS: dict[str, Reader] = {
    "text": plain.read,
    "jsonl": jsonl.read,
    "csv": tables.read_csv,
    "parquet": tables.read_parquet,
    "html": html.read,
}


def read_articles(
    names: Iterable[Path | str],
    *,
    kind: str | None = None,
    on_error: Callable[[PactagError], None] | None = None,
    leave_out: Collection[Path] = (),
) -> Iterator[Article]:
    """Read articles lazily, in the order of the names; what stands in a folder or matches a pattern comes sorted.

    :param names: files, folders (every file below with an ending of `ENDINGS`, compressed or not), patterns such as `news/**/*.txt`,
        addresses of the web, and `-` for standard input.
    :param kind: one of `READERS`, whatever the endings say; by default the ending decides, and other files and standard input are text.
    :param on_error: called with one error for every file or row that cannot be read; the others go on. Without it the first is raised.
    :param leave_out: files to pass over where they stand in a folder or match a pattern, such as the output of the last call.
    :raises InputError: for the first file or row that cannot be read, unless `on_error` is given; for a `kind` that there is not.
    :raises MissingExtraError: like `InputError`, for a kind whose optional dependency is not installed; reported once for a kind.
    """
    check_kind(kind)
    return _read(names, kind, on_error or _raise, leave_out)


def check_kind(kind: str | None) -> None:
    """Refuse a kind of article file that there is not.

    :raises InputError: naming those that there are.
    """
    if kind is not None and kind not in READERS:
        raise InputError(f"input format {kind!r}", "is not known", f"Allowed: {', '.join(READERS)}")


def read_source(
    source: Source, kind: str | None = None, *, opened: Callable[[BinaryIO], None] = lambda file: None
) -> Iterator[Article | PactagError]:
    """The articles of one source, and an error for each that cannot be read; one as well when there is nothing at all in it.

    :param opened: called with the file before anything is read; its place tells how much of it was.
    """
    where = source.address or str(source.path or "standard input")
    empty = True
    try:
        for found in _contents(source, kind, where, opened):
            empty = False
            yield found if isinstance(found, Article) else _alone(found)
        if empty:
            yield InputError(where, "holds no article", "Check what wrote it, or leave it out")
    except (InputError, MissingExtraError) as error:
        yield _alone(error)
    except OSError as bad:
        yield InputError(where, f"cannot be read ({bad.strerror or bad})", "Check the disk")


def _alone(error: PactagError) -> PactagError:
    """The same error without the way to it, whose frames and earlier errors hold the whole row or file, and would be kept with it."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _contents(source: Source, kind: str | None, where: str, opened: Callable[[BinaryIO], None]) -> Iterator[Article | PactagError]:
    path = source.path
    if source.address is not None:
        # Imported on use: most read nothing from the web, and its libraries take long to load.
        from pactag.inputs.web import fetch

        page = fetch(source.address)
        reader = _reader(kind or page.kind, page.path, where)
        yield from reader(BytesIO(page.body), where, source.id)
        return
    # It is closed where a job was started with <&-.
    if path is None and sys.stdin is None:
        raise InputError(where, "is closed", "Give a file, or pipe an article in")
    with nullcontext(sys.stdin.buffer) if path is None else open_input(path) as file:
        reader = _reader(kind, path or "", where)
        opened(file)
        with uncompressed(file, "" if path is None else where) as content:
            yield from reader(content, where, source.id)


def _reader(kind: str | None, name: PurePath | str, where: str) -> Reader:
    """The reader of a kind, by default of the one that the name tells.

    :raises InputError: for JSON that may hold anything: as text its braces would be sentences.
    """
    if kind is None and uncompressed_name(name).suffix.lower() == ".json":
        fix = 'Give one article a line, {"id": "a", "text": "..."}, as .jsonl; or say what it is, such as --input-format jsonl'
        raise InputError(where, "is .json, which is not read", fix)
    return READERS[kind or kind_of(name) or "text"]


def _read(
    names: Iterable[Path | str], kind: str | None, on_error: Callable[[PactagError], None], leave_out: Collection[Path]
) -> Iterator[Article]:
    tell = once_for_each_extra(on_error)
    for source in sources(names, leave_out=leave_out):
        for found in [source] if isinstance(source, PactagError) else read_source(source, kind):
            if isinstance(found, Article):
                yield found
            else:
                tell(found)


def once_for_each_extra(on_error: Callable[[PactagError], None]) -> Callable[[PactagError], None]:
    """The same, but an extra that is not installed is told once, not for every file that needs it."""
    missing: set[str] = set()

    def tell(error: PactagError) -> None:
        if isinstance(error, MissingExtraError):
            if str(error) in missing:
                return
            missing.add(str(error))
        on_error(error)

    return tell


def _raise(error: PactagError) -> None:
    raise error
