"""A network whose tables of small whole numbers are stored in as few bits as their frequencies allow: one ZIP file.

The numbers of a table are sorted by how fine their steps are and cut into parts, so that those of a part are alike in size. In each part
several numbers share a byte, and the bytes get Huffman codes from zlib. Numbers too large for their part, of which there are few, are told
one by one. No torch and no ONNX here: tagging reads this.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pactag.errors import ModelFolderError

NETWORK = "network.onnx"
# What a network calls the parts of a table: the name of the table and one of these. Sums are over the inputs.
NUMBERS, COLUMNS, ROWS, SUMS = "/numbers", "/columns", "/rows", "/sums"
_INDEX = "index.json"
# Parts of a table, by input and by output. Each has codes of its own, which do not pay in small tables.
_PARTS = (12, 4)
_SMALLEST_TO_PART = 100_000
# How many numbers share a byte, and the largest size that they then may have.
_SHARING = {1: 127, 2: 7, 3: 2, 5: 1}
_BYTES_OF_EXCEPTION = 5
# The same tables make the same file at any time.
_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class PackedTable:
    """Weights `numbers * columns[:, None] * rows`: numbers int8 `(inputs, outputs)`, columns float16 `(inputs,)`, rows `(outputs,)`."""

    numbers: np.ndarray
    columns: np.ndarray
    rows: np.ndarray

    def values(self) -> np.ndarray:
        """The weights themselves, float32 `(inputs, outputs)`."""
        return np.asarray(self.numbers * self.columns.astype(np.float32)[:, None] * self.rows.astype(np.float32))

    def part(self, which: str) -> np.ndarray:
        """What a network takes of the table: the numbers as they are, all else as float32."""
        if which == NUMBERS:
            return self.numbers
        rows = self.rows.astype(np.float32)
        if which == SUMS:
            return np.asarray(self.numbers.sum(0, dtype=np.int32) * rows, np.float32)
        return rows if which == ROWS else self.columns.astype(np.float32)


def write_packed(path: Path, network: bytes, tables: Mapping[str, PackedTable], taken: Mapping[str, Sequence[str]]) -> None:
    """Write an ONNX network and its tables, by name, as one file.

    :param taken: the parts of each table that the network takes.
    """
    index = {name: {"shape": table.numbers.shape, "taken": list(taken[name])} for name, table in tables.items()}
    with zipfile.ZipFile(path, "w") as file:
        for name, data, method in (
            (NETWORK, network, zipfile.ZIP_DEFLATED),
            (_INDEX, json.dumps(index).encode(), zipfile.ZIP_DEFLATED),
            *((name, pack(table), zipfile.ZIP_STORED) for name, table in tables.items()),
        ):
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = method
            file.writestr(info, data)


def read_packed(path: Path) -> tuple[bytes, Iterator[tuple[str, PackedTable, Sequence[str]]]]:
    """What `write_packed` wrote: the network, and one by one each table's name, the table, and its parts that the network takes.

    :raises ModelFolderError: for anything else, of the tables only once they are asked for.
    """

    def tables() -> Iterator[tuple[str, PackedTable, Sequence[str]]]:
        # Threads of its own: none has to outlive a fork of the process.
        with _told(path), zipfile.ZipFile(path) as file, ThreadPoolExecutor(os.cpu_count()) as pool:
            index = json.loads(file.read(_INDEX))
            found = pool.map(lambda name: unpack(file.read(name), index[name]["shape"]), index)
            for (name, entry), table in zip(index.items(), found, strict=True):
                yield name, table, entry["taken"]

    with _told(path), zipfile.ZipFile(path) as file:
        return file.read(NETWORK), tables()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError) as error:
        raise ModelFolderError(str(path), f"is no packed network ({error})", "Restore the whole folder") from None


def pack(table: PackedTable) -> bytes:
    """A table as bytes."""
    columns, rows = table.columns.astype("<f2"), table.rows.astype("<f2")
    data = [columns.tobytes(), rows.tobytes()]
    for inputs, outputs in itertools.product(*_parts(columns, rows)):
        numbers = table.numbers[np.ix_(inputs, outputs)].reshape(-1)
        shared, sharing, exceptions = min((_share(numbers, sharing) for sharing in _SHARING), key=_cost)
        places = np.array(exceptions, "<u4")
        huffman = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
        coded = huffman.compress(shared.tobytes()) + huffman.flush()
        data.append(np.array([sharing, len(places), len(coded)], "<u4").tobytes())
        data.extend([places.tobytes(), numbers[exceptions].tobytes(), coded])
    return b"".join(data)


def unpack(data: bytes, shape: Sequence[int]) -> PackedTable:
    """The table of a shape `(inputs, outputs)` that `pack` made bytes of."""
    stream = io.BytesIO(data)

    def take(kind: str, count: int) -> np.ndarray:
        return np.frombuffer(stream.read(np.dtype(kind).itemsize * count), kind)

    columns, rows = take("<f2", shape[0]), take("<f2", shape[1])
    numbers = np.empty(shape, np.int8)
    parts_by_input, parts_by_output = _parts(columns, rows)
    back = np.argsort(np.concatenate(parts_by_output))
    for inputs in parts_by_input:
        side_by_side = []
        for outputs in parts_by_output:
            sharing, exceptions, length = (int(value) for value in take("<u4", 3))
            places, exceptional = take("<u4", exceptions), take("i1", exceptions)
            shared = np.frombuffer(zlib.decompress(stream.read(length), -zlib.MAX_WBITS), np.uint8)
            part = np.take(_digits(sharing), shared, axis=0).reshape(-1)[: len(inputs) * len(outputs)]
            part[places] = exceptional
            side_by_side.append(part.reshape(len(inputs), len(outputs)))
        # Whole rows first and then their order, which is four times as fast as setting each part in its place.
        numbers[inputs] = np.take(np.concatenate(side_by_side, axis=1), back, axis=1, mode="clip")
    return PackedTable(numbers, columns, rows)


def _parts(columns: np.ndarray, rows: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The inputs and the outputs of the parts: those with steps of about one size."""
    cuts = _PARTS if len(columns) * len(rows) >= _SMALLEST_TO_PART else (1, 1)
    by_input, by_output = (
        # Ascending, since neighbours in memory are read faster.
        [np.sort(part) for part in np.array_split(np.argsort(factors.astype(np.float32), kind="stable"), count)]
        for factors, count in zip((columns, rows), cuts, strict=True)
    )
    return by_input, by_output


