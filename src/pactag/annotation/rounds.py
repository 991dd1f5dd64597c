"""The rounds of annotation: start one from articles or from differences, take its exports in, find what is left to settle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pactag.annotation.files import each_once, write_folder
from pactag.annotation.judgements import Imported, Judgement, judgements_of
from pactag.annotation.tasks import (
    ABOUT,
    DEFAULT_PRECEDING,
    TASKS,
    About,
    Round,
    Said,
    Sentence,
    Task,
    ToolName,
    read_inputs,
    read_task_folder,
    tasks_of,
    with_suggestions,
)
from pactag.annotation.tools import TOOLS
from pactag.annotation.tools.reading import Reading
from pactag.articles import Article
from pactag.errors import InputError, Problem
from pactag.schema import Schema
from pactag.tagging import Tagger


def start(
    paths: Sequence[Path | str],
    folder: Path,
    schema: Schema,
    *,
    tool: ToolName,
    preceding: int = DEFAULT_PRECEDING,
    tagger: Tagger | None = None,
    kind: str | None = None,
) -> list[Task]:
    """Write a task folder for articles, or for chosen sentences: those to settle, or those that `annotate next` found.

    :param tagger: its labels go along as suggestions. Annotators who are to judge independently must not see any.
    :param kind: what the files of articles hold, whatever their endings say, as for `pactag.inputs.read_articles`.
    :raises PactagError: for inputs that cannot be read, and for a folder that holds something already. Nothing is written then.
    """
    tasks: list[Task] = []
    articles: list[Article] = []
    for given in read_inputs(paths, kind=kind):
        if isinstance(given, Task):
            tasks.append(given)
        else:
            articles.append(given)
    settles = any(task.said is not None for task in tasks)
    if settles and (fresh := [task for task in tasks if task.said is None]):
        # What an adjudicator says is final: of a sentence that nobody judged before, one person's word would be.
        found = f"are sentences to settle and {len(fresh)} that nobody judged yet, the first {fresh[0].id!r}"
        raise InputError("inputs", found, "Start one folder for each")
    if settles and tagger is not None:
        raise InputError("--model", "is given for sentences to settle", "Leave it out: they show what annotators said")
    if articles:
        tasks = tasks_of(articles, schema, preceding=preceding, tagger=tagger)
    elif tagger is not None:
        tasks = with_suggestions(tasks, schema, tagger)
    if not tasks:
        raise InputError(", ".join(map(str, paths)), "holds no sentence", "Name articles, or a file with sentences to judge")
    model = tagger.model_id if tagger is not None else None
    write_tasks(tasks, folder, schema, tool=tool, round="adjudication" if settles else "independent", model=model)
    return tasks


def write_tasks(tasks: Sequence[Task], folder: Path, schema: Schema, *, tool: ToolName, round: Round, model: str | None = None) -> None:
    """Write a task folder: the tasks in their order, and the files of the tool.

    :param model: id of the model that made suggestions, if one did.
    :raises PactagError: when the folder holds something already. Nothing is written then.
    """
    about = About(tool=tool, labels=schema.names, round=round, model=model)
    lines = "".join(task.to_json() + "\n" for task in tasks)
    write_folder(folder, {TASKS: lines, ABOUT: about.to_json() + "\n", **TOOLS[tool].write(tasks, schema)})


def take_in(
    exports: Sequence[Path], folder: Path, schema: Schema, *, tool: ToolName | None = None, names: Mapping[str, str] | None = None
) -> Imported:
    """Judgements from the exports of the tool that a task folder was made for, or of another one.

    :param names: what to call annotators whom the tool calls otherwise, such as `{"user 1": "anna"}`.
    :raises PactagError: with every problem of every export.
    """
    tasks = read_task_folder(folder, schema)
    problems: list[Problem] = []
    read = TOOLS[tool or tasks.about.tool].read
    by_file = {path: read(path, schema, problems) for path in each_once(exports, problems)}
    readings = [reading for own in by_file.values() for reading in own]
    given = names or {}
    unknown = sorted(given.keys() - {reading.annotator for reading in readings})
    problems += [Problem(f"--name {name}", "is no annotator of these exports", _annotators(readings)) for name in unknown]
    renamed = {
        path: [replace(reading, annotator=given.get(reading.annotator, reading.annotator)) for reading in own]
        for path, own in by_file.items()
    }
    if not problems:
        return judgements_of(renamed, tasks, schema)
    # What could be read is checked as well, so that all problems are told at once.
    try:
        judgements_of(renamed, tasks, schema)
    except InputError as error:
        problems += error.problems if readings else ()
    raise InputError.of(problems)


def _annotators(readings: Iterable[Reading]) -> str:
    return f"They are: {', '.join(sorted({reading.annotator for reading in readings})) or 'none'}"


def by_sentence(judgements: Iterable[Judgement]) -> dict[str, list[Judgement]]:
    """Judgements grouped by sentence, in order of first appearance."""
    groups: dict[str, list[Judgement]] = {}
    for one in judgements:
        groups.setdefault(one.id, []).append(one)
    return groups


def unsettled(judgements: Iterable[Judgement]) -> list[Task]:
    """Sentences on which independent annotators differ, or which some passed over so that fewer than two judged them.

    Those that an adjudicator has judged are settled. Each carries what every annotator said.
    """
    found = []
    for group in by_sentence(judgements).values():
        if any(one.round == "adjudication" and one.status == "judged" for one in group):
            continue
        judged = [frozenset(one.labels) for one in group if one.round == "independent" and one.status == "judged"]
        passed_over = any(one.status != "judged" for one in group)
        if len(set(judged)) == 1 and not (passed_over and len(judged) == 1):
            continue
        said = [
            Said(annotator=one.annotator, labels=one.labels, skipped=one.status != "judged", comment=one.comment)
            for one in sorted(group, key=lambda one: one.annotator)
        ]
        found.append(Task(**{name: getattr(group[0], name) for name in Sentence.model_fields}, said=tuple(said)))
    return sorted(found, key=lambda task: (task.article_id, task.index))
