"""What is put into a run as a whole: tables and labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pactag.corpus.rows import Row

# The context of the input that a run is measured on in the end.
TESTING = "testing"


@dataclass(frozen=True)
class Table:
    """A table of a run: named columns of equal length."""

    name: str
    columns: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class LoggedInput:
    """Rows that a run used, and for what."""

    name: str
    context: str
    digest: str
    rows: Sequence[Row]
