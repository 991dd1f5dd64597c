"""Label Studio: tasks and labelling interface out, full JSON in. https://labelstud.io/guide/task_format and /guide/export"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from pactag.annotation.files import read_text
from pactag.annotation.guide import guide_html
from pactag.annotation.tasks import Task
from pactag.annotation.tools.reading import Reading, Status, context_of, joined, labels_in, text_field
from pactag.errors import InputError, Problem
from pactag.schema import Rule, Schema

LABELS, TEXT, COMMENT = "labels", "text", "comment"
_EXPORT_AS_JSON = "Export as JSON (not JSON-MIN, not CSV)"

STEPS = (
    "Settings, Labeling Interface, Code: paste interface.xml",
    "Settings, Annotation: paste instructions.html",
    "Import: tasks.json. A sentence without an act is submitted with nothing ticked",
    "Export: JSON, not JSON-MIN. It gives annotators by number: name them with --name 'user 1=anna'",
)


def write(tasks: Sequence[Task], schema: Schema) -> dict[str, str]:
    """`tasks.json`, `interface.xml`, `instructions.html`. Suggestions become predictions, so nobody has given them yet."""
    settling = any(task.said for task in tasks)
    return {
        "tasks.json": json.dumps([_task(task) for task in tasks], ensure_ascii=False, indent=1) + "\n",
        "interface.xml": interface(schema, settling=settling),
        "instructions.html": guide_html(schema),
    }


def interface(schema: Schema, *, settling: bool = False) -> str:
    """The labelling config: context, sentence, a box for each label with its colour and key, a comment, and the rules to unfold."""
    view = Xml.Element("View")
    Xml.SubElement(view, "Header", value="$title")
    Xml.SubElement(view, "Text", name="before", value="$before")
    if settling:
        Xml.SubElement(view, "Text", name="said", value="$said")
    Xml.SubElement(view, "Header", value="The sentence to judge:", size="5")
    Xml.SubElement(view, "Text", name=TEXT, value="$text")
    choices = Xml.SubElement(view, "Choices", name=LABELS, toName=TEXT, choice="multiple", showInline="true")
    for label in schema.labels:
        style = f"color: {label.color}; font-weight: bold"
        Xml.SubElement(choices, "Choice", value=label.name, hotkey=label.hotkey, hint=label.meaning, style=style)
    Xml.SubElement(view, "TextArea", name=COMMENT, toName=TEXT, placeholder="Comment, if any", rows="1", maxSubmissions="1")
    panel = Xml.SubElement(Xml.SubElement(view, "Collapse"), "Panel", value="Rules")
    inside = Xml.SubElement(panel, "View")
    for line in (schema.unit, schema.multi_label, *map(_rule, schema.rules)):
        Xml.SubElement(inside, "Header", value=line, size="6")
    for label in schema.labels:
        Xml.SubElement(inside, "Header", value=f"{label.name}: {label.meaning}", size="5")
        for mark, rules in (("yes", label.rules_in), ("no", label.rules_out)):
            for rule in rules:
                Xml.SubElement(inside, "Header", value=f"{mark}: {_rule(rule)}", size="6")
    Xml.indent(view)
    return Xml.tostring(view, encoding="unicode") + "\n"


def _rule(rule: Rule) -> str:
    return f"{f'{rule.id} ' if rule.id else ''}{rule.rule} ({rule.example})"


def _task(task: Task) -> dict[str, Any]:
    about = {"sentence_id": task.id, "article_id": task.article_id, "index": task.index, "start": task.start, "end": task.end}
    made: dict[str, Any] = {"data": {**about, **context_of(task), "text": task.text}}
    if task.suggested is not None:
        # Label Studio shows no empty choice; a prediction without a result says that the model found nothing.
        value = {"from_name": LABELS, "to_name": TEXT, "type": "choices", "value": {"choices": list(task.suggested)}}
        made["predictions"] = [{"model_version": "pactag", "result": [value] if task.suggested else []}]
    return made


def read(path: Path, schema: Schema, problems: list[Problem]) -> list[Reading]:
    """Readings of a full JSON export: every annotation of every task, cancelled ones as skipped."""
    try:
        tasks = json.loads(read_text(path))
    except InputError as error:
        problems.extend(error.problems)
        return []
    except (ValueError, RecursionError) as bad:
        problems.append(Problem(str(path), f"is not valid JSON ({bad})", _EXPORT_AS_JSON))
        return []
    if not isinstance(tasks, list):
        problems.append(Problem(str(path), f"is a JSON {type(tasks).__name__}, not a list of tasks", _EXPORT_AS_JSON))
        return []
    return [reading for number, task in enumerate(tasks, start=1) for reading in _readings(f"{path}: task {number}", task, problems)]


def _readings(where: str, task: Any, problems: list[Problem]) -> list[Reading]:
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict) or not isinstance(task.get("annotations"), list):
        problems.append(Problem(where, "has no 'data' or no list of 'annotations'", _EXPORT_AS_JSON))
        return []
    sentence, text = text_field(data, "sentence_id", where, problems), text_field(data, "text", where, problems)
    if sentence is None or text is None:
        return []
    drafts = task.get("drafts")
    if isinstance(drafts, list):
        for draft in drafts:
            # The draft of an annotation that was submitted afterwards is only its history.
            if isinstance(draft, dict) and draft.get("annotation") is None:
                problems.append(
                    Problem(f"{where} ({sentence})", "has a draft that was not submitted", "Submit it, or delete it, and export again")
                )
    return [found for one in task["annotations"] if (found := _reading(f"{where} ({sentence})", sentence, text, one, problems)) is not None]


def _reading(where: str, sentence: str, text: str, one: Any, problems: list[Problem]) -> Reading | None:
    if not isinstance(one, dict) or not isinstance(one.get("result"), list):
        problems.append(Problem(where, "holds an annotation without a list 'result'", _EXPORT_AS_JSON))
        return None
    where = f"{where}, annotation {one.get('id', '?')}"
    annotator = _annotator(one.get("completed_by"))
    if annotator is None:
        problems.append(Problem(where, f"'completed_by' is {one.get('completed_by')!r}", "It must name who annotated"))
        return None
    labels: list[str] = []
    comments: list[Any] = list(one["comments"]) if isinstance(one.get("comments"), list) else []
    for item in one["result"]:
        control = item.get("from_name") if isinstance(item, dict) else None
        value = item.get("value") if isinstance(item, dict) else None
        if control == LABELS and isinstance(value, dict) and item.get("type") == "choices":
            labels += labels_in(value.get("choices"), where, problems) or ()
        elif control == COMMENT and isinstance(value, dict):
            said = value.get("text")
            comments += said if isinstance(said, list) else [said]
        else:
            problems.append(
                Problem(
                    where, f"holds a result of {control!r}, which interface.xml does not have", "Label with the interface of this folder"
                )
            )
            continue
        note = item["meta"].get("text") if isinstance(item.get("meta"), dict) else None
        comments += note if isinstance(note, list) else [note] if note else []
    status: Status = "skipped" if one.get("was_cancelled") else "judged"
    return Reading(where, sentence, text, annotator, status, tuple(labels), joined(comments))


def _annotator(value: Any) -> str | None:
    """The e-mail address where the export has it, else the number of the user."""
    if isinstance(value, dict):
        return value["email"] if isinstance(value.get("email"), str) and value["email"] else _annotator(value.get("id"))
    return (
        f"user {value}" if isinstance(value, int) and not isinstance(value, bool) else value if isinstance(value, str) and value else None
    )
