"""What is put into a run as a whole: tables and labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pactag.corpus.rows import Row

# The context of the input that a run is measured on in the end.
TESTING = "testing"


class Pruned(Exception):  # noqa: N818 - it ends a run early, as intended
    """Raised inside a run that is not worth going on with: the run ends as FINISHED with the tag `status=pruned`."""


@dataclass(frozen=True)
class Table:
    """A table of a run: named columns of equal length."""

    name: str
    columns: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class LoggedInput:
    """Rows that a run used, where they stand, and for what they were used."""

    name: str
    source: str
    context: str
    digest: str
    rows: Sequence[Row]
