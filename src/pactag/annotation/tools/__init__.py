"""The annotation tools: what each takes in, and what it gives back. `TOOLS` holds all of them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pactag.annotation.tasks import Task, ToolName
from pactag.annotation.tools import doccano, label_studio, prodigy, spreadsheet
from pactag.annotation.tools.reading import Reading
from pactag.errors import Problem
from pactag.schema import Schema


@dataclass(frozen=True)
class Tool:
    """`write` gives the files of a task folder by name; `read` the readings of an export and all that is wrong with it."""

    write: Callable[[Sequence[Task], Schema], dict[str, str]]
    read: Callable[[Path, Schema, list[Problem]], list[Reading]]
    steps: tuple[str, ...]


TOOLS: dict[ToolName, Tool] = {
    "label-studio": Tool(label_studio.write, label_studio.read, label_studio.STEPS),
    "doccano": Tool(doccano.write, doccano.read, doccano.STEPS),
    "prodigy": Tool(prodigy.write, prodigy.read, prodigy.STEPS),
    "csv": Tool(spreadsheet.write, spreadsheet.read, spreadsheet.STEPS),
}
