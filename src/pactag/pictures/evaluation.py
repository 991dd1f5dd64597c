"""Pictures of an evaluation. Arrays have shape `(sentences, labels)`; labels in schema order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pactag.calibration import apply_thresholds, expected_calibration_error
from pactag.metrics import label_scores
from pactag.pictures.style import INK, LINE, MARK, PAPER, QUIET, figure, label_colors, panels, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 10


def confusion(targets: np.ndarray, predicted: np.ndarray, labels: Sequence[str], *, title: str) -> Figure:
    """A matrix of two by two for each label: gold by predicted. Shading tells the share of the row."""
    made = figure(title, height=1.0 + 2.3 * -(-len(labels) // 2))
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("paper to mark", [PAPER, MARK])
    for axes, name, scores in zip(panels(made, len(labels)), labels, label_scores(targets, predicted), strict=True):
        counts = np.array([[scores.true_positives, scores.false_negatives], [scores.false_positives, scores.true_negatives]])
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        tidy(axes, title=f"{name}   F1 {scores.f1:.3f}", grid=False)
        axes.imshow(shares, cmap=shades, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks([0, 1], ["given", "not given"])
        axes.set_yticks([0, 1], ["gold", "not gold"])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        for (row, column), count in np.ndenumerate(counts):
            share = shares[row, column]
            color = PAPER if share > 0.75 else INK
            axes.text(column, row - 0.09, f"{count:,}", ha="center", va="center", color=color, fontsize=12)
            axes.text(column, row + 0.22, f"{share:.0%}", ha="center", va="center", color=color, fontsize=8.5)
    return made


def precision_recall(
    targets: np.ndarray, scores: np.ndarray, thresholds: Mapping[str, float], labels: Sequence[str], *, title: str
) -> Figure:
    """The precision-recall curve of each label; the dot is the operating point, where the thresholds put it."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    made = figure(title, height=5.0)
    axes = tidy(made.subplots(), x="recall", y="precision")
    points = label_scores(targets, apply_thresholds(scores, thresholds, labels))
    for i, (name, color, point) in enumerate(zip(labels, label_colors(len(labels)), points, strict=True)):
        if not targets[:, i].any():
            axes.plot([], [], color=color, label=f"{name}: no sentence has it")
            continue
        precision, recall, _ = precision_recall_curve(targets[:, i], scores[:, i])
        area = average_precision_score(targets[:, i], scores[:, i])
        axes.plot(recall, precision, color=color, linewidth=1.8, label=f"{name}   average precision {area:.3f}, F1 {point.f1:.3f}")
        axes.plot(point.recall, point.precision, "o", color=color, markersize=9, markeredgecolor=PAPER, markeredgewidth=1.6, zorder=5)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.03)
    axes.legend(loc="lower left", fontsize=9, frameon=True, facecolor=PAPER, edgecolor=LINE, labelcolor=INK, framealpha=0.9)
    return made


def reliability(targets: np.ndarray, scores: np.ndarray, labels: Sequence[str], *, title: str) -> Figure:
    """For each label, how often a score is right: observed rate by score, ten bins; the area of a dot tells its sentences."""
    made = figure(title, height=1.0 + 2.5 * -(-len(labels) // 2))
    grid = panels(made, len(labels), sharex=True, sharey=True)
    for i, (axes, name, color) in enumerate(zip(grid, labels, label_colors(len(labels)), strict=True)):
        error = expected_calibration_error(scores[:, i], targets[:, i], bins=_BINS)
        tidy(axes, title=f"{name}   calibration error {error:.3f}", x="score" if i >= len(labels) - 2 else "")
        if i % 2 == 0:
            axes.set_ylabel("share that is right", color=INK, fontsize=10)
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        place = np.minimum((scores[:, i] * _BINS).astype(int), _BINS - 1)
        full = np.unique(place)
        said = [scores[place == b, i].mean() for b in full]
        seen = [targets[place == b, i].mean() for b in full]
        # The first bin holds most sentences of a rare label: areas grow with the logarithm.
        areas = [14 + 22 * np.log10((place == b).sum()) for b in full]
        axes.plot(said, seen, color=color, linewidth=1.2, alpha=0.6)
        axes.scatter(said, seen, s=areas, color=color, edgecolor=PAPER, linewidth=1, zorder=5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.03, 1.04)
    return made
