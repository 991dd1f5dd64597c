"""The capabilities that the behavioural tests ask for, read from the three YAML files beside this one, and how each is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pactag import Tagger
from pactag.tagging import TaggedSentence

FOLDER = Path(__file__).parent
# A change of direction counts once it is large enough to move a decision.
MOVE = 0.2


@dataclass(frozen=True)
class Outcome:
    """One case: whether the model behaves as asked, and in words what it did."""

    passed: bool
    found: str


@dataclass(frozen=True)
class Capability:
    """Cases of one kind, and the share of them that a good model gets right."""

    family: str
    name: str
    required: float
    cases: Sequence[Any]
    judge: Callable[[Tagger, Any], Outcome]

    def outcomes(self, tagger: Tagger) -> list[Outcome]:
        return [self.judge(tagger, case) for case in self.cases]


def all_capabilities() -> list[Capability]:
    return [
        *_read("functionality", "sentences", _labels_exactly),
        *_read("direction", "pairs", _score_moves),
        *_read("invariance", "pairs", _labels_stay),
    ]


def _read(family: str, cases: str, judge: Callable[[Tagger, Any], Outcome]) -> list[Capability]:
    groups = yaml.safe_load((FOLDER / f"{family}.yaml").read_text(encoding="utf-8"))
    return [Capability(family, name, group["required"], group[cases], judge) for name, group in groups.items()]


def _tag(tagger: Tagger, text: str) -> TaggedSentence:
    """The whole text as one sentence, so that segmentation plays no part."""
    return tagger.tag(text, spans=[(0, len(text))]).sentences[0]


def _labels_exactly(tagger: Tagger, case: Mapping[str, Any]) -> Outcome:
    found = _tag(tagger, case["text"]).labels
    return Outcome(set(found) == set(case["labels"]), f"{_names(found)} instead of {_names(case['labels'])}: {case['text']}")


def _score_moves(tagger: Tagger, case: Mapping[str, str]) -> Outcome:
    label, sign = (case["gains"], 1) if "gains" in case else (case["loses"], -1)
    before, after = (_tag(tagger, case[name]).scores[label] for name in ("before", "after"))
    return Outcome(sign * (after - before) >= MOVE, f"{label} {before:.2f} to {after:.2f}: {case['before']} / {case['after']}")


def _labels_stay(tagger: Tagger, pair: Sequence[str]) -> Outcome:
    first, second = (_tag(tagger, text).labels for text in pair)
    return Outcome(first == second, f"{_names(first)} becomes {_names(second)}: {pair[0]} / {pair[1]}")


def _names(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "nothing"
