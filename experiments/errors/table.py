"""The tables of this study: errors by form and label. python experiments/errors/table.py built-in.csv"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

LABELS = ("proposal", "accusation", "threat", "condition")
FORMS = {
    "FN": {
        "quote": "direct speech without a verb of the act: metaphor, insult, plea",
        "subordinate": "in a subordinate or participial clause",
        "need": "said X must, should, needs to",
        "plain": "a plain act with a standard verb",
        "noun": "the act as a noun",
        "veiled": "veiled",
        "bill": "content of a pending bill, motion or subpoena",
        "announced": "an announced measure, deadline or step",
        "second": "second-hand or past",
        "continued": "continues from the sentence before",
        "terms": "terms without `if` or `unless`",
        "doubtful": "the label of the set is disputable",
        "other": "other",
    },
    "FP": {
        "wrong-act": "the sentence carries another act, not this one",
        "hypothetical": "`if`, `would`, `could` in a forecast or question",
        "procedure": "law, procedure or a ruling explained",
        "doubtful": "the label given is defensible",
        "decided": "a decision, agreement or measure already taken",
        "benign": "a plan or promise that harms nobody",
        "fact": "an attack, clash or harm told as fact",
        "own": "grounds of one's own deed, claims of responsibility",
        "denial": "a denial, rejection or refusal",
        "topic": "an act as a topic, warnings about others",
        "criticism": "criticism without wrongdoing",
        "other": "other",
    },
}


def main() -> None:
    with (Path(__file__).parent / sys.argv[1]).open(encoding="utf-8") as file:
        errors = list(csv.DictReader(file))
    for kind, said in (("FN", "missed"), ("FP", "given wrongly")):
        counts = Counter((error["form"], error["label"]) for error in errors if error["kind"] == kind)
        forms = Counter(error["form"] for error in errors if error["kind"] == kind)
        sys.stdout.write(f"{said} ({forms.total()})\n| form | all | {' | '.join(LABELS)} |\n|---|---|---|---|---|---|\n")
        for form, count in forms.most_common():
            sys.stdout.write(f"| {FORMS[kind][form]} | {count} | {' | '.join(str(counts[form, label]) for label in LABELS)} |\n")
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
