"""Places for consumers that count UTF-16 code units, as JavaScript, Java and .NET do."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable


def utf16_offsets(text: str, offsets: Iterable[int]) -> list[int]:
    """Code-point offsets into a text as offsets in UTF-16 code units, in the same order.

    A character beyond U+FFFF takes two units, every other one takes one: RFC 2781, section 2.1.

    :param offsets: each between 0 and `len(text)`.
    :raises ValueError: for an offset outside the text.
    """
    wide = [] if text.isascii() else [place for place, character in enumerate(text) if character > "\uffff"]
    moved = []
    for offset in offsets:
        if not 0 <= offset <= len(text):
            raise ValueError(f"offset {offset} is outside a text of {len(text)} code points")
        moved.append(offset + bisect_left(wide, offset))
    return moved
