"""The articles themselves as they were read, which pactag can read again: what the offsets of any output refer to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO

from pactag.tagging import TaggedArticle


def kept(articles: Iterable[TaggedArticle], file: IO[str]) -> Iterator[TaggedArticle]:
    """Pass articles on, each after its line `{"id", "title", "text", "spans"}` was written."""
    for article in articles:
        spans = [[sentence.start, sentence.end] for sentence in article.sentences]
        row = {"id": article.id, "title": article.title, "text": article.text, "spans": spans}
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        yield article
