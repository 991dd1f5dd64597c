"""Where a file may be written: in a folder that is there, over an earlier file of the same kind, and over nothing else of the user's."""

from __future__ import annotations

import re
from pathlib import Path

from pactag.errors import PactagError
from pactag.whole_files import in_the_way

# Bytes that are looked at; every kind shows itself in fewer.
_BEGINNING = 16_384


def check_folder_of(path: Path) -> None:
    """Refuse a place in a folder that is missing or may not be written, before the work whose result goes there.

    :raises PactagError: naming the folder.
    """
    if not path.parent.is_dir():
        raise PactagError(str(path), f"there is no folder {path.parent}", "Make it first")
    if found := in_the_way(path.parent):
        raise PactagError(str(path), f"cannot be written: {found}", "Name another file")


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
