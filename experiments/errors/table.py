"""The tables of this study: errors by form and label. python experiments/errors/table.py built-in.csv"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

LABELS = ("proposal", "accusation", "threat", "condition")


def main() -> None:
    with (Path(__file__).parent / sys.argv[1]).open(encoding="utf-8") as file:
        errors = list(csv.DictReader(file))
    for kind, said in (("FN", "missed"), ("FP", "given wrongly")):
        counts = Counter((error["form"], error["label"]) for error in errors if error["kind"] == kind)
        forms = Counter(error["form"] for error in errors if error["kind"] == kind)
        sys.stdout.write(f"{said} ({forms.total()})\n| form | all | {' | '.join(LABELS)} |\n|---|---|---|---|---|---|\n")
        for form, count in forms.most_common():
            sys.stdout.write(f"| {form} | {count} | {' | '.join(str(counts[form, label]) for label in LABELS)} |\n")
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
