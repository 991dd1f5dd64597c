"""Sentences that one annotator judged more than once, told without saying the same of every sentence of two files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pactag.errors import Problem


@dataclass(frozen=True)
class Place:
    """A file, and where in it a judgement stands."""

    file: Path
    where: str


@dataclass(frozen=True)
class Repeat:
    """A later judgement of a sentence by the same annotator, and the first one."""

    annotator: str
    sentence: str
    first: Place
    again: Place

    @property
    def found(self) -> str:
        """In words."""
        return f"{self.annotator!r} judged {self.sentence} already at {self.first.where}"


def problems_of(repeats: Iterable[Repeat], *, two_people: str) -> list[Problem]:
    """Within one file every repeat is told; of two files the first one, with the number of the others.

    :param two_people: what to do where one name stands for two people, which only two files can mean.
    """
    problems: list[Problem] = []
    across: dict[tuple[Path, Path], list[Repeat]] = {}
    for one in repeats:
        if one.first.file == one.again.file:
            problems.append(Problem(one.again.where, one.found, "Keep one of the two"))
        else:
            across.setdefault((one.first.file, one.again.file), []).append(one)
    for one, *others in across.values():
        found = f"{one.found}; the two files share {len(others)} more" if others else one.found
        problems.append(Problem(one.again.where, found, f"Keep one; or, if they are two people, {two_people}"))
    return problems
