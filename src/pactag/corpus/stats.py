"""What a corpus is made of: counts by split, label, pair of labels, topic and register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from pactag.corpus.rows import Corpus, Row
from pactag.schema import Schema


def corpus_stats(corpus: Corpus, schema: Schema) -> dict[str, Any]:
    """Counts of a corpus as plain data, `splits` by name and `all` together."""
    stats: dict[str, Any] = {"digest": corpus.digest, "splits": {name: _counts(rows, schema) for name, rows in corpus.splits.items()}}
    stats["all"] = _counts(corpus.rows, schema)
    for field in ("topic", "register", "writer"):
        # Rows of users hold anything there.
        values = {row.article_id: str(row.extra[field]) for row in corpus.rows if row.extra.get(field) is not None}
        if values:
            stats[f"articles_by_{field}"] = dict(sorted(Counter(values.values()).items()))
    return stats


def _counts(rows: Sequence[Row], schema: Schema) -> dict[str, Any]:
    sets = Counter(row.labels for row in rows)
    pairs = {f"{a}+{b}": sum(n for labels, n in sets.items() if a in labels and b in labels) for a, b in combinations(schema.names, 2)}
    return {
        "articles": len({row.article_id for row in rows}),
        "sentences": len(rows),
        "words_per_sentence": round(sum(len(row.text.split()) for row in rows) / max(1, len(rows)), 1),
        "no_label": sets[()],
        "no_label_share": round(sets[()] / max(1, len(rows)), 3),
        "labels": {name: sum(n for labels, n in sets.items() if name in labels) for name in schema.names},
        "pairs": pairs,
        "three_or_more": sum(n for labels, n in sets.items() if len(labels) > 2),
    }
