"""Flat tables, one row a sentence and one column a score: CSV and Parquet with the same columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from pactag.errors import MissingExtraError
from pactag.outputs.base import Maker, flat_columns, flat_rows
from pactag.tagging import TaggedArticle

_ROWS_AT_ONCE = 16_384


def write_csv(articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int:
    """CSV in UTF-8 with a header; the texts are as they are, so a spreadsheet should be told to take them as text."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, flat_columns(maker), lineterminator="\n")
        table.writeheader()
        for article in articles:
            table.writerows(flat_rows(article, maker))
            count += len(article.sentences)
    return count


def write_parquet(articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int:
    """Parquet: whole numbers for places, 64-bit floats for scores, strings for the rest.

    :raises MissingExtraError: without pyarrow.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingExtraError("Parquet", "parquet") from None
    kinds: dict[str, Any] = {name: pyarrow.int64() for name in ("index", "start", "end")}
    kinds |= {f"score_{name}": pyarrow.float64() for name in maker.schema.names}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in flat_columns(maker)])
    count = 0
    with pyarrow.parquet.ParquetWriter(path, schema) as table:
        stream = (row for article in articles for row in flat_rows(article, maker))
        while rows := list(islice(stream, _ROWS_AT_ONCE)):
            table.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count
