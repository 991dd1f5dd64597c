"""Tagged articles to files: one format, one small module."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pactag.errors import PactagError
from pactag.outputs import annotation, articles, brat, jsonl, page, tables
from pactag.outputs.base import Maker, Writer
from pactag.tagging import TaggedArticle
from pactag.whole_files import is_special, whole

WRITERS: dict[str, Writer] = {
    "jsonl": jsonl.write,
    "csv": tables.write_csv,
    "parquet": tables.write_parquet,
    "html": page.write,
    "brat": brat.write,
    "annotation": annotation.write,
}
ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
    ".brat": "brat",
    ".jsonld": "annotation",
}
_FOLDERS = frozenset({"brat"})


def format_of(path: Path, given: str | None = None) -> str:
    """The format to write to a path: the given one, or that of its ending.

    :raises PactagError: for a format or an ending that is not known, and where something stands that would not be replaced.
    """
    name = given or ENDINGS.get(path.suffix.lower())
    if given is not None and given not in WRITERS:
        raise PactagError(f"format {given!r}", "is not known", f"Allowed: {', '.join(WRITERS)}")
    if name is None:
        fix = f"End it with one of {', '.join(ENDINGS)}, name the format ({', '.join(WRITERS)}), or end it with / for a folder of parts"
        raise PactagError(f"output {path}", "has an ending that tells no format", fix)
    if path.is_dir():
        raise PactagError(f"output {path}", "exists already and is a folder", "Choose another name, or remove it")
    if is_special(path):
        raise PactagError(f"output {path}", "is neither a file nor a folder", "To write to a pipe or a device, use --json and >")
    if name in _FOLDERS and path.exists():
        raise PactagError(f"output {path}", "exists already", f"{name} writes a folder: choose another name, or remove it")
    _check_folder(path, "output")
    return name


def _check_folder(path: Path, what: str) -> None:
    if path.parent.is_file():
        raise PactagError(f"{what} {path}", f"{path.parent} is a file, not a folder", "Choose another name")
    if not path.parent.is_dir():
        raise PactagError(f"{what} {path}", f"there is no folder {path.parent}", "Make it first")


def check_apart(path: Path, texts: Path | None = None, *, inputs: Iterable[Path | str] = ()) -> None:
    """Refuse to write over an input, or the articles over the output.

    :param texts: as in `write`.
    :param inputs: what the user named one by one; in a folder or a pattern, an output is passed over.
    :raises PactagError: naming what would be lost, and when `texts` cannot be written.
    """
    if texts is not None:
        if texts.is_dir() or _same(texts, path):
            raise PactagError(f"texts {texts}", "is a folder or the output itself", "Choose another name")
        if is_special(texts):
            raise PactagError(f"texts {texts}", "is neither a file nor a folder", "Choose another name")
        _check_folder(texts, "texts")
    for name in inputs:
        for where, place in (("output", path), ("texts", texts)):
            if place is not None and _same(place, Path(name)):
                raise PactagError(f"{where} {place}", "is one of the inputs, and would be written over", "Choose another name")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, links and all; a file that is not there yet has its path alone."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def write(tagged: Iterable[TaggedArticle], path: Path, maker: Maker, *, format: str | None = None, texts: Path | None = None) -> int:
    """Write tagged articles; the file or folder is there whole or not at all.

    :param format: one of `WRITERS`; by default the ending of the path decides.
    :param texts: a JSONL file for the articles themselves, as `kept` writes them.
    :returns: the number of sentences.
    :raises PactagError: for what `format_of` and `check_apart` refuse, and when the disk refuses to take it.
    :raises MissingExtraError: for Parquet without pyarrow.
    """
    writer = WRITERS[format_of(path, format)]
    check_apart(path, texts)
    try:
        with whole(path) as place:
            if texts is None:
                return writer(tagged, place, maker)
            with whole(texts) as other, other.open("w", encoding="utf-8", newline="\n") as file:
                return writer(articles.kept(tagged, file), place, maker)
    except OSError as bad:
        # The name of what stands beside it until it is whole says nothing to anybody.
        refused = texts if texts is not None and bad.filename and Path(bad.filename).parent == texts.parent != path.parent else path
        raise PactagError(f"output {refused}", f"cannot be written ({bad.strerror})", "Check the folder and the disk") from None
