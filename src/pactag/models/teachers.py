"""What trained models say of sentences that another model learns from, asked now or written down before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from pactag.calibration import calibrated
from pactag.config import ContextConfig
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError
from pactag.model_folder import BUILT_IN_FOLDERS, TORCH_WEIGHTS, LabelScale, Manifest, read_manifest
from pactag.models.pooled import PooledClassifier
from pactag.score_files import read_scores
from pactag.sentences import SentenceInput

_ONE_ENCODER = "Name one teacher of the kind encoder (a soup is one), as `pactag train` wrote it, or set it to 0"


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
    context: ContextConfig = ContextConfig(),
    vectors: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, word: None,
) -> Lesson:
    """Mean score of several teachers: folders of models, names of built-in ones, and files of scores (`pactag.score_files`).

    Models are asked without their calibration, which is fitted anew for the student, and see what they were trained to see of an article.
    A file is taken at its word: `pactag evaluate` writes calibrated scores. Where it does not hold a sentence, the labels are taken for the
    scores.

    :param context: what the sentences of `train` hold of their articles.
    :param vectors: the sentence vectors too, of the only teacher, float32, shape `(len(train), hidden)`.
    :param progress: called with teachers done, teachers in all, and a word.
    :raises ConfigError: when a teacher has other labels, looks at more of an article than `train` holds, or holds none of its sentences;
        and for vectors of several teachers, or of one that has none.
    :raises ModelFolderError: for a teacher that is no whole model.
    :raises InputError: for a file that cannot be read.
    """
    total = np.zeros((len(train), len(labels)))
    seen: np.ndarray | None = None
    for i, name in enumerate(teachers):
        teacher = BUILT_IN_FOLDERS.get(str(name), name)
        progress(i, len(teachers), f"scores of the teacher {name.name}")
        if vectors and (len(teachers) > 1 or not teacher.is_dir()):
            found = f"follows the vectors of {len(teachers)} teachers, {'a folder' if teacher.is_dir() else 'a file of scores'} first"
            raise ConfigError("training.teacher_vectors", found, _ONE_ENCODER)
        if teacher.is_dir():
            scores, seen = _asked(teacher, train.inputs, labels, context, vectors)
        else:
            scores = _written(teacher, train, labels)
        total += scores
    return Lesson((total / len(teachers)).astype(np.float32), seen)


def _asked(
    folder: Path, inputs: Sequence[SentenceInput], labels: Sequence[str], context: ContextConfig, vectors: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores of a model, and its sentence vectors where they are wanted."""
    # Imported here: a model kind is loaded by its name, and this module serves one of the kinds.
    from pactag.models import load_scorer

    manifest = read_manifest(folder)
    _check(folder, manifest, labels, context)
    if vectors and TORCH_WEIGHTS not in manifest.files:
        found = f"follows the vectors of {folder}, a model of the kind {manifest.kind} without {TORCH_WEIGHTS}"
        raise ConfigError("training.teacher_vectors", found, _ONE_ENCODER)
    # Torch itself where it is at hand, as other forms change scores a little.
    model = load_scorer(folder, manifest, backend="torch" if TORCH_WEIGHTS in manifest.files else None)
    inputs = [_as_seen(item, manifest) for item in inputs]
    seen: np.ndarray | None = None
    if vectors:
        logits, seen = cast(PooledClassifier, model).predict_with_vectors(inputs)
    else:
        logits = model.predict_logits(inputs)
    return calibrated(logits, [LabelScale() for _ in labels]), seen


def _as_seen(item: SentenceInput, manifest: Manifest) -> SentenceInput:
    """What a model looks at of an input that may hold more."""
    tokens = manifest.tokens
    preceding, title = (tokens.preceding, tokens.title) if tokens is not None else (0, False)
    return SentenceInput(item.text, item.before[-preceding:] if preceding else (), item.title if title else None)


def _written(path: Path, train: LabelledSentences, labels: Sequence[str]) -> np.ndarray:
    """Scores of a file, in the order of the sentences."""
    known = read_scores(path, labels)
    if not any(name in known for name in train.ids):
        found = f"{path} holds none of the sentences, such as {train.ids[0]!r}"
        raise ConfigError("training.teachers", found, "Name scores of this corpus")
    return np.stack([known.get(name, target) for name, target in zip(train.ids, train.targets, strict=True)])


def _check(folder: Path, manifest: Manifest, labels: Sequence[str], context: ContextConfig) -> None:
    if manifest.labels != tuple(labels):
        raise ConfigError("training.teachers", f"{folder} has the labels {list(manifest.labels)}", f"They must be {list(labels)}")
    tokens = manifest.tokens
    if tokens is not None and (tokens.preceding > context.preceding or tokens.title > context.title):
        found = f"{folder} reads preceding {tokens.preceding}, title {tokens.title}, of which the student sees {context.model_dump()}"
        raise ConfigError("training.teachers", found, "Give the student as much model.context, or name another teacher")
