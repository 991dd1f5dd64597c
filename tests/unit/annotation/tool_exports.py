"""Short articles, and exports of them in the shape that each tool documents."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

PORT = "The port has 14 pilots.\n\nUnless pay rises, they will strike, the guild said. It offered to meet on Monday."
DAM = "The dam holds, =SUM(1) said the mayor.\nHe blamed the 'old' \"board\" & its <chair> 🚧."


def label_studio_export(folder: Path, given: dict[str, dict], **annotation) -> str:
    """The JSON that Label Studio exports: `given` maps an e-mail address to labels (None for skipped) by sentence."""
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, start=1):
        task |= {"id": number, "project": 1, "drafts": [], "predictions": task.get("predictions", []), "annotations": []}
        for user, (email, labels) in enumerate(given.items(), start=1):
            if task["data"]["sentence_id"] not in labels:
                continue
            choices = labels[task["data"]["sentence_id"]]
            value = {"id": "x1", "from_name": "labels", "to_name": "text", "type": "choices", "origin": "manual"}
            one = {
                "id": 100 * number + user,
                "completed_by": {"id": user, "email": email, "first_name": "", "last_name": ""},
                "result": [value | {"value": {"choices": list(choices)}}] if choices else [],
                "was_cancelled": choices is None,
                "ground_truth": False,
                "lead_time": 4.2,
                "task": number,
                **annotation,
            }
            task["annotations"].append(one)
    return json.dumps(tasks, ensure_ascii=False)


def doccano_export(folder: Path, labels: dict, *, key: str = "label", comments: dict | None = None) -> str:
    """The JSONL that doccano exports for one user: id, text, what was imported beside it, labels, comments."""
    lines = []
    for number, line in enumerate((folder / "upload.jsonl").read_text(encoding="utf-8").splitlines(), start=1):
        data = json.loads(line)
        del data["label"]
        if data["sentence_id"] in labels:
            extra = {key: sorted(labels[data["sentence_id"]]), "Comments": (comments or {}).get(data["sentence_id"], [])}
            lines.append(json.dumps({"id": number, **data, **extra}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def prodigy_export(folder: Path, given: list[tuple[str, str, str, list[str]]], **more) -> str:
    """The JSONL of `db-out`: `given` holds annotator, sentence, answer, accepted options."""
    tasks = {}
    for line in (folder / "upload.jsonl").read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        tasks[data["sentence_id"]] = data
    lines = []
    for annotator, sentence, answer, accept in given:
        hashes = {"_input_hash": -1, "_task_hash": 7, "_view_id": "blocks", "_timestamp": 1700000000}
        lines.append(
            json.dumps(
                {
                    **tasks[sentence],
                    **hashes,
                    "accept": accept,
                    "answer": answer,
                    "_annotator_id": f"acts-{annotator}",
                    "_session_id": f"acts-{annotator}",
                    **more,
                }
            )
        )
    return "\n".join(lines) + "\n"


def filled_csv(folder: Path, marks: dict[str, dict[str, str]], *, delimiter: str = ",", end: str = "\n") -> str:
    """`upload.csv` with cells filled in: `marks` maps a sentence to cells by the beginning of their column's name."""
    rows = list(csv.reader(io.StringIO((folder / "upload.csv").read_text(encoding="utf-8-sig"), newline="")))
    for row in rows[1:]:
        for column, cell in marks.get(row[0], {}).items():
            row[next(i for i, name in enumerate(rows[0]) if name.startswith(column))] = cell
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return "\ufeff" + out.getvalue()
