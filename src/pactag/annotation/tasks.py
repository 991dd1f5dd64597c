"""Annotation tasks: one sentence each, with its title and the sentences before it; and the folder that holds them.

A task folder has `tasks.jsonl` (what import checks against), `tasks-about.json`, and the files of the annotation tool.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pactag.annotation.files import json_lines, kind_of, read_text, told
from pactag.articles import Article
from pactag.calibration import apply_thresholds
from pactag.errors import InputError, Problem
from pactag.inputs import Source, read_articles, sources
from pactag.schema import Schema, check_same_labels
from pactag.sentences import SentenceInput, in_context, segment
from pactag.tagging import Tagger

TASKS, ABOUT = "tasks.jsonl", "tasks-about.json"
DEFAULT_PRECEDING = 2

Round = Literal["independent", "adjudication"]
ToolName = Literal["label-studio", "doccano", "prodigy", "csv"]


class Record(BaseModel):
    """A line of a JSONL file of the loop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_json(self) -> str:
        """The line; the same record gives the same bytes."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False)


class Said(Record):
    """What one annotator said of a sentence, for the person who settles a difference."""

    annotator: str
    labels: tuple[str, ...]
    skipped: bool = False
    comment: str | None = None


class Sentence(Record):
    """One sentence of an article: `text` stands at `start:end` of the normalised article, as the `index`-th of `sentences`."""

    article_id: str = Field(min_length=1)
    index: int = Field(ge=0)
    sentences: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int
    title: str | None = None
    before: tuple[str, ...] = ()
    text: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_of_its_article(self) -> Self:
        for name in ("article_id", "text"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is white space")
        if self.index >= self.sentences:
            raise ValueError(f"index is {self.index}, counted from 0, where the article has {self.sentences} sentences")
        if self.end < self.start:
            raise ValueError(f"end is {self.end}, before start, {self.start}")
        return self

    @property
    def id(self) -> str:
        return f"{self.article_id}:{self.index}"


class Task(Sentence):
    """A sentence to judge. `suggested` are a model's labels, None when no model was asked; `said` what annotators differ on."""

    suggested: tuple[str, ...] | None = None
    scores: dict[str, float] | None = None
    said: tuple[Said, ...] | None = None


class About(Record):
    """`tasks-about.json`: which tool a folder was made for, with which labels, and by which model suggestions were made."""

    format: Literal[1] = 1
    tool: ToolName
    labels: tuple[str, ...]
    round: Round
    model: str | None = None


@dataclass(frozen=True)
class TaskFolder:
    """A task folder as it was read: tasks by sentence id."""

    about: About
    tasks: dict[str, Task]


def read_inputs(names: Sequence[Path | str], *, kind: str | None = None) -> list[Article] | list[Task]:
    """Articles from whatever `pactag.inputs` reads, or the sentences that `annotate agreement`, `suspects` or `next` chose.

    :param kind: what files of articles hold, as for `read_articles`; sentences that were chosen are known by their fields, in files that
        are named, not in those of a folder or a pattern.
    :raises InputError: with every file, row and line that cannot be read, and for ids given twice; nothing is left out.
    """
    problems: list[Problem] = []
    held = {name: kind_of(Path(name)) for name in names if Path(name).suffix == ".jsonl"}
    tasks = [task for name in names if held.get(name) == "chosen sentences" for task in _tasks_in(Path(name), problems)]
    # Read as articles, each of their lines would be one.
    problems += [
        Problem(str(name), "holds judgements", f"For those that differ: pactag annotate agreement {name} -o differ.jsonl")
        for name, kind in held.items()
        if kind == "judgements"
    ]
    others = [name for name in names if held.get(name) is None]
    if found := _not_named(others):
        raise InputError.of(problems + found)
    articles = list(read_articles(others, kind=kind, on_error=lambda error: problems.extend(error.problems)))
    if articles and tasks:
        problems.append(Problem("inputs", "are articles and chosen sentences", "Start one folder for each"))
    problems += _twice([article.id for article in articles], "article") + _twice([task.id for task in tasks], "sentence")
    if problems:
        raise InputError.of(problems)
    return tasks or articles


def _not_named(names: Sequence[Path | str]) -> list[Problem]:
    """What to tell of files of the loop that a folder or a pattern leads to. Only of a file that is named it is sure that it is meant."""
    paths = [source.path for source in sources(names) if isinstance(source, Source) and source.path is not None]
    held = {path: kind_of(path) for path in paths if path.suffix == ".jsonl"}
    return [Problem(str(path), f"holds {kind}, not articles", "Name the file itself") for path, kind in held.items() if kind is not None]


