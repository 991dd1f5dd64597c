"""HTML pages: the article without menus, comments and buttons. Offsets refer to the text that was taken from the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pactag.articles import Article, normalise
from pactag.errors import InputError, MissingExtraError, PactagError
from pactag.inputs.boilerplate import without_boilerplate
from pactag.inputs.encodings import decode_page

# How a page begins that was saved as the server sent it.
_GZIP = b"\x1f\x8b\x08"
# Put into the page before each line break within a paragraph, which cannot be told from its end in the text that trafilatura gives. It must
# be printable to get through, and mean nothing else: it is the picture of a line feed.
_BREAK = "\u240a"
_TAGS_AND_LINES = re.compile(
    r"(?P<breaks>(?:<br\b[^<>]*>\s*)+)(?=(?P<last></)?)|<(?P<pre>/?pre)\b[^<>]*>|<[a-z/!][^<>]*>|(?P<lines>\n\s*)(?=(?P<end></)?)",
    re.IGNORECASE,
)
_LINE_ENDS = re.compile(rf"({_BREAK} ?\n?|\n)")
_SENTENCE_END = re.compile(r"""[.!?…:]["'”’)\]]*$""")


def read(file: BinaryIO, where: str, id: str) -> Iterator[Article | PactagError]:
    """The one article of a page, with its title. Each paragraph and heading stands between blank lines; the lines of one stay lines."""
    try:
        import trafilatura
    except ImportError:  # a part of it that is missing says so with the wider error
        yield MissingExtraError("HTML", "html")
        return
    raw = file.read()
    if raw.startswith(_GZIP):
        yield InputError(where, "is compressed with gzip", "Give its name the ending .html.gz")
        return
    page = trafilatura.bare_extraction(_with_breaks(decode_page(raw)), with_metadata=True, include_comments=False)
    text = _joined(normalise(page.text or "")) if page is not None else ""
    if not text:
        yield InputError(where, "holds no article that can be told from the rest of the page", "Give its text as a .txt file")
        return
    title = " ".join(normalise(page.title).replace(_BREAK, " ").split()) if page.title else None
    yield Article(normalise(id), text, title)


def _with_breaks(page: str) -> str:
    """The page with a mark before each `<br>`, and before each line end in a `<pre>`, but for the last ones of an element."""
    preformatted = False

    def mark(found: re.Match[str]) -> str:
        nonlocal preformatted
        if found["pre"]:
            preformatted = found["pre"].lower() == "pre"
        elif found["breaks"] and not found["last"]:
            return found[0].replace("<", f"{_BREAK}<")
        elif found["lines"] and preformatted and not found["end"]:
            return found[0].replace("\n", f"{_BREAK}\n")
        return found[0]

    return _TAGS_AND_LINES.sub(mark, page.replace(_BREAK, " "))


def _joined(text: str) -> str:
    """The lines that trafilatura gives, without what is no part of the article, and with blank lines where a paragraph or heading ends.

    Only a blank line keeps a heading apart from the sentence after it. A block that begins in the middle of a sentence is none of its own.
    """
    joined, goes_on = "", False
    pieces = _LINE_ENDS.split(text)
    for piece, end in zip(pieces[::2], [*pieces[1::2], "\n"], strict=True):
        line = without_boilerplate(piece.strip())
        if line and joined:
            joined += "\n" if goes_on or (line[0].islower() and not _SENTENCE_END.search(joined[-9:])) else "\n\n"
        joined += line
        goes_on = bool(line) and end.startswith(_BREAK)
    return joined
