"""What the formats share: who made the labels, the protocol of a writer, and the row of a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pactag.schema import Schema
from pactag.tagging import TaggedArticle, TaggedSentence

# Digits of a score in outputs: more than calibration can vouch for.
DIGITS = 4


@dataclass(frozen=True)
class Maker:
    """The model behind the labels: its schema, and the short name of exactly its weights and thresholds."""

    schema: Schema
    model_id: str


class Writer(Protocol):
    """Writes one format.

    Takes articles lazily and keeps none of them, writes to a path at which nothing stands, and returns the number of sentences of the
    articles. The caller moves what was written to its place.
    """

    def __call__(self, articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int: ...


def rounded(sentence: TaggedSentence) -> dict[str, float]:
    """The scores of a sentence as outputs show them, in schema order."""
    return {name: round(score, DIGITS) for name, score in sentence.scores.items()}


def sentence_rows(article: TaggedArticle, maker: Maker) -> Iterator[dict[str, Any]]:
    """The canonical rows of an article, one a sentence. `start` and `end` count code points of the text of the article."""
    for index, sentence in enumerate(article.sentences):
        yield {
            "article_id": article.id,
            "index": index,
            "start": sentence.start,
            "end": sentence.end,
            "text": sentence.text,
            "labels": list(sentence.labels),
            "scores": rounded(sentence),
            "uncertain": list(sentence.uncertain),
            "model": maker.model_id,
        }


def flat_columns(maker: Maker) -> list[str]:
    """Columns of the flat tables: as in the canonical rows, with one column for each score."""
    return [
        "article_id",
        "index",
        "start",
        "end",
        "text",
        "labels",
        *(f"score_{name}" for name in maker.schema.names),
        "uncertain",
        "model",
    ]


def flat_rows(article: TaggedArticle, maker: Maker) -> Iterator[dict[str, Any]]:
    """Rows under `flat_columns`; names of labels are joined by a space, none gives the empty string."""
    for row in sentence_rows(article, maker):
        scores = {f"score_{name}": score for name, score in row.pop("scores").items()}
        yield {**row, **scores, **{name: " ".join(row[name]) for name in ("labels", "uncertain")}}
