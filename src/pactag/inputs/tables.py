"""Tables, one article a row: the column `text` and, where there are such, `id` and `title`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

from pactag.articles import Article, utf16, with_text
from pactag.errors import InputError, MissingExtraError, PactagError
from pactag.inputs.records import RESULT, article_of

_COLUMNS = ("id", "title", "text")
_ROWS_AT_ONCE = 256
# Articles are longer than the 131,072 characters that the csv module allows a field.
_LONGEST_FIELD = 2**31 - 1
# How much of a header an error shows, in characters: without one, the first line may be a whole article.
_SHOWN = 200


def read_csv(file: BinaryIO, where: str, id: str) -> Iterator[Article | PactagError]:
    """The articles of a CSV file with a header. Comma, semicolon or tab: the one that makes a column `text` of the header."""
    start = file.readline()
    if told := utf16(start, where=where):
        yield told
        return
    try:
        header_line = start.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        header_line = ""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        delimiter, header = _header(header_line)
    except csv.Error as bad:
        yield _unreadable_header(header_line, bad, where)
        return
    if "text" not in header:
        found = ", ".join(map(repr, header)) if header_line.isprintable() and header_line else "no header"
        found = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
        yield InputError(
            f"{where}:1", f"has no column 'text' ({found})", "Name the columns in the first line: text and, if wanted, id, title"
        )
        return
    twice = [name for name in _COLUMNS if header.count(name) > 1]
    if twice:
        yield InputError(f"{where}:1", f"has several columns {', '.join(map(repr, twice))}", "Keep one of them")
        return
    if set(header) >= RESULT:
        yield InputError(where, "is a table of sentences that pactag has tagged, not of articles", "Give the articles themselves")
        return
    # Bytes that are not UTF-8 are carried through as lone surrogates, so that only their own row is refused.
    rest = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    rows = csv.reader(rest, delimiter=delimiter, strict=True)
    try:
        yield from _csv_articles(rows, header, where, id)
    finally:
        rest.detach()


def _header(line: str) -> tuple[str, list[str]]:
    for delimiter in (",", ";", "\t"):
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]
        if "text" in names:
            return delimiter, names
    return ",", [name.strip() for name in next(csv.reader([line]), [])]


def _unreadable_header(line: str, bad: csv.Error, where: str) -> InputError:
    if "\r" in line:
        found = "has a header that cannot be read: its line ends are \\r alone"
        return InputError(f"{where}:1", found, "Convert them: tr '\\r' '\\n'")
    return InputError(f"{where}:1", f"has a header that cannot be read ({bad})", "Name the columns in the first line: text, id, title")


def _csv_articles(rows: Any, header: list[str], where: str, id: str) -> Iterator[Article | PactagError]:
    while True:
        # Where the row begins, after the header: a quoted field may go on over several lines.
        line = rows.line_num + 2
        here = f"{where}:{line}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as bad:
            # An open quote goes on over the rows below it, to the next quote or to the end of the file.
            last = rows.line_num + 1
            unread = f", so that lines {line} to {last} were not read" if last > line else ""
            yield InputError(here, f"is not CSV ({bad}){unread}", "Put fields in double quotes, and double the quotes inside them")
            continue
        if not row:
            continue
        if len(row) != len(header):
            fix = "Put fields that hold the separator or a line end in double quotes"
            yield InputError(here, f"has {len(row)} fields, the header has {len(header)}", fix)
            continue
        record = {name: value for name, value in zip(header, row, strict=True) if name in _COLUMNS}
        if any("\udc80" <= c <= "\udcff" for value in record.values() for c in value):
            yield InputError(here, "is not valid UTF-8", "Convert the file, for example: iconv -f WINDOWS-1252 -t UTF-8")
            continue
        try:
            yield with_text(article_of(record, where=here, default_id=f"{id}:{line}"), where=here)
        except InputError as error:
            yield error


def read_parquet(file: BinaryIO, where: str, id: str) -> Iterator[Article | PactagError]:
    """The articles of a Parquet file, a few hundred rows in memory at a time."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        yield MissingExtraError("Parquet", "parquet")
        return
    try:
        table = pyarrow.parquet.ParquetFile(file if file.seekable() else io.BytesIO(file.read()))
        names = table.schema_arrow.names
        if "text" not in names:
            yield InputError(where, f"has no column 'text' ({', '.join(map(repr, names))})", "Name the column with the articles: text")
            return
        batches = table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[name for name in (*_COLUMNS, "spans") if name in names])
        for number, record in enumerate(chain.from_iterable(batch.to_pylist() for batch in batches), 1):
            here = f"{where}: row {number}"
            try:
                yield with_text(article_of(record, where=here, default_id=f"{id}:{number}"), where=here)
            except InputError as error:
                yield error
    except (pyarrow.ArrowException, OSError, ValueError) as bad:
        yield InputError(where, f"is not a Parquet file that can be read ({bad})", "Write it again, or give another kind of file")
