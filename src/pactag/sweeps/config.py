"""Sweep files: which settings of which config are searched, and how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pactag.config import RunConfig, with_overrides
from pactag.errors import ConfigError, Problem
from pactag.yaml_files import YamlContent, read_yaml, validation_problems

DEFAULT_FOLDER = Path("experiments/sweeps")

# Where between its ends a range of numbers is tried as well: a field that takes whole numbers alone may take both ends.
_WITHIN = 0.37

Setting = float | int | str | bool | None
"""A value that a trial gives to a field of the config."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FloatRange(_Part):
    """A number between two others."""

    kind: Literal["float"] = "float"
    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    log: bool = Field(False, description="search orders of magnitude, as rates and regularisation want it")

    @model_validator(mode="after")
    def _ordered(self) -> FloatRange:
        _check_ends(self)
        return self

    @property
    def ends(self) -> tuple[Setting, ...]:
        return (self.low, self.high)


class IntRange(_Part):
    """A whole number between two others, both included."""

    kind: Literal["int"] = "int"
    low: int = Field(description="smallest value")
    high: int = Field(description="largest value")
    log: bool = Field(False, description="search orders of magnitude")
    step: int = Field(1, ge=1, description="distance between values")

    @model_validator(mode="after")
    def _ordered(self) -> IntRange:
        if self.log and self.step != 1:
            raise ValueError("step and log exclude each other; drop one of them")
        _check_ends(self)
        return self

    @property
    def ends(self) -> tuple[Setting, ...]:
        return (self.low, self.high)


class Choice(_Part):
    """One of several values."""

    kind: Literal["categorical"] = "categorical"
    choices: tuple[Setting, ...] = Field(min_length=2, description="the values")

    @property
    def log(self) -> bool:
        return False

    @property
    def ends(self) -> tuple[Setting, ...]:
        return self.choices


Space = Annotated[FloatRange | IntRange | Choice, Field(discriminator="kind")]


class Pruning(_Part):
    """When a trial is given up: its validation macro-F1 is below the median of the others at the same epoch."""

    startup_trials: int = Field(4, ge=1, description="so many trials are trained to the end first")
    warmup_epochs: int = Field(1, ge=0, description="no trial is given up in its first epochs")


class Sweep(_Part):
    """`configs/sweeps/<name>.yaml`. The target is the macro-F1 on the validation split; the test split decides nothing."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the sweep and of its parent run")
    config: Path = Field(description="run config that the trials change, relative to the working folder")
    set: tuple[str, ...] = Field((), description="changes for all trials, such as data.train_share=0.5")
    space: dict[str, Space] = Field(min_length=1, description="what is searched, by the name of the field")
    trials: int = Field(24, ge=1, description="trials that end, pruned ones included")
    seed: int = Field(1, ge=0, description="seed of the search")
    startup_trials: int = Field(8, ge=1, description="trials drawn at random before the search learns from them (TPE)")
    pruning: Pruning | None = Field(Pruning(), description="null: every trial is trained to the end")
    storage: str | None = Field(None, description="Optuna storage (an SQLAlchemy URL); null: sqlite:///experiments/sweeps/<name>.db")

    @property
    def storage_url(self) -> str:
        return self.storage or f"sqlite:///{DEFAULT_FOLDER / self.name}.db"


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep file with the config that its trials change, as it was when it was read: a search takes hours."""

    path: Path
    sweep: Sweep
    content: YamlContent

    @cached_property
    def base(self) -> RunConfig:
        """The config without a trial's settings."""
        return with_overrides(self.content, [*self.sweep.set, "seeds=null"])

    def trial_config(self, settings: dict[str, Setting], **changes: Any) -> RunConfig:
        """The config of a trial: the base with the trial's settings, and further changes at the top level.

        :raises ConfigError: when the settings do not go together.
        """
        # JSON is YAML, and brings floats such as 1e-05 back as floats once they have a point.
        overrides = [f"{name}={_yaml(value)}" for name, value in settings.items()]
        config = with_overrides(self.content, [*self.sweep.set, "seeds=null", *overrides])
        return config.model_copy(update=changes)

    @property
    def fingerprint(self) -> str:
        """Trials with the same fingerprint can be compared: same config, same space. Where runs are recorded makes no difference.

        Defaults are left out, so that a setting that pactag gains later changes none.
        """
        kept = self.base.model_dump(mode="json", exclude_defaults=True, exclude={"tracking", "output", "name", "save", "seeds"})
        space = {name: part.model_dump(mode="json") for name, part in self.sweep.space.items()}
        return sha256(json.dumps([kept, self.base.model.kind, space], sort_keys=True).encode()).hexdigest()


def load_sweep(path: Path, *, storage: str | None = None, changes: Sequence[str] = ()) -> LoadedSweep:
    """Read a sweep file and try both ends of every range on its config.

    :param storage: instead of the one in the file.
    :param changes: changes for all trials after those in the file, such as `data.train_share=0.5`.
    :raises ConfigError: with every problem.
    """
    content = read_yaml(path, ConfigError)
    try:
        sweep = Sweep.model_validate(content.data)
    except ValidationError as error:
        raise ConfigError.of(validation_problems(error, content, Sweep)) from None
    if storage is not None:
        sweep = sweep.model_copy(update={"storage": storage})
    sweep = sweep.model_copy(update={"set": (*sweep.set, *changes)})
    loaded = LoadedSweep(path, sweep, read_yaml(sweep.config, ConfigError))
    # Its own problems come first.
    _ = loaded.base
    problems = [problem for name, space in sweep.space.items() for problem in _problems(loaded, content, name, space)]
    if problems:
        raise ConfigError.of(problems)
    return loaded


def _problems(loaded: LoadedSweep, content: YamlContent, name: str, space: FloatRange | IntRange | Choice) -> list[Problem]:
    """What the config says to the extreme values of one setting."""
    where = content.where(("space", name))
    inner = (space.low + (space.high - space.low) * _WITHIN,) if isinstance(space, FloatRange) else ()
    for value in (*space.ends, *inner):
        try:
            loaded.trial_config({name: value})
        except ConfigError as error:
            told = error.problems[0]
            return [Problem(where, f"{value!r} is refused by {loaded.sweep.config}: {told.found}", told.fix)]
    return []


def _check_ends(given: FloatRange | IntRange) -> None:
    if given.low >= given.high:
        raise ValueError(f"low must be below high, found {given.low} and {given.high}")
    if given.log and given.low <= 0:
        raise ValueError(f"log needs low above 0, found {given.low}")


def _yaml(value: Setting) -> str:
    text = json.dumps(value)
    # YAML 1.1 reads a number without a point, such as 1e-05, as text.
    return text.replace("e", ".0e", 1) if isinstance(value, float) and "e" in text and "." not in text else text
