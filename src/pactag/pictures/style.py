"""The one look of all pictures.

Every picture brings its own paper, so that it reads the same on a light page and on a dark one; the paper is off-white, which does not
glare on a dark page. The colours keep apart under colour blindness (after Okabe and
Ito, Color universal design, 2008, darkened for the paper).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = "#f6f5f1"
INK = "#2a2d31"
QUIET = "#6b7076"
LINE = "#d8d6cf"
MARK = "#1f5f8b"
SECOND = "#a34a1a"
_LABELS = ("#1f5f8b", "#a34a1a", "#2f7d5b", "#94427f", "#8a6d00", "#5b5fa8", "#3c3f44")
_DPI = 150


def label_colors(count: int) -> list[str]:
    """A colour for each label, by its place in the schema."""
    return [_LABELS[i % len(_LABELS)] for i in range(count)]


def figure(title: str, *, width: float = 6.4, height: float = 4.6) -> Figure:
    """An empty figure with a title at the left. Sizes in inches at 150 dots each."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    made = Figure(figsize=(width, height), dpi=_DPI, facecolor=PAPER, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
    made.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold", color=INK)
    return made


def tidy(axes: Axes, *, x: str = "", y: str = "", title: str = "", grid: bool = True) -> Axes:
    """Bring axes into the house style: two spines, quiet ticks, a faint grid behind the marks."""
    axes.set_facecolor(PAPER)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(QUIET)
    axes.tick_params(colors=QUIET, labelcolor=INK, labelsize=9, length=3)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(color=LINE, linewidth=0.8)
    if x:
        axes.set_xlabel(x, color=INK, fontsize=10)
    if y:
        axes.set_ylabel(y, color=INK, fontsize=10)
    if title:
        axes.set_title(title, loc="left", color=INK, fontsize=10)
    return axes


def panels(made: Figure, count: int, *, columns: int = 2, sharex: bool = False, sharey: bool = False) -> Sequence[Axes]:
    """`count` axes in rows of `columns`."""
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = made.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey).ravel()
    for spare in grid[count:]:
        spare.set_visible(False)
    return list(grid[:count])
