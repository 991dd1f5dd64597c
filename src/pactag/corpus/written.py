"""Written articles: the form in which the corpus is composed, one text file per article.

    title: Harbour pilots hand in notice of stoppage
    date: 2011-09-14
    topic: labour disputes and contract talks
    register: local paper
    structure: claim and counter-claim

    Pilots will stop guiding ships on Friday, their association said.
    > threat | their association | -
    The harbour has 14 pilots.

One sentence a line; a blank line ends a paragraph; lines with `>` hold what the writer intended with the sentence above: a label, and the
words of that sentence that name who acts and at whom (`-` for none). Intent is not gold: readers label the text anew.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pactag.errors import CorpusError, Problem
from pactag.schema import Schema

FIELDS = ("title", "date", "topic", "register", "structure")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass(frozen=True)
class Intent:
    """An act that the writer meant to put into a sentence; source and target are words of the sentence, or None."""

    label: str
    source: str | None
    target: str | None


@dataclass(frozen=True)
class WrittenSentence:
    """A sentence with its paragraph (from 0) and the writer's intents."""

    text: str
    paragraph: int
    intents: tuple[Intent, ...]


@dataclass(frozen=True)
class WrittenArticle:
    """One written article. The writer is the name of the folder it stands in."""

    id: str
    writer: str
    title: str
    date: str
    topic: str
    register: str
    structure: str
    sentences: tuple[WrittenSentence, ...]

    @property
    def digest(self) -> str:
        """Digest of the sentences, 12 hex digits: an annotation made for another text does not fit."""
        return hashlib.sha256("\n".join(sentence.text for sentence in self.sentences).encode()).hexdigest()[:12]


def read_articles(folder: Path, schema: Schema) -> dict[str, WrittenArticle]:
    """All articles below a folder, by id, in order.

    :raises CorpusError: with every problem of every file.
    """
    problems: list[Problem] = []
    articles = {}
    places: dict[str, Path] = {}
    for path in sorted(path for path in folder.glob("*/*.txt") if path.is_file()):
        article = _read(path, schema, problems)
        if article is None:
            continue
        if article.id in places:
            problems.append(Problem(str(path), f"has the same name as {places[article.id]}", "Article ids are file names: rename one"))
        places[article.id] = path
        articles[article.id] = article
    if not articles and not problems:
        problems.append(Problem(str(folder), "holds no article", "Put articles into folder/writer/id.txt"))
    if problems:
        raise CorpusError.of(problems)
    return articles


def _read(path: Path, schema: Schema, problems: list[Problem]) -> WrittenArticle | None:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as bad:
        problems.append(Problem(str(path), f"byte {bad.start} is not valid UTF-8", "Save the file as UTF-8"))
        return None
    before = len(problems)
    header = {}
    for number, name in enumerate(FIELDS):
        found, _, value = (lines[number] if number < len(lines) else "").partition(": ")
        if found != name or not value.strip():
            problems.append(Problem(f"{path}:{number + 1}", f"{found!r} stands where `{name}: ...` should", f"Header: {', '.join(FIELDS)}"))
        header[name] = value.strip()
    if not problems[before:] and not _is_date(header["date"]):
        problems.append(Problem(f"{path}:2", f"{header['date']!r} is not a date", "Write YYYY-MM-DD"))
    sentences: list[WrittenSentence] = []
    paragraph, fresh = 0, True
    for number, line in enumerate(lines[len(FIELDS) :], start=len(FIELDS) + 1):
        where = f"{path}:{number}"
        if not line.strip():
            paragraph += not fresh
            fresh = True
        elif line.lstrip().startswith(">"):
            if not sentences:
                problems.append(Problem(where, "an intent stands before any sentence", "Put it under its sentence"))
                continue
            last = sentences[-1]
            intent = _intent(line, last.text, where, schema, problems)
            if intent is not None:
                sentences[-1] = WrittenSentence(last.text, last.paragraph, (*last.intents, intent))
        else:
            sentences.append(WrittenSentence(" ".join(line.split()), paragraph, ()))
            fresh = False
    if not sentences:
        problems.append(Problem(str(path), "holds no sentence", "Write one sentence a line below the header"))
    if len(problems) > before:
        return None
    return WrittenArticle(path.stem, path.parent.name, **header, sentences=tuple(sentences))


def _intent(line: str, sentence: str, where: str, schema: Schema, problems: list[Problem]) -> Intent | None:
    parts = [part.strip() for part in line.strip()[1:].split("|")]
    if len(parts) != 3:
        problems.append(Problem(where, f"{line!r} has {len(parts)} parts", "Write `> label | source | target`"))
        return None
    label, source, target = parts
    if label not in schema.names:
        problems.append(Problem(where, f"unknown label {label!r}", f"The schema has: {', '.join(schema.names)}"))
        return None
    for role, words in (("source", source), ("target", target)):
        if words != "-" and (not words or words not in sentence):
            problems.append(
                Problem(where, f"the {role} {words!r} does not stand in the sentence above", "Copy its words exactly, or write -")
            )
            return None
    return Intent(label, None if source == "-" else source, None if target == "-" else target)
