"""Judgements: what annotators said, in one form whatever the tool, one JSON object a line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field, ValidationError

from pactag.annotation.files import each_once, json_lines, told
from pactag.annotation.repeats import Place, Repeat, problems_of
from pactag.annotation.tasks import Round, Sentence, Task, TaskFolder
from pactag.annotation.tools.reading import Reading, Status
from pactag.corpus.agreement import Views
from pactag.errors import InputError, Problem
from pactag.schema import Schema


class Judgement(Sentence):
    """One annotator on one sentence. Labels of a skipped or rejected sentence are kept, and count for nothing."""

    annotator: str = Field(min_length=1)
    round: Round
    status: Status
    labels: tuple[str, ...]
    comment: str | None = None


@dataclass(frozen=True)
class Imported:
    """Judgements in the order of the tasks; and for each annotator the sentences that it said nothing of."""

    judgements: tuple[Judgement, ...]
    missing: Mapping[str, tuple[str, ...]]


def judgements_of(exports: Mapping[Path, Iterable[Reading]], folder: TaskFolder, schema: Schema) -> Imported:
    """Check the readings of each export against the tasks that they answer.

    :raises InputError: with every unknown sentence, changed text, unknown label, label given twice, and sentence judged twice by one
        annotator, each with its place in the export.
    """
    problems: list[Problem] = []
    places: dict[tuple[str, str], Place] = {}
    repeats: list[Repeat] = []
    kept: list[Judgement] = []
    task_of = _by_id(folder.tasks)
    for file, reading in ((file, _writable(reading)) for file, own in exports.items() for reading in own):
        task = task_of(reading.sentence_id)
        if task is None:
            problems.append(
                Problem(reading.where, f"unknown sentence {reading.sentence_id!r}", "Name the task folder that it was made from")
            )
            continue
        # Spreadsheets and browsers alter white space; words they leave alone.
        if reading.text.split() != task.text.split():
            was, now = _where_they_differ(task.text.split(), reading.text.split())
            found = f"the text of {task.id} was changed: {now!r} stands where {was!r} was"
            problems.append(Problem(reading.where, found, "Put it back; if letters were lost, save the sheet as CSV UTF-8"))
        problems += _label_problems(reading.labels, reading.where, schema)
        here, key = Place(file, reading.where), (reading.annotator, task.id)
        if key in places:
            repeats.append(Repeat(*key, places[key], here))
        places.setdefault(key, here)
        kept.append(_judgement(task, reading, folder.about.round, schema))
    problems += problems_of(
        repeats, two_people="name the files after them, fill in the column annotator (csv), or import each with a --name"
    )
    if not kept and not problems:
        problems.append(Problem("export", "holds no judgement of any sentence", "Export after annotating"))
    if problems:
        raise InputError.of(problems)
    order = {sentence: number for number, sentence in enumerate(folder.tasks)}
    kept.sort(key=lambda judgement: (order[judgement.id], judgement.annotator))
    annotators = sorted({judgement.annotator for judgement in kept})
    missing = {name: tuple(sentence for sentence in folder.tasks if (name, sentence) not in places) for name in annotators}
    return Imported(tuple(kept), {name: sentences for name, sentences in missing.items() if sentences})


def _writable(reading: Reading) -> Reading:
    """Names of files, which annotators may have theirs from, and comments hold bytes that are no UTF-8: these are told as what they are."""
    name, comment = (text and text.encode(errors="backslashreplace").decode() for text in (reading.annotator, reading.comment))
    return replace(reading, annotator=name or "", comment=comment)


def _by_id(tasks: Mapping[str, Task]) -> Callable[[str], Task | None]:
    """Finds the task of an id that came back.

    Spreadsheets drop blanks around it, and make the time `12:00` of `12:0`: such an id is taken where only one task can be meant.
    """
    stripped: dict[str, list[Task]] = {}
    for task in tasks.values():
        stripped.setdefault(task.id.strip(), []).append(task)

    def find(id: str) -> Task | None:
        meant = stripped.get(re.sub(r":0+(\d+)$", r":\1", id.strip()), [])
        return tasks.get(id) or (meant[0] if len(meant) == 1 else None)

    return find


def _judgement(task: Task, reading: Reading, round: Round, schema: Schema) -> Judgement:
    return Judgement(
        **task.model_dump(exclude={"suggested", "scores", "said"}),
        annotator=reading.annotator,
        round=round,
        status=reading.status,
        labels=schema.in_order(reading.labels),
        comment=reading.comment,
    )


def _label_problems(labels: Sequence[str], where: str, schema: Schema) -> list[Problem]:
    problems = []
    for label in labels:
        if label not in schema.names:
            close = difflib.get_close_matches(label, schema.names, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            problems.append(Problem(where, f"unknown label {label!r}", f"{hint}The schema has: {', '.join(schema.names)}"))
    if len(set(labels)) < len(labels):
        problems.append(Problem(where, f"a label is given twice in {list(labels)}", "Give each label once"))
    return problems


def _where_they_differ(was: Sequence[str], now: Sequence[str]) -> tuple[str, str]:
    """A few words of each text from the first that differs, and the one before it."""
    first = next((i for i, (one, other) in enumerate(zip(was, now, strict=False)) if one != other), min(len(was), len(now)))
    start = max(0, first - 1)
    return " ".join(was[start : start + 5]), " ".join(now[start : start + 5])


@dataclass(frozen=True)
class PlacedJudgement:
    """A judgement and the `file:line` where it stands."""

    where: str
    judgement: Judgement


def read_judgements(paths: Sequence[Path], schema: Schema) -> list[PlacedJudgement]:
    """Read what `pactag annotate import` wrote.

    :raises InputError: with every line that is malformed, has an unknown label, repeats another, or disagrees with another on the text
        or the size of an article.
    """
    problems: list[Problem] = []
    found: list[PlacedJudgement] = []
    said: dict[tuple[str, str, str], Place] = {}
    repeats: list[Repeat] = []
    texts: dict[str, PlacedJudgement] = {}
    for path in each_once(paths, problems):
        own: list[Problem] = []
        lines = list(json_lines(path, own))
        # Another kind of file altogether: its lines need not be told one by one.
        foreign = not lines and len(own) > 1
        problems += [Problem(str(path), "has no line of JSON", "Write it with: pactag annotate import")] if foreign else own
        for where, data in lines:
            try:
                one = Judgement.model_validate(data)
            except ValidationError as error:
                problems.append(Problem(where, f"is no judgement ({told(error)})", "Write it with: pactag annotate import"))
                continue
            problems += _label_problems(one.labels, where, schema)
            # Whoever writes such a file by hand names them in any order.
            one = one.model_copy(update={"labels": schema.in_order(one.labels)})
            here, key = Place(path, where), (one.annotator, one.round, one.id)
            if key in said:
                repeats.append(Repeat(one.annotator, one.id, said[key], here))
            said.setdefault(key, here)
            other = texts.setdefault(one.id, PlacedJudgement(where, one))
            if (other.judgement.text, other.judgement.title, other.judgement.sentences) != (one.text, one.title, one.sentences):
                problems.append(Problem(where, f"{one.id} is another sentence than at {other.where}", "Rename one of the two articles"))
            found.append(PlacedJudgement(where, one))
    problems += problems_of(repeats, two_people="import one of them again with --name")
    if not found and not problems:
        problems.append(Problem(", ".join(map(str, paths)), "holds no judgement", "Write it with: pactag annotate import"))
    if problems:
        raise InputError.of(problems)
    return found


def views_of(judgements: Iterable[Judgement]) -> Views:
    """What independent annotators judged, for figures of agreement."""
    views: dict[str, dict[str, frozenset[str]]] = {}
    for one in judgements:
        if one.round == "independent" and one.status == "judged":
            views.setdefault(one.annotator, {})[one.id] = frozenset(one.labels)
    return views
