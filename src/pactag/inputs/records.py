"""One article from the named fields of a row: what JSONL, CSV and Parquet have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pactag.articles import Article, Span, check_spans, normalise
from pactag.errors import InputError

# Fields that the results of `pactag tag` have together and articles do not.
RESULT = {"article_id", "index", "labels", "model"}


def article_of(record: Mapping[str, Any], *, where: str, default_id: str) -> Article:
    """The article in the fields `text` and, where given, `id`, `title` and `spans`; other fields are passed over.

    Spans count code points of the text as it stands in the field; those of the article count its normalised text.

    :raises InputError: for a field that is missing or of another kind, and for spans that `check_spans` refuses.
    """
    if record.keys() >= RESULT:
        raise InputError(where, "is a sentence that pactag has tagged, not an article", "Give the articles themselves")
    if "text" not in record:
        raise InputError(where, "has no field 'text'", f"It has: {', '.join(map(repr, record)) or 'nothing'}")
    text = record["text"]
    if not isinstance(text, str):
        raise InputError(where, f"its text is {_kind(text)}", "Give a string")
    title = record.get("title")
    if title is not None and not isinstance(title, str):
        raise InputError(where, f"its title is {_kind(title)}", "Give a string, or leave it out")
    given = record.get("id")
    if given is not None and (isinstance(given, bool) or not isinstance(given, str | int)):
        raise InputError(where, f"its id is {_kind(given)}", "Give a string or a whole number, or leave it out")
    # Some writers of tables give an empty cell for a value that is not there.
    own_id = default_id if given is None or given == "" else str(given)
    spans = record.get("spans")
    return Article(normalise(own_id), normalise(text), normalise(title) if title else None, _moved(spans, text, where))


def _moved(spans: Any, text: str, where: str) -> tuple[Span, ...] | None:
    if spans is None:
        return None
    if not isinstance(spans, Sequence) or isinstance(spans, str):
        raise InputError(where, f"its spans are {_kind(spans)}", "Give a list of [start, end] pairs, or leave it out")
    marks = len(text) - len(text.lstrip("\ufeff"))

    def move(place: int) -> int:
        # Normalising takes away the leading marks, and one character of each line end of two.
        return max(0, place - marks) - text.count("\r\n", marks, place)

    checked = [(move(start), move(end)) for start, end in check_spans(spans, text, where=where)]
    # A span of nothing but half a line end or a mark is empty by now.
    return check_spans(checked, normalise(text), where=where)


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", dict: "an object", list: "a list", str: "a string"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
