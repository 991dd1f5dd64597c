"""Pictures of a fit: how it went, and how long its inputs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pactag.pictures.style import INK, LINE, MARK, PAPER, QUIET, SECOND, figure, panels, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curve(steps: Sequence[int], loss: Sequence[float], f1_macro: Sequence[float], *, title: str) -> Figure:
    """Validation loss and macro-F1 by step; a ring marks the best macro-F1."""
    from matplotlib.ticker import MaxNLocator

    made = figure(title)
    upper, lower = panels(made, 2, columns=1, sharex=True)
    best = int(np.argmax(f1_macro))
    tidy(upper, y="macro-F1")
    upper.plot(steps, f1_macro, "o-", color=MARK, linewidth=1.8, markersize=5)
    upper.plot(steps[best], f1_macro[best], "o", markersize=12, markerfacecolor="none", markeredgecolor=MARK, markeredgewidth=1.4)
    upper.annotate(f"{f1_macro[best]:.3f}", (steps[best], f1_macro[best]), (0, 10), textcoords="offset points", ha="center", color=INK)
    tidy(lower, x="step", y="loss")
    lower.plot(steps, loss, "o-", color=SECOND, linewidth=1.8, markersize=5)
    for axes in (upper, lower):
        axes.margins(x=0.08, y=0.3)
    if len(steps) <= 8:
        lower.set_xticks(list(steps))
    else:
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    return made


def length_histogram(lengths: Mapping[str, np.ndarray], *, unit: str, limit: int | None, title: str) -> Figure:
    """How long the inputs of each split are, as shares of the split; the line is the longest input that the model sees whole.

    :param lengths: by split, shape `(sentences,)`.
    :param unit: what is counted, such as `tokens`.
    """
    made = figure(title, height=3.8)
    axes = tidy(made.subplots(), x=f"{unit} of an input", y="share of the inputs")
    whole = np.concatenate(list(lengths.values()))
    end = max(np.quantile(whole, 0.999), (limit or 0) * 1.05, 8)
    # Whole numbers: bins narrower than one would leave gaps.
    width = max(1, round(end / 40))
    bins = np.arange(0, end + width, width)
    for (name, values), color in zip(lengths.items(), (MARK, SECOND, QUIET), strict=False):
        weights = np.full(len(values), 1 / max(len(values), 1))
        label = f"{name}   median {np.median(values):.0f}, longest {values.max():,}"
        axes.hist(
            np.minimum(values, bins[-1]), bins=bins.tolist(), weights=weights, histtype="step", linewidth=1.6, color=color, label=label
        )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    if limit is not None:
        cut = float((whole > limit).mean())
        axes.axvline(limit, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"limit {limit}: {cut:.1%} cut",
            (limit, 0.62),
            (-6, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            color=INK,
            fontsize=9,
        )
    axes.set_xlim(0, bins[-1])
    axes.legend(loc="upper right", fontsize=9, frameon=True, framealpha=1, facecolor=PAPER, edgecolor=LINE, labelcolor=INK)
    return made
