"""What trained models say of sentences that another model learns from, asked now or written down before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pactag.calibration import calibrated
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError
from pactag.model_folder import Manifest, read_manifest
from pactag.models.pooled import PooledClassifier
from pactag.score_files import read_scores
from pactag.sentences import SentenceInput

_ONE_ENCODER = "Name one teacher of the kind encoder (a soup is one), or set it to 0"


@dataclass(frozen=True)
class Lesson:
    """Scores of the teachers, shape `(sentences, labels)`, and, where they are followed as well, the sentence vectors of the only one."""

    scores: np.ndarray
    vectors: np.ndarray | None = None


def lesson_of(
    teachers: Sequence[Path],
    train: LabelledSentences,
    *,
    labels: Sequence[str],
    vectors: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, word: None,
) -> Lesson:
    """Mean score of several teachers: folders of models, and files of scores (`pactag.score_files`).

    Models are asked without their calibration, which is fitted anew for the student. Where a file does not hold a sentence, its labels are
    taken for the scores.

    :param vectors: the sentence vectors too, of the only teacher, float32, shape `(len(train), hidden)`.
    :param progress: called with teachers done, teachers in all, and a word.
    :raises ConfigError: when a teacher has other labels, looks at more of an article than `train` holds, or holds none of its sentences;
        and for vectors of several teachers, or of one that has none.
    :raises InputError: for a file that cannot be read.
    """
    total = np.zeros((len(train), len(labels)))
    seen: np.ndarray | None = None
    for i, teacher in enumerate(teachers):
        progress(i, len(teachers), f"scores of the teacher {teacher.name}")
        if vectors and (len(teachers) > 1 or not teacher.is_dir()):
            found = f"follows the vectors of {len(teachers)} teachers, {'a folder' if teacher.is_dir() else 'a file of scores'} first"
            raise ConfigError("training.teacher_vectors", found, _ONE_ENCODER)
        if teacher.is_dir():
            scores, seen = _asked(teacher, train.inputs, labels, vectors)
        else:
            scores = _written(teacher, train, labels)
        total += scores
    return Lesson((total / len(teachers)).astype(np.float32), seen)


def _asked(folder: Path, inputs: Sequence[SentenceInput], labels: Sequence[str], vectors: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores of a model, and its sentence vectors where they are wanted."""
    # Imported here: a model kind is loaded by its name, and this module serves one of the kinds.
    from pactag.models import classifier

    manifest = read_manifest(folder)
    _check(folder, manifest, inputs, labels)
    model = classifier(manifest.kind).load(folder, manifest)
    seen: np.ndarray | None = None
    if not vectors:
        logits = model.predict_logits(inputs)
    elif isinstance(model, PooledClassifier):
        logits, seen = model.predict_with_vectors(inputs)
    else:
        raise ConfigError("training.teacher_vectors", f"follows the vectors of a model of the kind {manifest.kind}", _ONE_ENCODER)
    return calibrated(logits, [type(scale)() for scale in manifest.calibration.values()]), seen


def _written(path: Path, train: LabelledSentences, labels: Sequence[str]) -> np.ndarray:
    """Scores of a file, in the order of the sentences."""
    known = read_scores(path, labels)
    if not any(name in known for name in train.ids):
        found = f"{path} holds none of the sentences, such as {train.ids[0]!r}"
        raise ConfigError("training.teachers", found, "Name scores of this corpus")
    return np.stack([known.get(name, target) for name, target in zip(train.ids, train.targets, strict=True)])


def _check(folder: Path, manifest: Manifest, inputs: Sequence[SentenceInput], labels: Sequence[str]) -> None:
    if manifest.labels != tuple(labels):
        raise ConfigError("training.teachers", f"{folder} has the labels {list(manifest.labels)}", f"They must be {list(labels)}")
    tokens = manifest.tokens
    if tokens is not None and (tokens.preceding or tokens.title) and not any(item.before or item.title for item in inputs):
        raise ConfigError("training.teachers", f"{folder} reads context, the student does not", "Give both the same model.context")
