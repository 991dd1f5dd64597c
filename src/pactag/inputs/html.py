"""HTML pages: the article without menus, comments and buttons. Offsets refer to the text that was taken from the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pactag.articles import Article, normalise
from pactag.errors import InputError, MissingExtraError, PactagError
from pactag.inputs.boilerplate import without_boilerplate
from pactag.inputs.encodings import decode_page

# How a page begins that was saved as the server sent it.
_GZIP = b"\x1f\x8b\x08"


def read(file: BinaryIO, where: str, id: str) -> Iterator[Article | PactagError]:
    """The one article of a page, with its title. Each paragraph and heading stands between blank lines."""
    try:
        import trafilatura
    except ImportError:  # a part of it that is missing says so with the wider error
        yield MissingExtraError("HTML", "html")
        return
    raw = file.read()
    if raw.startswith(_GZIP):
        yield InputError(where, "is compressed with gzip", "Give its name the ending .html.gz")
        return
    page = trafilatura.bare_extraction(decode_page(raw), with_metadata=True, include_comments=False)
    if page is None or not (page.text or "").strip():
        yield _no_article(where)
        return
    # One line a block there; here only a blank line keeps a heading apart from the sentence after it.
    blocks = [without_boilerplate(line.strip()) for line in normalise(page.text).split("\n")]
    text = "\n\n".join(filter(None, blocks))
    if not text:
        yield _no_article(where)
        return
    yield Article(normalise(id), text, normalise(page.title) if page.title else None)


def _no_article(where: str) -> InputError:
    return InputError(where, "holds no article that can be told from the rest of the page", "Give its text as a .txt file")
