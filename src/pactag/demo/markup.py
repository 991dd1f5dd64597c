"""The HTML of the demo: an article whose sentences can be chosen, and what there is to say of one. Every text is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from pactag.demo.session import Place, Session
from pactag.explanations import Part
from pactag.schema import Schema
from pactag.tagging import TaggedSentence

# A longer article comes in parts: a browser is slow with tens of thousands of elements.
SENTENCES_AT_ONCE = 200
# A word that moves a score by less says nothing.
_LEAST = 0.005
_COLOURED = 0.02
_SHOWN_WORDS = 5
# A sign that may be one of Markdown or HTML; an entity is none, whatever it stands for.
_SIGN = re.compile(r"[!-/:-@\[-`{-~]")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")


def safe(text: str) -> str:
    """Text for HTML that Gradio also treats as a template: `${...}` and `{{...}}` in an article must stay what they are."""
    return escape(text).replace("$", "&#36;").replace("{", "&#123;").replace("}", "&#125;").replace("`", "&#96;")


def literal(text: str) -> str:
    """Text for Markdown that shows it to the letter, in one line: an error may quote a file, with pictures and links in it."""
    return _SIGN.sub(lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))


def legend(schema: Schema) -> str:
    """The labels with colour and letter."""
    items = (f'<li><span class="mark" style="--colour: {x.color}">{safe(x.mark)}</span> {safe(x.name)}</li>' for x in schema.labels)
    return f'<ul class="legend">{"".join(items)}</ul>'


def article(session: Session, number: int, schema: Schema, *, first: int = 0, chosen: int | None = None) -> str:
    """At most `SENTENCES_AT_ONCE` sentences of an article from the `first` on, in their paragraphs. One of them is in the tab order."""
    tagged = session.articles[number]
    shown = range(first, min(first + SENTENCES_AT_ONCE, len(tagged.sentences)))
    stop = chosen if chosen in shown else first
    parts = [f"<h2>{safe(tagged.title)}</h2>" if tagged.title and first == 0 else "", "<p>"]
    end = None
    for index in shown:
        sentence = tagged.sentences[index]
        if end is not None:
            parts.append("</p><p>" if _PARAGRAPH.search(tagged.text, end, sentence.start) else " ")
        end = sentence.end
        parts.append(_sentence(session, (number, index), schema, tab=index == stop, chosen=index == chosen))
    parts.append("</p>")
    return f'<div class="article">{legend(schema)}{"".join(parts)}</div>'


def _sentence(session: Session, place: Place, schema: Schema, *, tab: bool, chosen: bool) -> str:
    labels = [label for label in schema.labels if label.name in session.labels(place)]
    marks = "".join(f'<span class="mark" style="--colour: {label.color}" aria-hidden="true">{safe(label.mark)}</span>' for label in labels)
    classes = " ".join(
        name for name, on in (("sentence", True), ("act", labels), ("corrected", place in session.corrections), ("chosen", chosen)) if on
    )
    said = ", ".join(label.name for label in labels) or "no label"
    style = f' style="--colour: {labels[0].color}"' if labels else ""
    return (
        f'<span class="{classes}" role="button" tabindex="{0 if tab else -1}" aria-pressed="{"true" if chosen else "false"}"'
        f' data-index="{place[1]}"{style}>{safe(session.sentence(place).text)}{marks}<span class="said"> ({safe(said)})</span></span>'
    )


def details(session: Session, place: Place, words: Sequence[Part], thresholds: Mapping[str, float], schema: Schema) -> str:
    """The scores of a sentence, and the words that moved each most."""
    sentence = session.sentence(place)
    rows = []
    for label in schema.labels:
        score, threshold = sentence.scores[label.name], thresholds[label.name]
        given = label.name in sentence.labels
        moved = sorted((part for part in words if abs(part.carries[label.name]) >= _LEAST), key=lambda p: -abs(p.carries[label.name]))
        said = ", ".join(_word(sentence.text[part.start : part.end], part.carries[label.name]) for part in moved[:_SHOWN_WORDS])
        rows.append(
            f'<tr class="{"given" if given else ""}"><th scope="row"><span class="mark" style="--colour: {label.color}">{safe(label.mark)}'
            f"</span> {safe(label.name)}</th>"
            f'<td><span class="bar" style="--colour: {label.color}; --score: {score:.3f}; --threshold: {threshold:.3f}"></span></td>'
            f'<td class="number">{score:.2f}</td><td class="number">{threshold:.2f}</td><td>{"yes" if given else "no"}</td></tr>'
            f'<tr class="words"><td colspan="5">{said or "no single word moves it"}</td></tr>'
        )
    head = "<tr><th>label</th><th></th><th>score</th><th>from</th><th>given</th></tr>"
    return (
        '<a class="back" href="#article">Back to the article</a>'
        f"<blockquote>{_highlighted(sentence.text, words, _in_question(sentence, thresholds), schema)}</blockquote>"
        f"<table><caption>Scores; below each, the words without which it would fall (−) or rise (+)</caption>{head}{''.join(rows)}</table>"
    )


def _word(text: str, carries: float) -> str:
    change = f"{'−' if carries > 0 else '+'}{abs(carries):.2f}"
    short = text if len(text) <= 40 else text[:37] + "..."
    return f"<q>{safe(short)}</q>&nbsp;{change}"


def _in_question(sentence: TaggedSentence, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    """The labels of a sentence; where it has none, the one that is nearest."""
    return sentence.labels or (max(thresholds, key=lambda name: sentence.scores[name] - thresholds[name]),)


def _highlighted(text: str, words: Sequence[Part], labels: Sequence[str], schema: Schema) -> str:
    """The sentence with each word in the colour of the one of these labels that it carries most."""
    colours = {label.name: label.color for label in schema.labels}
    parts, end = [], 0
    for part in words:
        name = max(labels, key=lambda one: part.carries[one])
        parts.append(safe(text[end : part.start]))
        word, strength = safe(text[part.start : part.end]), min(1.0, part.carries[name])
        if strength >= _COLOURED:
            word = f'<span class="word" style="--colour: {colours[name]}; --strength: {strength:.2f}">{word}</span>'
        parts.append(word)
        end = part.end
    return "".join([*parts, safe(text[end:])])
