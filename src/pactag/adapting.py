"""Adapting to one's own news without labelling any of it: a corpus to which articles are added with the labels that a larger model gives.

What a large encoder knows of real text a small one does not learn from written articles, but does from such texts (experiments/adapting).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pactag.corpus.near_duplicates import SentenceIndex
from pactag.corpus.repetition import DUPLICATE_MIN_WORDS
from pactag.corpus.rows import SPLITS, Row, by_article, read_corpus
from pactag.errors import CorpusError
from pactag.schema import Schema
from pactag.tagging import TaggedArticle
from pactag.whole_files import whole

# Keeps the names of articles apart from those of the corpus.
PREFIX = "own-"


@dataclass(frozen=True)
class Adapted:
    """What was added to the training split, the articles that were left out, and the digest of the new corpus."""

    articles: int
    sentences: int
    with_label: int
    left_out: int
    digest: str


def adapt_corpus(corpus: Path, articles: Iterable[TaggedArticle], output: Path, schema: Schema) -> Adapted:
    """Write a corpus folder that holds another one and, in its training split, every sentence of the articles with its labels.

    Articles whose name is taken, by another or by what an earlier call added, get numbers. An article is left out that has the very text of
    one of the training split or of an earlier one, or shares nearly a sentence with the validation or test split (`SentenceIndex`): on what
    it learnt a model looks good.

    :param articles: as a `Tagger` gives them; taken lazily.
    :param output: a new folder, written whole or not at all.
    :raises CorpusError: when `output` exists, when `corpus` is not whole, and when no sentence comes.
    """
    if output.exists():
        raise CorpusError(str(output), "exists already", "Name a new folder")
    known = read_corpus(corpus, schema)
    seen = {row.article_id for row in known.rows}
    held_out = SentenceIndex()
    for text in (row.text for split in SPLITS[1:] for row in known[split] if _tells(row.text)):
        held_out.add(text)
    added = {tuple(row.text for row in article) for article in by_article(known[SPLITS[0]]).values()}
    count = sentences = with_label = left_out = 0
    with whole(output) as place:
        place.mkdir(parents=True)
        for split in SPLITS:
            shutil.copy(corpus / f"{split}.jsonl", place)
        train = place / f"{SPLITS[0]}.jsonl"
        ends = train.read_bytes().endswith(b"\n")
        with train.open("a", encoding="utf-8", newline="\n") as file:
            file.write("" if ends else "\n")
            for article in articles:
                # White space alone is no sentence of a corpus.
                own = [sentence for sentence in article.sentences if sentence.text.strip()]
                texts = tuple(sentence.text for sentence in own)
                if texts and (texts in added or any(text in held_out for text in texts if _tells(text))):
                    left_out += 1
                    continue
                added.add(texts)
                name = _name(article.id, seen)
                for index, sentence in enumerate(own):
                    file.write(Row(name, index, sentence.text, tuple(sentence.labels), article.title).to_json() + "\n")
                    sentences += 1
                    with_label += bool(sentence.labels)
                count += bool(own)
        if not sentences:
            found = "would get no sentence: no article could be read, none has text, or all are there already"
            raise CorpusError(str(corpus), found, "Name other articles")
        digest = read_corpus(place, schema).digest
    return Adapted(count, sentences, with_label, left_out, digest)


def _tells(text: str) -> bool:
    """Whether a sentence is long enough to come from one article: short ones, such as headings, stand in many."""
    return len(text.split()) >= DUPLICATE_MIN_WORDS


def _name(article: str, seen: set[str]) -> str:
    """A name that no article had yet."""
    name = f"{PREFIX}{article}"
    number = 1
    while name in seen:
        number += 1
        name = f"{PREFIX}{article}-{number}"
    seen.add(name)
    return name
