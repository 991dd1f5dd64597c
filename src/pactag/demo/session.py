"""What a person has before them in the demo: tagged articles, and what they corrected. No page here, and nothing is kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from pactag.annotation.judgements import Judgement
from pactag.annotation.tasks import tasks_of
from pactag.articles import Article
from pactag.errors import InputError, PactagError
from pactag.explanations import Part, carrying_words
from pactag.schema import Schema
from pactag.sentences import SentenceInput, in_context
from pactag.tagging import TaggedArticle, TaggedSentence, Tagger

# What a page can still show and a person can still read; more is a job for `pactag tag`.
MOST_ARTICLES = 100
MOST_CHARACTERS = 2_000_000

Place = tuple[int, int]
"""Number of an article, and of a sentence in it."""


@dataclass(frozen=True)
class Session:
    """Tagged articles and the labels that a person gave instead of the model's."""

    articles: tuple[TaggedArticle, ...] = ()
    corrections: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    # Whether there is nothing to lose: all was prepared for download, or the person was told.
    kept: bool = True

    def sentence(self, place: Place) -> TaggedSentence:
        """The sentence at a place."""
        return self.articles[place[0]].sentences[place[1]]

    def labels(self, place: Place) -> tuple[str, ...]:
        """The corrected labels, else the model's."""
        return self.corrections.get(place, self.sentence(place).labels)

    def corrected(self, place: Place, labels: Sequence[str], schema: Schema) -> Session:
        """With other labels for a sentence; those of the model take a correction back."""
        ordered = schema.in_order(labels)
        others = {at: given for at, given in self.corrections.items() if at != place}
        now = others if ordered == self.sentence(place).labels else {**others, place: ordered}
        return replace(self, corrections=now, kept=not now)


def pasted(text: str, title: str) -> Article:
    """Pasted text as an article; the same text always has the same id.

    :raises InputError: when there is nothing to tag.
    """
    if not text.strip():
        raise InputError("text", "is empty", "Paste an article")
    return Article(f"pasted-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:8]}", text, title.strip() or None)


def opened(articles: Iterator[Article], tagger: Tagger) -> tuple[Session, bool]:
    """A session on articles, and whether there were more than can be shown.

    :raises InputError: for articles that are too long, or without a sentence.
    """
    chosen: list[Article] = []
    more, size = False, 0
    for article in islice(articles, MOST_ARTICLES + 1):
        more = len(chosen) == MOST_ARTICLES
        size += len(article.text)
        if size > MOST_CHARACTERS:
            raise InputError("articles", f"have more than {MOST_CHARACTERS:,} characters", "Tag them with: pactag tag")
        if not more:
            chosen.append(article)
    tagged = tuple(one for one in tagger.tag_many(chosen) if one.sentences)
    if not tagged:
        raise InputError("articles", "hold no sentence", "Give text with words in it")
    return Session(tagged), more


def explained(session: Session, place: Place, tagger: Tagger) -> list[Part]:
    """Which words carried the scores of a sentence, as the model saw it."""
    article, context = session.articles[place[0]], tagger.context
    texts = [sentence.text for sentence in article.sentences[max(0, place[1] - context.preceding) : place[1] + 1]]
    seen: SentenceInput = in_context(texts, title=article.title, preceding=context.preceding, with_title=context.title)[-1]
    return carrying_words(tagger, seen)


def judgements(session: Session, schema: Schema, *, annotator: str, all_read: bool) -> list[Judgement]:
    """The corrections as judgements, as `pactag annotate import` writes them and `pactag data add` takes them.

    :param all_read: the person has read every sentence: those not corrected count as judged like the model.
    :raises PactagError: without a name of the annotator, and when there is nothing to write.
    """
    if not annotator.strip():
        raise PactagError("your name", "is missing", "Give it: every judgement says whose it is")
    found = []
    for number, article in enumerate(session.articles):
        spans = tuple((sentence.start, sentence.end) for sentence in article.sentences)
        for index, task in enumerate(tasks_of([Article(article.id, article.text, article.title, spans)], schema)):
            if all_read or (number, index) in session.corrections:
                fields = task.model_dump(exclude={"suggested", "scores", "said"})
                labels = session.labels((number, index))
                found.append(Judgement(**fields, annotator=annotator.strip(), round="independent", status="judged", labels=labels))
    if not found:
        raise PactagError("corrections", "are none", "Correct a sentence first, or say that you have read all")
    return found
