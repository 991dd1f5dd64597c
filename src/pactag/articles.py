"""Reading articles: from a file or a string to text whose offsets can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import BinaryIO

from pactag.errors import InputError

# More than this share of control characters, and a file that happens to decode is still no text.
_CONTROL_SHARE = 0.01
_KEPT_CONTROLS = frozenset("\n\t\r\f\v\x85")
# What is looked at to recognise UTF-16 without a byte-order mark, in bytes, and the least share of characters with one byte NUL there.
_LOOKED_AT = 1024
_NUL_SHARE = 0.8

Span = tuple[int, int]


@dataclass(frozen=True)
class Article:
    """One article. `text` is normalised: every offset anywhere in pactag counts its code points."""

    id: str
    text: str
    title: str | None = None
    spans: tuple[Span, ...] | None = None


def normalise(text: str) -> str:
    """Unix line ends, no byte-order mark, NUL and lone surrogates made harmless. Everything else stays as it is."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # Lone surrogates come from broken decoders; one replacement character each keeps the length.
        text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def is_missing(value: object) -> bool:
    """Whether it is what tables, those of pandas among them, have where there is nothing: None, NaN, NA and NaT."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, Real) and value != value)


def check_spans(spans: Sequence[Sequence[int]], text: str, *, where: str) -> tuple[Span, ...]:
    """Sentence spans given by the caller, as a tuple of `(start, end)` in code points of the normalised text.

    :raises InputError: unless they lie inside the text, do not overlap and stand in order.
    """
    checked: list[Span] = []
    last = 0
    for number, span in enumerate(spans):
        if not isinstance(span, Sequence) or len(span) != 2 or not all(isinstance(edge, int) for edge in span):
            raise InputError(f"{where}: spans[{number}]", f"{span!r} is not a pair of integers", "Give (start, end) in code points")
        start, end = span
        if not last <= start < end <= len(text):
            raise InputError(
                f"{where}: spans[{number}]",
                f"({start}, {end}) is empty, overlaps the span before it or leaves the text of {len(text)} characters",
                "Give ordered spans without overlap",
            )
        checked.append((start, end))
        last = end
    return tuple(checked)


def with_text(article: Article, *, where: str) -> Article:
    """The same article.

    :raises InputError: when it holds nothing but white space, so that there is nothing to tag.
    """
    if not article.text.strip():
        raise InputError(where, "holds no text", "Give its text, or leave it out")
    return article


def decode(raw: bytes, *, where: str) -> str:
    """Bytes of a text file as normalised text.

    :raises InputError: for UTF-16, for binary content, and for invalid UTF-8 with the first bad byte.
    """
    if told := utf16(raw, where=where):
        raise told
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        if raw.count(0) or _control_share(raw.decode("latin-1")) > _CONTROL_SHARE:
            raise InputError(where, "is a binary file, not text", "Give UTF-8 text") from None
        line = raw.count(b"\n", 0, bad.start) + 1
        raise InputError(
            where,
            f"byte {bad.start} (0x{raw[bad.start]:02x}, line {line}) is not valid UTF-8",
            "Convert it, for example: iconv -f WINDOWS-1252 -t UTF-8",
        ) from None
    if _control_share(text) > _CONTROL_SHARE:
        raise InputError(where, "is a binary file, not text", "Give UTF-8 text")
    return normalise(text)


def utf16(start: bytes, *, where: str) -> InputError | None:
    """What to tell of bytes that begin as UTF-16 does: with a byte-order mark, or as Latin text of which every other byte is NUL."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return InputError(where, "is UTF-16, not UTF-8", "Convert it: iconv -f UTF-16 -t UTF-8")
    sample = start[: min(_LOOKED_AT, len(start) & ~1)]
    for order, high in (("LE", sample[1::2]), ("BE", sample[::2])):
        # Numbers of two bytes look like it, too, but are control characters as text.
        if high.count(0) > _NUL_SHARE * len(high) and _control_share(sample.decode(f"utf-16-{order}", errors="replace")) <= _CONTROL_SHARE:
            return InputError(where, "looks like UTF-16, not UTF-8", f"Convert it: iconv -f UTF-16{order} -t UTF-8")
    return None


def _control_share(text: str) -> float:
    sample = text[:100_000]
    return sum(c < " " and c not in _KEPT_CONTROLS for c in sample) / max(1, len(sample))


def open_input(path: Path) -> BinaryIO:
    """Open a file that the user named.

    :raises InputError: for a missing file, a directory, and one that may not be read.
    """
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(str(path), "no such file", "Check the path") from None
    except IsADirectoryError:
        raise InputError(str(path), "is a directory", f"Name files, for example {path / '*.txt'}") from None
    except PermissionError:
        raise InputError(str(path), "may not be read", "Check its permissions") from None
    except (OSError, ValueError) as bad:
        raise InputError(str(path), f"cannot be read ({bad})", "Check the path") from None
