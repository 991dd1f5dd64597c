"""What every classifier can do. Files, calibration, thresholds and tracking are the business of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import numpy as np

from pactag.model_folder import BaseModelInfo, Manifest, Tokens
from pactag.sentences import SentenceInput

if TYPE_CHECKING:
    from pactag.config import RunConfig
    from pactag.corpus.rows import LabelledSentences

MetricSink = Callable[[Mapping[str, float], int], None]
"""Receives metrics by name and the step they belong to."""

ProgressSink = Callable[[int, int, str], None]
"""Receives steps done, steps in all, and a word on how it goes."""


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True)
class FitContext:
    """Where a fit tells how it goes, the names by which it tells of labels, where it saves its state to go on from it, and that it did."""

    report: MetricSink = _ignore
    progress: ProgressSink = _ignore
    labels: Sequence[str] = ()
    checkpoints: Path | None = None
    saved: Callable[[], None] = lambda: None


class SentenceScorer(Protocol):
    """What tagging asks of a model."""

    def predict_logits(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """Uncalibrated logits, shape `(len(inputs), labels)`, float32, in schema order."""
        ...


class SentenceClassifier(SentenceScorer, Protocol):
    """One kind of model."""

    kind: ClassVar[str]
    tokens: Tokens | None
    base_model: BaseModelInfo | None

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        """Learn from `train`; `validation` is for early stopping and progress only."""
        ...

    def save(self, folder: Path) -> None:
        """Write the weights and what is needed to use them into a folder that exists."""
        ...

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> Self:
        """Read what `save` wrote. The folder has been checked."""
        ...
