"""The errors a user can meet. Each message says where, what was found, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pactag.passwords import hidden


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with something the user gave.

    `where` is a file, `file:line`, a field or an option; `found` says what stands there; `fix` says what is allowed and what to do.
    """

    where: str
    found: str
    fix: str = ""

    def __str__(self) -> str:
        return hidden(f"{self.where}: {self.found}" + (f". {self.fix}" if self.fix else ""))


class PactagError(Exception):
    """A mistake that the user can mend; the command line shows it without a traceback and exits with 2."""

    def __init__(self, where: str, found: str = "", fix: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(where, found, fix),)
        super().__init__(str(self.problems[0]) if found else where)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> PactagError:
        """One error that carries several problems, so that all are reported together."""
        problems = tuple(problems)
        error = cls("\n".join(str(problem) for problem in problems))
        error.problems = problems
        return error


class SchemaError(PactagError):
    """The labelling schema is malformed, or a model was trained with another one."""


class CorpusError(PactagError):
    """Rows, splits, articles or annotations that cannot be used."""


class ConfigError(PactagError):
    """A run config that cannot be used."""


class DivergedError(ConfigError):
    """A training whose network gives infinite numbers or none at all, so that there is nothing to measure or to keep."""


class InputError(PactagError):
    """An article that cannot be read."""


class ModelFolderError(PactagError):
    """A saved model that is incomplete, altered, foreign or unsafe."""


class TrackingError(PactagError):
    """The tracking store has no such run or model, or cannot be reached."""


class MissingExtraError(PactagError):
    """A part of pactag needs an optional dependency that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, f"needs the extra {extra!r}, which is not installed", f"Install it with: pip install 'pactag[{extra}]'")
