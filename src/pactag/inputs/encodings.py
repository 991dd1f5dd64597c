"""Which encoding a page is in: by what is said of it, as browsers take it, and by its bytes."""

from __future__ import annotations

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Python knows others, which are no encodings of pages, and of which `punycode` takes a time that grows with the square of the size.
_OF_PAGES = ("utf-8", "utf-16", "cp", "iso8859", "ascii", "koi8", "mac", "gb", "hz", "big5", "euc", "shift_jis", "iso2022", "tis-620")
_DECLARED = re.compile(rb"""<(?:meta\s[^>]{0,200}?charset|\?xml\s[^>]{0,200}?encoding)\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
# Bytes from the beginning where a page says its encoding. The standard has 1024; some pages say it later.
_LOOKED_AT = 8192


def codec_of(charset: str) -> str | None:
    """The codec for what a server or a page calls its encoding; None for a name that is none of pages.

    By the standard of browsers (https://encoding.spec.whatwg.org/) Latin-1 and ASCII are other names of windows-1252, which has quotes and
    dashes where they have control characters.
    """
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    if not name.startswith(_OF_PAGES):
        return None
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def decode_page(raw: bytes) -> str:
    """The text of a page. No byte is refused: what cannot be read becomes U+FFFD.

    The mark at the beginning decides, then whether it is UTF-8, save for a few bytes, whatever the page says of itself: other encodings
    hardly ever look so. Then the page decides, and else it is taken for windows-1252, as browsers do.
    """
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, errors="replace")
    if _is_utf8(raw):
        return raw.decode("utf-8", errors="replace")
    return raw.decode(_declared(raw) or "cp1252", errors="replace")


def _is_utf8(raw: bytes) -> bool:
    """Whether more of what is not ASCII can be read as UTF-8 than cannot."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        read = raw.decode("utf-8", errors="ignore")
        marked = raw.decode("utf-8", errors="replace")
        return len(marked) - len(read) < len(read) - len(read.encode("ascii", errors="ignore"))
    return True


def _declared(raw: bytes) -> str | None:
    found = _DECLARED.search(raw, 0, _LOOKED_AT)
    name = codec_of(found[1].decode("ascii")) if found else None
    # It is no UTF-8, and what has been read of it byte by byte is no UTF-16.
    return None if name is None or name.startswith("utf") else name
