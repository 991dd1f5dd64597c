"""Files compressed with gzip or Zstandard, read as a stream. What breaks off is told: no article is lost in silence."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from pactag.errors import InputError, MissingExtraError
from pactag.inputs.kinds import COMPRESSED

# Small, since one piece may grow a thousandfold.
_PIECE = 1 << 14


@contextmanager
def uncompressed(file: BinaryIO, name: str, *, where: str | None = None, piece: int = _PIECE) -> Iterator[BinaryIO]:
    """The content of a file, by the ending of its name. The file stays open.

    :param where: what to call it in errors, where it is taken whole or not at all; by default it is called by its name.
    :param piece: how much Zstandard data is unpacked at once, in bytes; in memory each may become 32,768.
    :raises InputError: inside the block, when the content breaks off or is not what the ending says.
    :raises MissingExtraError: for Zstandard without its library.
    """
    ending = PurePath(name).suffix.lower()
    if ending not in COMPRESSED:
        yield file
        return
    stream = gzip.GzipFile(fileobj=file) if ending == ".gz" else io.BufferedReader(_Zstandard(file, piece), _PIECE)
    try:
        yield cast(BinaryIO, stream)
    except (gzip.BadGzipFile, zlib.error, EOFError, _BrokenError) as bad:
        fix = "Fetch or compress the file again" if where else "What came before was read; fetch or compress the file again"
        raise InputError(where or name, f"breaks off or is no {ending} file ({bad})", fix) from None


class _BrokenError(Exception):
    """Zstandard data that cannot be read on."""


class _Zstandard(io.RawIOBase):
    """Zstandard frames as one stream. The library's own reader takes a frame that breaks off for the end of the file."""

    def __init__(self, file: BinaryIO, piece: int) -> None:
        try:
            import zstandard
        except ModuleNotFoundError:
            raise MissingExtraError("Zstandard (.zst)", "zstd") from None
        self._file, self._piece = file, piece
        self._new_frame: Callable[[], Any] = zstandard.ZstdDecompressor().decompressobj
        self._error = zstandard.ZstdError
        self._frame: Any = None
        self._waiting = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not self._waiting:
                self._waiting = self._file.read(self._piece)
            if not self._waiting:
                if self._frame is not None:
                    raise _BrokenError("the last frame is not whole")
                return 0
            self._advance()
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _advance(self) -> None:
        if self._frame is None:
            self._frame = self._new_frame()
        try:
            self._ready = memoryview(self._frame.decompress(self._waiting))
        except self._error as bad:
            raise _BrokenError(str(bad)) from None
        self._waiting = b""
        if self._frame.eof:
            self._waiting = self._frame.unused_data
            self._frame = None
