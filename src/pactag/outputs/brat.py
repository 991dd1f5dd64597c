"""brat stand-off (https://brat.nlplab.org/standoff.html): a folder with a .txt and an .ann for each article."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pactag.articles import Span
from pactag.outputs.base import Maker, rounded
from pactag.tagging import TaggedArticle

# An .ann has one annotation a line, so a span ends at whatever some reader of lines takes for a line end.
_LINE = re.compile("[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_LONGEST_NAME = 80


def write(articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int:
    """Write the folder: each article, and the labels and colours as `annotation.conf` and `visual.conf`.

    File names are the ids of the articles, with `_` for what file systems dislike and a number where a name is taken.
    """
    path.mkdir()
    _write_conf(path, maker)
    used: dict[str, int] = {}
    count = 0
    for article in articles:
        name = _file_name(article.id, used)
        _text(path / f"{name}.txt", article.text)
        _text(path / f"{name}.ann", annotation_lines(article, maker))
        count += len(article.sentences)
    return count


def annotation_lines(article: TaggedArticle, maker: Maker) -> str:
    """The content of the .ann: a text-bound annotation for every label, with its score and the model as a note.

    A sentence that goes over several lines is a discontinuous annotation, one fragment a line.
    """
    lines = []
    number = 0
    for sentence in article.sentences:
        fragments = _fragments(sentence.text, sentence.start)
        where = ";".join(f"{start} {end}" for start, end in fragments)
        text = " ".join(article.text[start:end] for start, end in fragments)
        scores = rounded(sentence)
        # brat has no annotation of nothing: a span of white space cannot be one.
        for label in sentence.labels if fragments else ():
            number += 1
            doubt = " (uncertain)" if label in sentence.uncertain else ""
            lines.append(f"T{number}\t{label} {where}\t{text}\n")
            lines.append(f"#{number}\tAnnotatorNotes T{number}\tscore {scores[label]}{doubt} by {maker.model_id}\n")
    return "".join(lines)


def _fragments(text: str, start: int) -> list[Span]:
    found = []
    for line in _LINE.finditer(text):
        piece = line.group()
        stripped = piece.strip()
        if stripped:
            left = start + line.start() + len(piece) - len(piece.lstrip())
            found.append((left, left + len(stripped)))
    return found


def _write_conf(folder: Path, maker: Maker) -> None:
    names = "".join(f"{name}\n" for name in maker.schema.names)
    _text(folder / "annotation.conf", f"[entities]\n{names}\n[relations]\n\n[events]\n\n[attributes]\n")
    labels = "".join(f"{label.name} | {label.name} | {label.mark}\n" for label in maker.schema.labels)
    colours = "".join(f"{label.name}\tbgColor:{label.color}, fgColor:white\n" for label in maker.schema.labels)
    _text(folder / "visual.conf", f"[labels]\n{labels}\n[drawing]\n{colours}")


def _file_name(id: str, used: dict[str, int]) -> str:
    name = re.sub(r"[^\w.-]+", "_", id).lstrip(".")[:_LONGEST_NAME] or "article"
    while True:
        # Some file systems do not tell capitals from small letters.
        again = used.setdefault(name.casefold(), 0)
        used[name.casefold()] += 1
        if not again:
            return name
        name = f"{name}-{again + 1}"


def _text(path: Path, content: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(content)
