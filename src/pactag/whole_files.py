"""Files and folders that are there whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pactag.errors import PactagError

# Bytes of a name that stand in that of the place beside it.
_LONGEST_NAME = 180
# The places that this process writes to now.
_open: set[Path] = set()


def is_special(path: Path) -> bool:
    """Whether a pipe, a device or the like has that name, neither a file nor a folder: one writes into it, not in its place."""
    return path.exists() and not path.is_file() and not path.is_dir()


def in_the_way(folder: Path) -> str | None:
    """What keeps anything from being made in a folder, in words; None where nothing does. A folder that is missing can itself be made.

    To be asked before the work whose result goes there.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        return f"{there} is a file"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written"


@contextmanager
def whole(path: Path, *, mark: str = "") -> Iterator[Path]:
    """A place beside the path, at which nothing stands, for a file or a folder.

    It takes the name of the path when all went well, and disappears when not. Where the path is a link, this holds for what it leads to,
    and the link stays. Each call has a place of its own: of several that write one path at once, the last one counts, whole.

    What killed processes of this machine left is removed first. Of another machine nobody here can tell whether a process still writes, so
    that what it left on a disk that both see stays until it writes that path again itself.

    :param mark: stands in the name of the place, for a caller that removes by itself what was left: then nothing is looked for here.
    :raises OSError: as the disk tells it.
    :raises PactagError: where a pipe or a device has that name.
    """
    if is_special(path):
        raise PactagError(str(path), "is neither a file nor a folder, and would be replaced", "Choose another name")
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if not path.name:
        raise PactagError(str(path), "has no name of its own", "Name a file or folder below it")
    if not mark:
        _remove_left(path)
    place = path.with_name(f"{_beginning(path)}{mark}.{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.new")
    _open.add(place)
    try:
        yield place
        on_disk(place)
        os.replace(place, path)
    finally:
        # The folder may be missing: then its absence is the error to tell.
        if path.parent.is_dir():
            _remove(place)
        _open.discard(place)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write one file, text as UTF-8 with the line ends that it has.

    :raises OSError: as the disk tells it.
    """
    with whole(path) as place:
        place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def put_in_place(new: Path, path: Path) -> None:
    """Rename a folder to a path. A folder that stands there goes only once the new one does, and stays when that fails.

    :raises OSError: as the disk tells it.
    """
    if not os.path.lexists(path):
        new.rename(path)
        return
    old = new.with_name(f"{new.name}.old")
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise
    if old.is_symlink():
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)


def on_disk(path: Path) -> None:
    """Flush a file, or every file of a folder: after a power cut what was renamed without would be empty.

    :raises OSError: as the disk tells it.
    """
    for place in [path] if path.is_file() else path.rglob("*"):
        if place.is_file():
            with place.open("rb") as file:
                os.fsync(file.fileno())


def _remove_left(path: Path) -> None:
    """Remove the places beside a path whose process is gone, or had the number of this one before it."""
    beginning = f"{_beginning(path)}.{_machine()}-"
    for name in glob.glob(f"{glob.escape(beginning)}*.new", root_dir=path.parent):  # noqa: PTH207 - silent of no folder
        found = re.fullmatch(r"(\d{1,9})-[0-9a-f]{8}\.new", name.removeprefix(beginning))
        place = path.with_name(name)
        if found and place not in _open and _is_gone(int(found[1])):
            _remove(place)


def _beginning(path: Path) -> str:
    """How the places beside a path begin: with its name, cut so that what follows has room in the 255 bytes of a name."""
    return "." + path.name.encode(errors="surrogateescape")[:_LONGEST_NAME].decode(errors="ignore")


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_gone(process: int) -> bool:
    if process == os.getpid():
        return True
    if os.name != "posix":
        # There, to ask for a process may end it.
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # It is another user's.
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