def _tasks_in(path: Path, problems: list[Problem]) -> Iterator[Task]:
    for where, data in json_lines(path, problems):
        try:
            yield Task.model_validate(data)
        except ValidationError as error:
            fix = "Write it with: pactag annotate agreement, suspects or next"
            problems.append(Problem(where, f"is no sentence to judge ({told(error)})", fix))


def _twice(ids: list[str], what: str) -> list[Problem]:
    return [
        Problem(f"{what} {name!r}", "is given twice", "Give each once; rename one file")
        for name in sorted(name for name, count in Counter(ids).items() if count > 1)
    ]


def tasks_of(
    articles: Iterable[Article], schema: Schema, *, preceding: int = DEFAULT_PRECEDING, tagger: Tagger | None = None
) -> list[Task]:
    """One task a sentence, with at most `preceding` sentences before it; with a tagger, its labels and scores as suggestions.

    :raises SchemaError: when the tagger was trained with other labels.
    :raises InputError: for articles without a sentence or a name, and for own sentences of white space alone, which no corpus takes.
    """
    if tagger is not None:
        check_same_labels(schema.names, tagger.schema.names, where="--model")
    articles = list(articles)
    spans = {article.id: tuple(segment(article.text)) if article.spans is None else article.spans for article in articles}
    problems = [Problem(f"article {name!r}", "holds no sentence", "Leave it out") for name, found in spans.items() if not found]
    problems += [Problem(f"article {article.id!r}", "has no name", "Give it an id") for article in articles if not article.id.strip()]
    problems += [
        Problem(f"article {article.id!r}", f"its sentence {start}:{end} is white space", "Leave it out of its spans")
        for article in articles
        for start, end in spans[article.id]
        if not article.text[start:end].strip()
    ]
    if problems:
        raise InputError.of(problems)
    plain = [task for article in articles for task in _plain_tasks(article, spans[article.id], preceding)]
    if tagger is None:
        return plain
    tagged = tagger.tag_many(Article(article.id, article.text, article.title, spans[article.id]) for article in articles)
    sentences = (sentence for article in tagged for sentence in article.sentences)
    return [
        task.model_copy(update={"suggested": sentence.labels, "scores": {name: round(score, 4) for name, score in sentence.scores.items()}})
        for task, sentence in zip(plain, sentences, strict=True)
    ]


def with_suggestions(tasks: Sequence[Task], schema: Schema, tagger: Tagger) -> list[Task]:
    """Chosen sentences with a model's labels and scores; it sees of their articles what the annotators see.

    :raises SchemaError: when the tagger was trained with other labels.
    """
    check_same_labels(schema.names, tagger.schema.names, where="--model")
    context = tagger.context
    inputs = [
        SentenceInput(task.text, task.before[max(0, len(task.before) - context.preceding) :], task.title if context.title else None)
        for task in tasks
    ]
    scores = tagger.scores(inputs)
    given = apply_thresholds(scores, tagger.manifest.thresholds, schema.names)
    return [
        task.model_copy(
            update={
                "suggested": schema.decode(on),
                "scores": {name: round(float(score), 4) for name, score in zip(schema.names, row, strict=True)},
            }
        )
        for task, row, on in zip(tasks, scores, given, strict=True)
    ]


def _plain_tasks(article: Article, spans: Sequence[tuple[int, int]], preceding: int) -> Iterator[Task]:
    texts = [article.text[start:end] for start, end in spans]
    seen = in_context(texts, title=article.title, preceding=preceding, with_title=True)
    for index, ((start, end), one) in enumerate(zip(spans, seen, strict=True)):
        yield Task(
            article_id=article.id,
            index=index,
            sentences=len(spans),
            start=start,
            end=end,
            title=article.title,
            before=one.before,
            text=one.text,
        )


def read_task_folder(folder: Path, schema: Schema) -> TaskFolder:
    """Read what `pactag annotate start` wrote.

    :raises InputError: when it is no such folder, or its files were altered.
    :raises SchemaError: when it was made with other labels.
    """
    if not (folder / ABOUT).is_file():
        raise InputError(str(folder), "is no task folder", "Name the folder that pactag annotate start wrote")
    try:
        about = About.model_validate_json(read_text(folder / ABOUT))
    except ValidationError as error:
        raise InputError(str(folder / ABOUT), f"was altered ({told(error)})", "Restore it, or start again") from None
    check_same_labels(schema.names, about.labels, where=str(folder / ABOUT))
    problems: list[Problem] = []
    tasks: dict[str, Task] = {}
    for where, data in json_lines(folder / TASKS, problems):
        try:
            task = Task.model_validate(data)
        except ValidationError as error:
            problems.append(Problem(where, f"was altered ({told(error)})", "Restore it, or start again"))
        else:
            tasks[task.id] = task
    if problems:
        raise InputError.of(problems)
    return TaskFolder(about, tasks)
