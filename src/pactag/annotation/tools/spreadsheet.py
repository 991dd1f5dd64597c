"""A spreadsheet as CSV, out and in. Its header explains itself.

One row is one sentence. A row without any mark has not been judged: the column `none` says that no label fits.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from pactag.annotation.files import read_text
from pactag.annotation.guide import guide_markdown
from pactag.annotation.tasks import Task
from pactag.annotation.tools.reading import Reading, Status, context_of
from pactag.errors import InputError, Problem
from pactag.schema import Schema

NONE, SKIP, ANNOTATOR, COMMENT, SENTENCE, TEXT = "none", "skip", "annotator", "comment", "sentence_id", "text"
_LABEL = "label "
_CONTEXT = ("title", "before", "said", "suggested")
# What a spreadsheet would take for a formula, and what stands before it to say that it is none.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MARKS = {"x": True, "yes": True, "y": True, "1": True, "true": True, "": False, "no": False, "n": False, "0": False, "false": False}

STEPS = (
    "Open upload.csv in any spreadsheet; the rules are in instructions.md",
    "Put x under each label that fits, under `none` when no label does, under `skip` to pass a sentence over",
    "Save as CSV, UTF-8: one file for each annotator, named after them; or with their names in the column `annotator`",
)


def write(tasks: Sequence[Task], schema: Schema) -> dict[str, str]:
    """`upload.csv` and `instructions.md`. The byte-order mark tells spreadsheets that it is UTF-8.

    Suggestions stand in a column of their own: as marks they would count as judged where nobody has looked.
    """
    there = {"said": any(task.said for task in tasks), "suggested": any(task.suggested is not None for task in tasks)}
    context = [name for name in _CONTEXT if there.get(name, True)]
    names = [f"{_LABEL}{name} (x = the sentence has it)" for name in schema.names]
    header = [f"{SENTENCE} (do not change)", *context, f"{TEXT} (do not change)", *names, f"{NONE} (x = no label fits)"]
    header += [f"{SKIP} (x = I cannot judge it)", f"{COMMENT} (free)", f"{ANNOTATOR} (your name; else the name of the file)"]
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(header)
    for task in tasks:
        shown = {**context_of(task), "suggested": ", ".join(task.suggested or (NONE,))}
        cells = [_shown(shown.get(name, "")) for name in context]
        rows.writerow([_shown_id(task.id), *cells, _shown(task.text), *([""] * (len(schema.names) + 4))])
    return {"upload.csv": "\ufeff" + out.getvalue(), "instructions.md": guide_markdown(schema)}


def _shown(text: str) -> str:
    """A sentence that begins like a formula, such as an item of a list, with an apostrophe before it."""
    return f"'{text}" if _FORMULA.match(text) else text


def _given(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _shown_id(id: str) -> str:
    """Spreadsheets make a time of `12:0`, a date of others that have no letter; in brackets each stays what it is."""
    return id if any(character.isalpha() for character in id) and not _FORMULA.match(id) else f"[{id}]"


def _given_id(cell: str) -> str:
    """An id ends in a number, so what stands in brackets was put there."""
    inner = cell.strip()
    return inner[1:-1] if inner.startswith("[") and inner.endswith("]") else cell


def read(path: Path, schema: Schema, problems: list[Problem]) -> list[Reading]:
    """Readings of a filled-in file, with commas, semicolons or tabs. Rows without a mark give none; import tells them as missing."""
    try:
        content = read_text(path)
    except InputError as error:
        problems.extend(error.problems)
        return []
    first = content.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    found: list[Reading] = []
    columns: list[str] = []
    line = 1
    try:
        for row in rows:
            where, line = f"{path}:{line}", rows.line_num + 1
            if not columns:
                columns = _columns(row, schema, where, problems)
                if not columns:
                    return []
            elif any(cell.strip() for cell in row):
                _add(found, columns, row, where, path.stem, problems)
    except csv.Error as bad:
        problems.append(Problem(f"{path}:{rows.line_num}", f"is no CSV ({bad})", "Save it again as CSV, UTF-8"))
    if not columns and not problems:
        problems.append(Problem(str(path), "is empty", "Give the filled-in upload.csv"))
    return found


def _columns(row: list[str], schema: Schema, where: str, problems: list[Problem]) -> list[str]:
    """The header without its explanations; nothing after telling what is wrong with it."""
    names = [cell.split(" (")[0].strip() for cell in row]
    # A label without a column would look like one that nobody gave.
    needed = (SENTENCE, TEXT, *(f"{_LABEL}{name}" for name in schema.names), NONE)
    known = {*needed, SKIP, COMMENT, ANNOTATOR, *_CONTEXT, ""}
    wrong = [Problem(where, f"unknown column {name!r}", "Keep the header of upload.csv") for name in names if name not in known]
    wrong += [Problem(where, f"has no column {name!r}", "Keep the header of upload.csv") for name in needed if name not in names]
    wrong += [
        Problem(where, f"has the column {name!r} twice", "Keep one") for name in sorted({n for n in names if n and names.count(n) > 1})
    ]
    problems.extend(wrong)
    return [] if wrong else names


def _add(found: list[Reading], columns: list[str], row: list[str], where: str, stem: str, problems: list[Problem]) -> None:
    if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
        problems.append(Problem(where, f"has {len(row)} cells under {len(columns)} columns", "Remove what stands beside the table"))
        return
    cells = dict(zip(columns, row, strict=False))
    before = len(problems)
    marked = {
        name: _mark(cells.get(name, ""), name, where, problems) for name in columns if name.startswith(_LABEL) or name in (NONE, SKIP)
    }
    labels = tuple(name.removeprefix(_LABEL) for name, on in marked.items() if on and name.startswith(_LABEL))
    if labels and marked[NONE]:
        problems.append(Problem(where, f"is marked as {', '.join(labels)} and as none", "Keep one of the two"))
    comment, skipped = cells.get(COMMENT, "").strip() or None, marked.get(SKIP, False)
    if len(problems) > before:
        return
    if not (labels or marked[NONE] or skipped):
        if comment:
            problems.append(Problem(where, "has a comment and no mark", "Mark a label, none or skip"))
        return
    status: Status = "skipped" if skipped else "judged"
    annotator = cells.get(ANNOTATOR, "").strip() or stem
    found.append(Reading(where, _given_id(cells.get(SENTENCE, "")), _given(cells.get(TEXT, "")), annotator, status, labels, comment))


def _mark(cell: str, name: str, where: str, problems: list[Problem]) -> bool:
    mark = _MARKS.get(cell.strip().lower())
    if mark is None:
        problems.append(Problem(where, f"{cell!r} under {name!r} is no mark", "Write x, or leave it empty"))
    return bool(mark)
