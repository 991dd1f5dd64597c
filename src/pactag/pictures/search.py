"""Pictures of several runs that belong together: the seeds of a config, the trials of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pactag.pictures.style import INK, LINE, MARK, PAPER, QUIET, SECOND, figure, panels, tidy

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure


def seed_spread(values: Mapping[str, Sequence[float]], intervals: Mapping[str, tuple[float, float]], *, title: str) -> Figure:
    """One line a figure: a dot for each seed, the mean as a bar, and its interval.

    :param values: by the name of a figure, one value a seed; `intervals` likewise.
    """
    made = figure(title, height=1.3 + 0.5 * len(values))
    axes = tidy(made.subplots(), x="F1")
    for row, (name, of_seeds) in enumerate(values.items()):
        low, high = np.clip(intervals[name], 0, 1)
        axes.plot([low, high], [row, row], color=MARK, linewidth=6, alpha=0.22, solid_capstyle="butt")
        axes.plot([np.mean(of_seeds)] * 2, [row - 0.22, row + 0.22], color=MARK, linewidth=2.2)
        axes.plot(of_seeds, [row] * len(of_seeds), "o", color=SECOND, markersize=6, markeredgecolor=PAPER)
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    return made


def sweep_history(values: Sequence[float | None], pruned: Sequence[float | None], *, title: str) -> Figure:
    """The value of each trial in the order in which they began, and the best so far.

    :param values: by trial, None where it did not end; `pruned`: the last value of a trial that was stopped early, else None.
    """
    from matplotlib.ticker import MaxNLocator

    made = figure(title, height=4.0)
    axes = tidy(made.subplots(), x="trial", y="validation macro-F1")
    ended = [(i, value) for i, value in enumerate(values) if value is not None]
    stopped = [(i, value) for i, value in enumerate(pruned) if value is not None]
    if ended:
        numbers, reached = zip(*ended, strict=True)
        axes.step(
            [*numbers, len(values) - 1],
            [*np.maximum.accumulate(reached), max(reached)],
            where="post",
            color=MARK,
            linewidth=1.6,
            label="best so far",
        )
        axes.plot(numbers, reached, "o", color=MARK, markersize=6.5, markeredgecolor=PAPER, label="trained to the end")
    if stopped:
        axes.plot(*zip(*stopped, strict=True), "o", markersize=6, markerfacecolor=PAPER, markeredgecolor=QUIET, label="pruned")
    axes.set_xlim(-0.6, max(len(values) - 0.4, 0.6))
    axes.margins(y=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right", fontsize=9, frameon=True, framealpha=1, facecolor=PAPER, edgecolor=LINE, labelcolor=INK)
    return made


def importances(values: Mapping[str, float], *, title: str) -> Figure:
    """How much of the difference between trials each parameter explains, the shares sum to 1."""
    made = figure(title, height=1.2 + 0.45 * len(values))
    axes = tidy(made.subplots(), x="importance")
    names = sorted(values, key=lambda name: values[name])
    axes.barh(names, [values[name] for name in names], color=MARK, height=0.55)
    for row, name in enumerate(names):
        axes.annotate(f"{values[name]:.2f}", (values[name], row), (5, 0), textcoords="offset points", va="center", color=INK, fontsize=9)
    axes.set_xlim(0, max([*values.values(), 0.01]) * 1.15)
    axes.grid(visible=False, axis="y")
    return made


def slices(params: Mapping[str, Sequence[object]], values: Sequence[float], logarithmic: Sequence[str], *, title: str) -> Figure:
    """The value of the ended trials by each parameter.

    :param params: by name, the setting of each trial; `values` has one a trial.
    :param logarithmic: names of the parameters with a logarithmic axis.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    made = figure(title, height=0.8 + 2.2 * -(-len(params) // 2))
    for i, (axes, (name, settings)) in enumerate(zip(panels(made, len(params), sharey=True), params.items(), strict=True)):
        tidy(axes, title=name, y="macro-F1" if i % 2 == 0 else "")
        numeric = all(isinstance(setting, int | float) and not isinstance(setting, bool) for setting in settings)
        places: Any = list(settings) if numeric else [str(setting) for setting in settings]
        axes.scatter(places, list(values), c=np.arange(len(values)), cmap=_by_age(), s=55, edgecolor=PAPER)
        if name in logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.xaxis.set_minor_locator(NullLocator())
    return made


def _by_age() -> Colormap:
    """Later trials stand out: a search that narrows down shows it."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("age", ["#b9c6d0", MARK])
