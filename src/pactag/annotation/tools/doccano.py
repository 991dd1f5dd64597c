"""doccano: JSONL and label config out, JSONL in. https://doccano.github.io/doccano/

doccano exports one file for each annotator, named after the user, or `all.jsonl` when the project is shared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pactag.annotation.files import json_lines
from pactag.annotation.guide import guide_markdown
from pactag.annotation.tasks import Task
from pactag.annotation.tools.reading import Reading, context_of, joined, labels_in, text_field
from pactag.errors import Problem
from pactag.schema import Schema

# The keys that doccano takes as shortcuts.
_KEYS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")

STEPS = (
    "Project: text classification, not single-label; each annotator apart unless they share the work",
    "Labels, Actions, Import Labels: labels.json. Guideline: paste instructions.md",
    "Dataset, Actions, Import Dataset, JSONL: upload.jsonl. Title and context stand beside the text",
    "Tick each sentence as done, and export JSONL with approved documents only: an untouched sentence looks like one without labels",
)


def write(tasks: Sequence[Task], schema: Schema) -> dict[str, str]:
    """`upload.jsonl`, `labels.json`, `instructions.md`."""
    labels = [
        {
            "text": label.name,
            "prefix_key": None,
            "suffix_key": label.hotkey if label.hotkey in _KEYS else None,
            "background_color": label.color,
            "text_color": "#ffffff",
        }
        for label in schema.labels
    ]
    return {
        "upload.jsonl": "".join(_line(task) + "\n" for task in tasks),
        "labels.json": json.dumps(labels, indent=1) + "\n",
        "instructions.md": guide_markdown(schema),
    }


def _line(task: Task) -> str:
    line = {"text": task.text, "label": list(task.suggested or ()), "sentence_id": task.id, **context_of(task)}
    return json.dumps(line, ensure_ascii=False)


def read(path: Path, schema: Schema, problems: list[Problem]) -> list[Reading]:
    """Readings of an export; the annotator is the name of the file."""
    found = []
    for where, data in json_lines(path, problems):
        sentence, text = text_field(data, "sentence_id", where, problems), text_field(data, "text", where, problems)
        if "label" not in data and "labels" not in data:
            problems.append(Problem(where, "has neither 'label' nor 'labels'", "Export JSONL from a text classification project"))
            continue
        labels = labels_in(data.get("label", data.get("labels")), where, problems)
        if sentence is not None and text is not None and labels is not None:
            comments = data.get("Comments", data.get("comments")) or []
            comment = joined(comments if isinstance(comments, list) else [comments])
            found.append(Reading(where, sentence, text, path.stem, "judged", labels, comment))
    return found
