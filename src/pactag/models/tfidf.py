"""`tfidf`: word and character n-grams with one logistic regression per label. Learns in seconds; the floor any encoder must beat."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self, cast

import numpy as np
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from pactag.config import RunConfig, TfidfModel
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError, ModelFolderError
from pactag.model_folder import SKOPS_WEIGHTS, BaseModelInfo, Manifest, Tokens
from pactag.models.base import FitContext
from pactag.models.linear import linear_head
from pactag.sentences import SentenceInput


class TfidfClassifier:
    """See the module."""

    kind: ClassVar[str] = "tfidf"
    tokens: Tokens | None = None
    base_model: BaseModelInfo | None = None

    def __init__(self, features: FeatureUnion, weights: np.ndarray, bias: np.ndarray) -> None:
        self._features = features
        self._weights = weights
        self._bias = bias

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        settings = cast(TfidfModel, config.model)
        common = {"sublinear_tf": True, "min_df": settings.min_count, "dtype": np.float32}
        features = FeatureUnion(
            [
                ("words", TfidfVectorizer(ngram_range=settings.word_ngrams, token_pattern=r"(?u)\b\w+\b", **common)),
                ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=settings.char_ngrams, **common)),
            ]
        )
        try:
            matrix = features.fit_transform([sentence.text for sentence in train.inputs])
        except ValueError as error:
            # No n-gram is left, or fewer sentences are there than one has to be in.
            found = f"is {settings.min_count}, with {len(train.inputs)} training sentences ({error})"
            raise ConfigError("model.min_count", found, "Lower it, or learn from more sentences") from None
        weights, bias = linear_head(matrix, train.targets, c=settings.c, class_weight=settings.class_weight, seed=config.seed)
        return cls(features, weights, bias)

    def predict_logits(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        if not inputs:
            return np.zeros((0, len(self._bias)), dtype=np.float32)
        matrix = self._features.transform([sentence.text for sentence in inputs])
        return np.asarray(matrix @ self._weights.T + self._bias, dtype=np.float32)

    def save(self, folder: Path) -> None:
        skops.io.dump({"features": self._features, "weights": self._weights, "bias": self._bias}, folder / SKOPS_WEIGHTS)

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> Self:
        path = folder / SKOPS_WEIGHTS
        try:
            # skops builds only types it knows to be safe; anything else in the file is a reason to refuse it.
            untrusted = skops.io.get_untrusted_types(file=path)
            parts = skops.io.load(path, trusted=[]) if not untrusted else {}
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ModelFolderError(str(path), f"cannot be read ({error})", "Restore the whole folder") from None
        if untrusted:
            raise ModelFolderError(str(path), f"holds objects of the types {', '.join(untrusted)}", "This is no model that pactag wrote")
        return cls(parts["features"], parts["weights"], parts["bias"])
