"""JSON Lines: one article a line, `{"id", "title", "text"}`, with `"spans": [[start, end], ...]` where the sentences are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from pactag.articles import Article, utf16, with_text
from pactag.errors import InputError, PactagError
from pactag.inputs.records import article_of


def read(file: BinaryIO, where: str, id: str) -> Iterator[Article | PactagError]:
    """The articles of a file, line by line. An article without an id is called after the file and the line."""
    first = file.readline()
    if told := utf16(first, where=where):
        yield told
        return
    if b"\0" in first:
        yield InputError(where, "is a binary file, not text", "Give JSON Lines in UTF-8")
        return
    for number, line in enumerate(chain([first.removeprefix(b"\xef\xbb\xbf")], file), 1):
        if not line.strip():
            continue
        try:
            yield _article(line, f"{where}:{number}", f"{id}:{number}")
        except InputError as error:
            yield error


def _article(line: bytes, where: str, default_id: str) -> Article:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as bad:
        raise InputError(where, f"byte {bad.start} (0x{line[bad.start]:02x}) is not valid UTF-8", "Convert the file to UTF-8") from None
    except json.JSONDecodeError as bad:
        raise InputError(where, f"invalid JSON ({bad.msg} at column {bad.colno})", "Give one JSON object a line") from None
    except (ValueError, RecursionError) as bad:
        raise InputError(where, f"JSON that cannot be read ({bad})", "Give one JSON object a line") from None
    if not isinstance(record, dict):
        raise InputError(where, "is not a JSON object", 'Give an object such as {"id": "a", "text": "..."}')
    return with_text(article_of(record, where=where, default_id=default_id), where=where)
