"""Scores of sentences as CSV: the predictions that `pactag evaluate` writes, and what a teacher says without being there.

One row a sentence, with its `id` (`<article_id>:<index>`) and a column `score_<label>` for each label; further columns are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pactag import whole_files
from pactag.errors import InputError, PactagError, Problem
from pactag.overwriting import check_folder_of, check_same_kind


def write_table(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Columns of one length as CSV in UTF-8 with a header, whole or not at all.

    :raises PactagError: when the folder is missing, or may not be written.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(columns)
    # By itself the writer leaves a lone \r without quotes, and readers take it for the end of the line.
    ends = any("\r" in str(cell) for column in columns.values() for cell in column)
    rows = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if ends else csv.QUOTE_MINIMAL)
    rows.writerows(zip(*columns.values(), strict=True))
    try:
        whole_files.write_whole(path, text.getvalue())
    except (FileNotFoundError, NotADirectoryError):
        raise PactagError(str(path), f"there is no folder {path.parent}", "Make it first") from None
    except OSError as bad:
        raise PactagError(str(path), f"cannot be written ({bad.strerror})", "Name another file") from None


def check_replaceable(path: Path) -> None:
    """Refuse to write predictions over anything else, such as the labelled sentences themselves.

    :raises PactagError: when a file stands there that does not begin as `predictions_table` does, and where none can be made.
    """
    check_folder_of(path)
    # An `id` comes first in tables of articles and of other scores, too.
    check_same_kind(path, re.compile(rb"id,text,gold,predicted,right,"), "predictions")


def read_scores(path: Path, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """Scores by the id of the sentence, float32 of shape `(labels,)`, in the order of `labels`.

    :raises InputError: with every problem of the file, each with its line.
    """
    columns = [f"score_{name}" for name in labels]
    found: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in ("id", *columns) if name not in (table.fieldnames or ())]
            if missing:
                has = ", ".join(map(repr, table.fieldnames or ())) or "nothing"
                raise InputError(str(path), f"has no column {', '.join(map(repr, missing))}; it has {has}", "Write it: pactag evaluate -h")
            for row in table:
                where = f"{path}:{table.line_num}"
                try:
                    scores = np.array([float(row[name]) for name in columns], dtype=np.float32)
                except (TypeError, ValueError):
                    problems.append(Problem(where, f"holds scores that are no numbers: {[row[name] for name in columns]}", "Mend the line"))
                    continue
                if not ((scores >= 0) & (scores <= 1)).all():
                    problems.append(Problem(where, f"holds scores outside 0 to 1: {[row[name] for name in columns]}", "Mend the line"))
                elif row["id"] in found:
                    problems.append(Problem(where, f"sentence {row['id']!r} stands in the file already", "Give each sentence once"))
                else:
                    found[row["id"]] = scores
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(str(path), "no such file", "Check the path") from None
    except OSError as bad:
        raise InputError(str(path), f"cannot be read ({bad.strerror})", "Check the path and its permissions") from None
    except UnicodeDecodeError as bad:
        raise InputError(str(path), f"byte {bad.start} is not valid UTF-8", "Save the file as UTF-8") from None
    except csv.Error as bad:
        raise InputError(str(path), f"is not CSV ({bad})", "Write it: pactag evaluate -h") from None
    if problems:
        raise InputError.of(problems)
    return found
