"""What trained models say of sentences that another model learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pactag.calibration import calibrated
from pactag.errors import ConfigError
from pactag.model_folder import read_manifest
from pactag.models.pooled import PooledClassifier
from pactag.sentences import SentenceInput


@dataclass(frozen=True)
class Lesson:
    """Scores of the teachers, shape `(sentences, labels)`, and, where they are followed as well, the sentence vectors of the only one."""

    scores: np.ndarray
    vectors: np.ndarray | None = None


def lesson_of(
    folders: Sequence[Path],
    inputs: Sequence[SentenceInput],
    *,
    labels: Sequence[str],
    vectors: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, word: None,
) -> Lesson:
    """What teachers say of `inputs`.

    :param vectors: the sentence vectors too, float32, shape `(len(inputs), hidden)`.
    :raises ConfigError: see `teacher_scores`; and for vectors of several teachers, or of one that has none.
    """
    scores = teacher_scores(folders, inputs, labels=labels, progress=progress)
    if not vectors:
        return Lesson(scores)
    from pactag.models import classifier

    manifest = read_manifest(folders[0])
    model = classifier(manifest.kind).load(folders[0], manifest)
    if len(folders) > 1 or not isinstance(model, PooledClassifier):
        fix = "Name one teacher of the kind encoder (a soup is one), or set it to 0"
        raise ConfigError("training.teacher_vectors", f"follows the vectors of {len(folders)} teachers, {manifest.kind} first", fix)
    progress(0, 1, f"sentence vectors of the teacher {folders[0].name}")
    return Lesson(scores, model.embed(inputs))


def teacher_scores(
    folders: Sequence[Path],
    inputs: Sequence[SentenceInput],
    *,
    labels: Sequence[str],
    progress: Callable[[int, int, str], None] = lambda done, total, word: None,
) -> np.ndarray:
    """Mean score of several models, shape `(len(inputs), labels)`, float32, uncalibrated: calibration is fitted anew for the student.

    :param progress: called with teachers done, teachers in all, and a word.
    :raises ConfigError: when a teacher has other labels, or looks at more of an article than `inputs` hold.
    """
    # Imported here: a model kind is loaded by its name, and this module serves one of the kinds.
    from pactag.models import classifier

    total = np.zeros((len(inputs), len(labels)))
    for i, folder in enumerate(folders):
        progress(i, len(folders), f"scores of the teacher {folder.name}")
        manifest = read_manifest(folder)
        if manifest.labels != tuple(labels):
            raise ConfigError("training.teachers", f"{folder} has the labels {list(manifest.labels)}", f"They must be {list(labels)}")
        tokens = manifest.tokens
        if tokens is not None and (tokens.preceding or tokens.title) and not any(item.before or item.title for item in inputs):
            raise ConfigError("training.teachers", f"{folder} reads context, the student does not", "Give both the same model.context")
        logits = classifier(manifest.kind).load(folder, manifest).predict_logits(inputs)
        total += calibrated(logits, [type(scale)() for scale in manifest.calibration.values()])
    return (total / len(folders)).astype(np.float32)
