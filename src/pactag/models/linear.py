"""One logistic regression per label on fixed features."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression


def linear_head(features: Any, targets: np.ndarray, *, c: float, class_weight: str | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights, shape `(labels, features)`, and biases, shape `(labels,)`.

    A label that no sentence has, or that all have, gets zero weights and the bias of its smoothed frequency.
    """
    count, labels = targets.shape
    weights = np.zeros((labels, features.shape[1]), dtype=np.float32)
    bias = np.zeros(labels, dtype=np.float32)
    for label in range(labels):
        column = targets[:, label]
        if column.min() == column.max():
            rate = (column.sum() + 0.5) / (count + 1)
            bias[label] = np.log(rate / (1 - rate))
            continue
        model = LogisticRegression(C=c, class_weight=class_weight, max_iter=2000, random_state=seed).fit(features, column)
        weights[label] = model.coef_[0]
        bias[label] = model.intercept_[0]
    return weights, bias
