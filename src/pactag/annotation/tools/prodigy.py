"""Prodigy: tasks for its `choice` interface and a `prodigy.json` out, JSONL of `db-out` in. https://prodi.gy/docs/api-interfaces#choice"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pactag.annotation.files import json_lines
from pactag.annotation.guide import guide_html
from pactag.annotation.tasks import Task
from pactag.annotation.tools.reading import Reading, Status, context_of, joined, labels_in, text_field
from pactag.errors import Problem
from pactag.schema import Schema

# What a server that was asked for no session calls the time at which it was started.
_NO_SESSION = re.compile(r"(.*-)?\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
_STATUS: dict[str, Status] = {"accept": "judged", "ignore": "skipped", "reject": "rejected"}

STEPS = (
    "In this folder: prodigy mark NAME upload.jsonl --view-id blocks",
    "A sentence without an act is accepted with nothing chosen; ignore one to skip it; reject one that is no sentence",
    "prodigy db-out NAME > export.jsonl",
)


def write(tasks: Sequence[Task], schema: Schema) -> dict[str, str]:
    """`upload.jsonl`, `prodigy.json`, `instructions.html`."""
    options = [{"id": label.name, "text": label.name, "style": {"color": label.color}} for label in schema.labels]
    config = {
        "choice_style": "multiple",
        "choice_auto_accept": False,
        "blocks": [{"view_id": "choice"}, {"view_id": "text_input", "field_id": "comment", "field_label": "Comment", "field_rows": 1}],
        "keymap_by_label": {label.name: label.hotkey for label in schema.labels},
        # By default `a` accepts and `x` rejects; labels may want these letters.
        "keymap": {"accept": ["enter"], "reject": ["del"], "ignore": ["space"], "undo": ["backspace"]},
        "custom_theme": {"labels": {label.name: label.color for label in schema.labels}},
        "instructions": "instructions.html",
    }
    return {
        "upload.jsonl": "".join(_line(task, options) + "\n" for task in tasks),
        "prodigy.json": json.dumps(config, indent=1) + "\n",
        "instructions.html": guide_html(schema),
    }


def _line(task: Task, options: list[dict[str, Any]]) -> str:
    line = {"text": task.text, "options": options, "accept": list(task.suggested or ()), "sentence_id": task.id, "meta": context_of(task)}
    return json.dumps(line, ensure_ascii=False)


def read(path: Path, schema: Schema, problems: list[Problem]) -> list[Reading]:
    """Readings of an export: ignored sentences as skipped, rejected ones as rejected. Without a session, the file names the annotator."""
    found = []
    for where, data in json_lines(path, problems):
        sentence, text = text_field(data, "sentence_id", where, problems), text_field(data, "text", where, problems)
        status = _STATUS.get(str(data.get("answer")))
        if status is None:
            problems.append(Problem(where, f"'answer' is {data.get('answer')!r}", f"Prodigy gives: {', '.join(_STATUS)}"))
        labels = labels_in(data.get("accept"), where, problems)
        if sentence is not None and text is not None and status is not None and labels is not None:
            sessions = [data.get(key) for key in ("_annotator_id", "_session_id")]
            named = (name for name in sessions if isinstance(name, str) and name and not _NO_SESSION.fullmatch(name))
            annotator = next(named, path.stem)
            comment = joined([part for part in (data.get("comment"), "flagged" if data.get("flagged") else None) if part])
            found.append(Reading(where, sentence, text, annotator, status, labels, comment))
    return found
