"""What may be written over: an earlier file of the same kind, and nothing else that a user may have."""

from __future__ import annotations

import re
from pathlib import Path

from pactag.errors import PactagError

# Bytes that are looked at; every kind shows itself in fewer.
_BEGINNING = 16_384


def check_same_kind(path: Path, beginning: re.Pattern[bytes], what: str) -> None:
    """Refuse a place where something else stands, before the work whose result goes there.

    :param beginning: what files of the kind begin with. An empty file is of any kind.
    :param what: what they hold, for the error.
    :raises PactagError: when a file stands there that begins in another way, or cannot be read.
    """
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            start = file.read(_BEGINNING)
    except OSError as bad:
        raise PactagError(str(path), f"exists already and cannot be read ({bad.strerror})", "Choose another name, or remove it") from None
    if start.strip() and not beginning.match(start):
        raise PactagError(str(path), f"exists already and holds no {what}", "Choose another name, or remove it")
