"""Adapting to one's own news without labelling any of it: a corpus to which articles are added with the labels that a larger model gives.

What a large encoder knows of real text a small one does not learn from written articles, but does from such texts (experiments/adapting).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pactag.corpus.rows import SPLITS, Row, read_corpus
from pactag.errors import CorpusError
from pactag.schema import Schema
from pactag.tagging import TaggedArticle
from pactag.whole_files import whole

# Keeps the names of articles apart from those of the corpus.
PREFIX = "own-"


@dataclass(frozen=True)
class Adapted:
    """What was added to the training split, and the digest of the new corpus."""

    articles: int
    sentences: int
    with_label: int
    digest: str


def adapt_corpus(corpus: Path, articles: Iterable[TaggedArticle], output: Path, schema: Schema) -> Adapted:
    """Write a corpus folder that holds another one and, in its training split, every sentence of the articles with its labels.

    Articles whose name is taken, by another or by what an earlier call added, get numbers.

    :param articles: as a `Tagger` gives them; taken lazily.
    :param output: a new folder, written whole or not at all.
    :raises CorpusError: when `output` exists, when `corpus` is not whole, and when no sentence comes.
    """
    if output.exists():
        raise CorpusError(str(output), "exists already", "Name a new folder")
    seen = {row.article_id for row in read_corpus(corpus, schema).rows}
    count = sentences = with_label = 0
    with whole(output) as place:
        place.mkdir(parents=True)
        for split in SPLITS:
            shutil.copy(corpus / f"{split}.jsonl", place)
        train = place / f"{SPLITS[0]}.jsonl"
        ends = train.read_bytes().endswith(b"\n")
        with train.open("a", encoding="utf-8", newline="\n") as file:
            file.write("" if ends else "\n")
            for article in articles:
                name = _name(article.id, seen)
                for index, sentence in enumerate(article.sentences):
                    file.write(Row(name, index, sentence.text, tuple(sentence.labels), article.title).to_json() + "\n")
                    sentences += 1
                    with_label += bool(sentence.labels)
                count += bool(article.sentences)
        if not sentences:
            raise CorpusError(str(corpus), "would get no sentence: no article could be read, or none has text", "Name articles with text")
        digest = read_corpus(place, schema).digest
    return Adapted(count, sentences, with_label, digest)


def _name(article: str, seen: set[str]) -> str:
    """A name that no article had yet."""
    name = f"{PREFIX}{article}"
    number = 1
    while name in seen:
        number += 1
        name = f"{PREFIX}{article}-{number}"
    seen.add(name)
    return name
