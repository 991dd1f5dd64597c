"""What trained models say of sentences that another model learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pactag.calibration import calibrated
from pactag.errors import ConfigError
from pactag.model_folder import Manifest, read_manifest
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
    """Mean score of several models, uncalibrated: calibration is fitted anew for the student.

    :param vectors: the sentence vectors too, of the only teacher, float32, shape `(len(inputs), hidden)`.
    :param progress: called with teachers done, teachers in all, and a word.
    :raises ConfigError: when a teacher has other labels, or looks at more of an article than `inputs` hold; and for vectors of several
        teachers, or of one that has none.
    """
    # Imported here: a model kind is loaded by its name, and this module serves one of the kinds.
    from pactag.models import classifier

    total = np.zeros((len(inputs), len(labels)))
    seen: np.ndarray | None = None
    for i, folder in enumerate(folders):
        progress(i, len(folders), f"scores of the teacher {folder.name}")
        manifest = read_manifest(folder)
        _check(folder, manifest, inputs, labels)
        model = classifier(manifest.kind).load(folder, manifest)
        if not vectors:
            logits = model.predict_logits(inputs)
        elif len(folders) == 1 and isinstance(model, PooledClassifier):
            logits, seen = model.predict_with_vectors(inputs)
        else:
            fix = "Name one teacher of the kind encoder (a soup is one), or set it to 0"
            raise ConfigError("training.teacher_vectors", f"follows the vectors of {len(folders)} teachers, {manifest.kind} first", fix)
        total += calibrated(logits, [type(scale)() for scale in manifest.calibration.values()])
    return Lesson((total / len(folders)).astype(np.float32), seen)


def _check(folder: Path, manifest: Manifest, inputs: Sequence[SentenceInput], labels: Sequence[str]) -> None:
    if manifest.labels != tuple(labels):
        raise ConfigError("training.teachers", f"{folder} has the labels {list(manifest.labels)}", f"They must be {list(labels)}")
    tokens = manifest.tokens
    if tokens is not None and (tokens.preceding or tokens.title) and not any(item.before or item.title for item in inputs):
        raise ConfigError("training.teachers", f"{folder} reads context, the student does not", "Give both the same model.context")
