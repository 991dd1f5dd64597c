"""The corpus as a `datasets.DatasetDict` with checked features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pactag.corpus.rows import Corpus, Row
from pactag.errors import MissingExtraError
from pactag.schema import Schema

if TYPE_CHECKING:
    import datasets


def as_datasets(corpus: Corpus, schema: Schema) -> datasets.DatasetDict:
    """Rows as a `DatasetDict`. `labels` is a list of `ClassLabel` in schema order, so a foreign label cannot enter."""
    try:
        import datasets
    except ModuleNotFoundError:
        raise MissingExtraError("A corpus as datasets.DatasetDict", "train") from None
    features = datasets.Features(
        {
            "article_id": datasets.Value("string"),
            "index": datasets.Value("int32"),
            "title": datasets.Value("string"),
            "text": datasets.Value("string"),
            "labels": datasets.List(datasets.ClassLabel(names=list(schema.names))),
        }
    )
    return datasets.DatasetDict(
        {name: datasets.Dataset.from_dict(_columns(rows), features=features) for name, rows in corpus.splits.items()}
    )


def _columns(rows: Sequence[Row]) -> dict[str, list[object]]:
    return {
        "article_id": [row.article_id for row in rows],
        "index": [row.index for row in rows],
        "title": [row.title for row in rows],
        "text": [row.text for row in rows],
        "labels": [list(row.labels) for row in rows],
    }