def _share(numbers: np.ndarray, sharing: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Bytes that so many numbers share, how many, and the places of numbers that are too large, which count as zero there."""
    top = _SHARING[sharing]
    exceptions = np.flatnonzero(np.abs(numbers.astype(np.int16)) > top)
    digits = np.full(-(-len(numbers) // sharing) * sharing, top, np.int32)
    digits[: len(numbers)] += numbers
    digits[exceptions] = top
    return (digits.reshape(-1, sharing) @ (2 * top + 1) ** np.arange(sharing)).astype(np.uint8), sharing, exceptions


def _cost(shared: tuple[np.ndarray, int, np.ndarray]) -> float:
    """About how many bytes it takes; no byte gets a code of less than a bit."""
    values, _, exceptions = shared
    counts = np.bincount(values)
    counts = counts[counts > 0]
    bits = -(counts * np.log2(counts / counts.sum())).sum()
    return float(max(bits, len(values)) / 8 + _BYTES_OF_EXCEPTION * len(exceptions))


def _digits(sharing: int) -> np.ndarray:
    """The numbers that share a byte, int8, shape `(256, sharing)`."""
    top = _SHARING[sharing]
    return np.asarray((np.arange(256)[:, None] // (2 * top + 1) ** np.arange(sharing) % (2 * top + 1) - top).astype(np.int8))
