"""JSON Lines, the canonical output: one sentence a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pactag.outputs.base import Maker, sentence_rows
from pactag.tagging import TaggedArticle


def lines(article: TaggedArticle, maker: Maker) -> Iterator[str]:
    """The lines of one article, each with its line end."""
    for row in sentence_rows(article, maker):
        yield json.dumps(row, ensure_ascii=False) + "\n"


def write(articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int:
    """Write every sentence on a line of its own."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for article in articles:
            file.writelines(lines(article, maker))
            count += len(article.sentences)
    return count
