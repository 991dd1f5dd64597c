"""Plain text: one article a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pactag.articles import Article, decode, normalise, with_text
from pactag.errors import InputError, PactagError


def read(file: BinaryIO, where: str, id: str) -> Iterator[Article | PactagError]:
    """The one article of a text file."""
    try:
        yield with_text(Article(normalise(id), decode(file.read(), where=where)), where=where)
    except InputError as error:
        yield error
