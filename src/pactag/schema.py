"""The labelling schema: which labels there are, in which order, and what they mean. Loaded from `data/schema.yaml`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from pactag.errors import Problem, SchemaError
from pactag.yaml_files import read_yaml, validation_problems

DEFAULT_SCHEMA = Path("data/schema.yaml")

LabelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Rule(_Strict):
    """One rule with an example sentence."""

    id: str | None = Field(None, description="short name of a general rule, such as G1")
    rule: str
    example: str


class Label(_Strict):
    """One label: its name in data and scores, its meaning, and the rules that say when a sentence has it."""

    name: LabelName = Field(description="lower-case name used in data, metrics and outputs")
    meaning: str = Field(description="one line")
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$", description="colour in pages and charts")
    mark: str = Field(min_length=1, max_length=2, description="letter shown beside the colour")
    hotkey: str = Field(min_length=1, max_length=1, description="key in annotation tools")
    plover: tuple[str, ...] = Field((), description="matching event classes of PLOVER")
    cameo: tuple[str, ...] = Field((), description="matching root codes of CAMEO")
    rules_in: tuple[Rule, ...] = Field((), alias="in", description="when a sentence has the label")
    rules_out: tuple[Rule, ...] = Field((), alias="out", description="near misses that do not have it")


class Schema(_Strict):
    """An ordered set of labels. The order is that of every label vector, logit and score."""

    version: int
    name: str
    title: str
    unit: str
    multi_label: str
    rules: tuple[Rule, ...] = ()
    labels: tuple[Label, ...] = Field(min_length=1)

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: tuple[Label, ...]) -> tuple[Label, ...]:
        for field in ("name", "mark", "hotkey"):
            values = [getattr(label, field) for label in labels]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"two labels have the same {field}: {', '.join(twice)}")
        return labels

    @property
    def names(self) -> tuple[str, ...]:
        """Label names in order."""
        return tuple(label.name for label in self.labels)

    def in_order(self, labels: Container[str]) -> tuple[str, ...]:
        """Those of the names that are among some labels, in schema order; a label that the schema does not have is left out."""
        return tuple(name for name in self.names if name in labels)

    def encode(self, labels: Iterable[str]) -> np.ndarray:
        """A set of label names as a vector of 0 and 1, shape `(len(names),)`, in schema order.

        :raises SchemaError: for a name that the schema does not have.
        """
        wanted = set(labels)
        unknown = sorted(wanted - set(self.names))
        if unknown:
            raise SchemaError("labels", f"unknown {', '.join(map(repr, unknown))}", f"The schema has: {', '.join(self.names)}")
        return np.array([name in wanted for name in self.names], dtype=np.float32)

    def encode_many(self, rows: Sequence[Iterable[str]]) -> np.ndarray:
        """Label sets as a matrix of 0 and 1, shape `(len(rows), len(names))`."""
        return np.array([self.encode(row) for row in rows], dtype=np.float32).reshape(len(rows), len(self.names))

    def decode(self, vector: np.ndarray) -> tuple[str, ...]:
        """The inverse of `encode`: names whose entry is true, in schema order."""
        return tuple(name for name, on in zip(self.names, vector, strict=True) if on)


def load_schema(path: Path | str = DEFAULT_SCHEMA) -> Schema:
    """Read a schema file.

    :raises SchemaError: with every problem of the file at once.
    """
    path = Path(path)
    content = read_yaml(path, SchemaError)
    try:
        return Schema.model_validate(content.data)
    except ValidationError as error:
        raise SchemaError.of(validation_problems(error, content, Schema)) from None


def check_same_labels(expected: Sequence[str], found: Sequence[str], *, where: str) -> None:
    """Refuse to mix two label sets.

    :raises SchemaError: naming the labels that differ, or the order when only that does.
    """
    if tuple(expected) == tuple(found):
        return
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    parts = []
    if missing:
        parts.append(f"lacks {', '.join(missing)}")
    if extra:
        parts.append(f"has {', '.join(extra)} besides")
    what = " and ".join(parts) or f"has the labels in another order ({', '.join(found)})"
    raise SchemaError.of(
        [Problem(where, what, f"The schema asked for has: {', '.join(expected)}. Use that model with its own schema, or train it again")]
    )
