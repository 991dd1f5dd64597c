"""How a job is cut: sources into groups, the articles of a group into parts, parts to the processes that share the job.

The cut depends on the sources and the size of a part only. Who writes a part, and how often the job was interrupted, changes no byte of it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pactag.errors import PactagError
from pactag.inputs.paths import Source

PART_SIZE = 1000
# A file from this size on is a group of its own, whose parts may be shared out; smaller neighbours are read together. In bytes.
LARGE = 1_000_000
_BYTES_AT_ONCE = 2_000_000
_FILES_AT_ONCE = 1000
# What of a large file goes into its fingerprint, in bytes: both ends, and places evenly between them.
_END, _PLACE, _PLACES = 65_536, 4_096, 16


@dataclass(frozen=True)
class Group:
    """Neighbouring sources that are read together. `size` is in bytes; 0 where it is not known."""

    index: int
    sources: tuple[Source, ...]
    size: int
    large: bool = False


@dataclass(frozen=True)
class Share:
    """The `index`-th of `of` shares of a job, counted from 0. All shares together are the whole, and no part is in two."""

    index: int = 0
    of: int = 1

    def has_any_of(self, group: Group) -> bool:
        """Whether the group must be read at all."""
        return group.large or self.has(group, 0)

    def has(self, group: Group, part: int) -> bool:
        """Whether a part belongs to this share. A group of small files is never divided, so that only one process reads it."""
        return (group.index + (part if group.large else 0)) % self.of == self.index

    def divided(self, index: int, of: int) -> Share:
        """A share of this share."""
        return Share(self.index + self.of * index, self.of * of)


def read_share(text: str) -> Share:
    """The share that `i/n` names, `i` from 1 to `n`.

    :raises PactagError: for anything else.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise PactagError(f"--shard {text}", "is no share", "Give i/n with i from 1 to n, such as 1/8 for the first of eight")
    return Share(int(found[1]) - 1, int(found[2]))


def groups_of(sources: Iterable[Source], *, large: int = LARGE) -> list[Group]:
    """Sources in order, in groups. Whatever is not a file is a group of its own."""
    groups: list[Group] = []
    together: list[Source] = []
    filled = 0

    def close() -> None:
        nonlocal filled
        if together:
            groups.append(Group(len(groups), tuple(together), filled))
            together.clear()
            filled = 0

    for source in sources:
        size = size_of(source)
        alone = source.address is not None or read_once(source) or size >= large
        if alone or filled + size > _BYTES_AT_ONCE or len(together) == _FILES_AT_ONCE:
            close()
        if alone:
            groups.append(Group(len(groups), (source,), size, large=size >= large))
        else:
            together.append(source)
            filled += size
    close()
    return groups


def size_of(source: Source) -> int:
    """Bytes of a source; 0 for what is not a file."""
    return source.path.stat().st_size if source.path is not None and _is_file(source.path) else 0


def read_once(source: Source) -> bool:
    """Whether nobody can read a source a second time: standard input, and pipes such as `<(zcat wire.gz)`."""
    return source.address is None and (source.path is None or (os.path.exists(source.path) and not _is_file(source.path)))  # noqa: PTH110


def _is_file(path: Path) -> bool:
    # `Path.is_file` would raise for a name that is too long, or in a folder that may not be read; that is told when the file is read.
    return os.path.isfile(path)  # noqa: PTH113


def fingerprint(groups: Iterable[Group]) -> str:
    """SHA-256 of the ids, sizes and contents of all sources, to tell whether a job goes on with what it began with.

    Of a file larger than 192 KiB only both ends and 16 places between go in: all of it would cost as much as reading it twice. Compressed
    files end with a checksum of the whole. Of addresses only the address goes in, of pipes only the id: what is read here is gone.
    """
    digest = hashlib.sha256()
    for group in groups:
        for source in group.sources:
            # A name that is not UTF-8 has lone surrogates in it.
            digest.update(f"{source.id}\0".encode(errors="surrogatepass"))
            if source.path is not None and not read_once(source):
                digest.update(_sample(source.path))
    return digest.hexdigest()


def _sample(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(f"{size}\0".encode())
            if size <= 2 * _END + _PLACES * _PLACE:
                return hashlib.sha256(digest.digest() + file.read()).digest()
            digest.update(file.read(_END))
            for number in range(1, _PLACES + 1):
                file.seek(number * size // (_PLACES + 1))
                digest.update(file.read(_PLACE))
            file.seek(size - _END)
            digest.update(file.read())
    except OSError as bad:
        # It is told when it is read. If it can be read the next time, the job is another one.
        digest.update(f"unreadable {bad.errno}".encode())
    return digest.digest()
