"""One self-contained HTML page to read: sentences highlighted by label, filters, scores. No script, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from pactag.outputs.base import Maker
from pactag.outputs.page_style import style
from pactag.schema import Label, Schema
from pactag.tagging import TaggedArticle, TaggedSentence

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
# The page may neither run nor load anything, whatever an article holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write(articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int:
    """Write the page, article by article."""
    sentences = labelled = uncertain = number = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_head(maker.schema))
        for article in articles:
            number += 1
            file.writelines(article_html(article, maker.schema))
            sentences += len(article.sentences)
            labelled += sum(bool(sentence.labels) for sentence in article.sentences)
            uncertain += sum(bool(sentence.uncertain) for sentence in article.sentences)
        totals = f"{_count(number, 'article')}, {_count(sentences, 'sentence')}, {labelled} with a label"
        doubt = " ? marks a label whose score lies near its threshold." if uncertain else ""
        file.write(f"</main>\n<footer>{totals}. Model {escape(maker.model_id)}.{doubt}</footer>\n</body>\n</html>\n")
    return sentences


def article_html(article: TaggedArticle, schema: Schema) -> Iterator[str]:
    """An article as a section: heading, count, and its whole text with the labelled sentences marked. All of it is escaped."""
    heading = article.title or article.id or "Article"
    labelled = sum(bool(sentence.labels) for sentence in article.sentences)
    name = f'<span class="id">{escape(article.id)}</span> · ' if article.title and article.id else ""
    yield f'<article>\n<h2 dir="auto">{escape(heading)}</h2>\n'
    yield f'<p class="count">{name}{labelled} of {_count(len(article.sentences), "sentence")} with a label</p>\n<p dir="auto">'
    place = 0
    for sentence in article.sentences:
        yield _between(article.text[place : sentence.start])
        yield _sentence(sentence, schema)
        place = sentence.end
    yield _between(article.text[place:].rstrip()) + "</p>\n</article>\n"


def _between(text: str) -> str:
    """What stands between sentences; a blank line begins a paragraph."""
    pieces = [f'<span class="plain">{escape(piece)}</span>' if piece.strip() else piece for piece in _BLANK_LINE.split(text)]
    return '</p>\n<p dir="auto">'.join(pieces)


def _sentence(sentence: TaggedSentence, schema: Schema) -> str:
    scores = escape(" · ".join(f"{name} {_score(sentence, name)}" for name in sentence.scores))
    if not sentence.labels:
        if not sentence.uncertain:
            return f'<span class="plain">{escape(sentence.text)}</span>'
        doubts = "".join(_doubt(label, sentence) for label in schema.labels if label.name in sentence.uncertain)
        return f'<span class="plain" tabindex="0" data-scores="{scores}">{escape(sentence.text)}{doubts}</span>'
    classes = " ".join(f"is-{name}" for name in sentence.labels)
    chips = "".join(_chip(label, sentence) for label in schema.labels if label.name in sentence.labels)
    return f'<mark tabindex="0" class="{classes}" data-scores="{scores}">{chips}{escape(sentence.text)}</mark>'


def _score(sentence: TaggedSentence, name: str) -> str:
    """A score, with a question mark where the label is uncertain."""
    return f"{sentence.scores[name]:.2f}" + ("?" if name in sentence.uncertain else "")


def _doubt(label: Label, sentence: TaggedSentence) -> str:
    """What is uncertain of a sentence without a label, in words: a chip or colour would say that it has one. A line may end before it."""
    return f'<wbr><span class="doubt is-{label.name}" dir="ltr">{label.name} {_score(sentence, label.name)}</span>'


def _chip(label: Label, sentence: TaggedSentence) -> str:
    """The text mark of a label for the eye, its name and score for the ear."""
    doubt = "?" if label.name in sentence.uncertain else ""
    heard = f'<span class="heard">{label.name} {sentence.scores[label.name]:.2f}{", uncertain" if doubt else ""}: </span>'
    mark = f'<span aria-hidden="true">{escape(label.mark)}{doubt}</span>'
    # With a direction of its own, it has no say in that of the paragraph, which may run from right to left.
    return f'<span class="chip is-{label.name}" dir="ltr" data-score="{sentence.scores[label.name]:.2f}">{mark}{heard}</span>'


def _head(schema: Schema) -> str:
    filters = "".join(
        f'<label title="{escape(label.meaning)}"><input type="checkbox" id="show-{label.name}" checked>'
        f'<span class="chip is-{label.name}" aria-hidden="true">{escape(label.mark)}</span>{label.name}</label>\n'
        for label in schema.labels
    )
    meanings = "".join(
        f'<dt><span class="chip is-{label.name}" aria-hidden="true">{escape(label.mark)}</span>{label.name}</dt>'
        f"<dd>{escape(label.meaning)}</dd>\n"
        for label in schema.labels
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(schema.title)}</title>
<style>
{style(schema)}</style>
</head>
<body>
<header>
<h1>{escape(schema.title)}</h1>
<details>
<summary>What the labels mean</summary>
<dl>
{meanings}<dt>?</dt><dd>The score lies so near the threshold that the label, given or not, is often wrong.
Behind a sentence without a label stand those that are so near.</dd>
</dl>
</details>
</header>
<form class="filters" aria-label="Filter sentences" autocomplete="off">
<fieldset>
<legend>Labels</legend>
{filters}<label class="only"><input type="checkbox" id="only">only sentences with a label</label>
</fieldset>
</form>
<main>
"""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
