"""What one annotator said of one sentence, as a tool exported it: not yet checked against the tasks and the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pactag.annotation.tasks import Said, Task
from pactag.errors import Problem

Status = Literal["judged", "skipped", "rejected"]

FIRST_SENTENCE = "(the article begins here)"
NO_TITLE = "(no title)"


@dataclass(frozen=True)
class Reading:
    """`where` is its place in the export. `rejected` is Prodigy's word for a task that is itself at fault."""

    where: str
    sentence_id: str
    text: str
    annotator: str
    status: Status
    labels: tuple[str, ...]
    comment: str | None = None


def context_of(task: Task) -> dict[str, str]:
    """Title, sentences before and differing views as text, for the eyes of an annotator."""
    shown = {"title": task.title or NO_TITLE, "before": " ".join(task.before) or FIRST_SENTENCE}
    return shown | ({"said": "\n".join(map(_said, task.said))} if task.said else {})


def _said(view: Said) -> str:
    what = "skipped it" if view.skipped else ", ".join(view.labels) or "none"
    return f"{view.annotator}: {what}" + (f" ({view.comment})" if view.comment else "")


def labels_in(value: Any, where: str, problems: list[Problem]) -> tuple[str, ...] | None:
    """A list of label names, or one name, or nothing; None after telling that it is something else."""
    if value is None or value == "":
        return ()
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    problems.append(Problem(where, f"the labels are {value!r}", "They must be a list of label names"))
    return None


def text_field(data: dict[str, Any], name: str, where: str, problems: list[Problem]) -> str | None:
    """A field that must be text; None after telling that it is not."""
    value = data.get(name)
    if isinstance(value, str):
        return value
    found = f"has no {name!r}" if value is None else f"{name!r} is {value!r}, not text"
    problems.append(Problem(where, found, "Export what was made from the files of this task folder, with all its fields"))
    return None


def joined(parts: Sequence[Any]) -> str | None:
    """Comments as one text, a line each; None when there is none. An object gives its `text`."""
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(str(text) for text in texts if text is not None and str(text).strip()) or None
