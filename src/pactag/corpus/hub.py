"""The corpus as a `datasets.DatasetDict` with checked features."""

from __future__ import annotations

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
        {name: datasets.Dataset.from_list([_record(row) for row in rows], features=features) for name, rows in corpus.splits.items()}
    )


def _record(row: Row) -> dict[str, object]:
    return {"article_id": row.article_id, "index": row.index, "title": row.title, "text": row.text, "labels": list(row.labels)}
