"""A comparison inside the runs that it compares: the same as is printed, as tables and as a page."""

from __future__ import annotations

from typing import Any

from pactag.comparison import Comparison, Pair
from pactag.comparison_page import comparison_page
from pactag.tracking import Table, Tracker


def log_comparison(tracker: Tracker, comparison: Comparison) -> list[tuple[str, str]]:
    """Write each pair into the later of its two runs: tables of figures, sentences and parameters, and the page in `comparisons/`.

    Returns run ids and names of the tables of figures.
    """
    logged = []
    for pair in comparison.pairs:
        earlier, later = sorted((pair.baseline, pair.run), key=lambda run: run.started)
        name = f"compared_with_{earlier.run_id[:8]}"
        recorder = tracker.recorder(later.run_id)
        recorder.table(Table(name, _figures(pair)))
        if pair.sentences:
            recorder.table(Table(f"{name}_sentences", _sentences(pair)))
        if pair.params:
            columns = {field: [getattr(param, field) for param in pair.params] for field in ("name", "baseline", "run")}
            recorder.table(Table(f"{name}_params", columns))
        page = comparison_page(Comparison(pair.baseline, (pair,)))
        recorder.text(page, f"comparisons/with_{earlier.run_id[:8]}.html")
        logged.append((later.run_id, name))
    return logged


def _figures(pair: Pair) -> dict[str, list[Any]]:
    count = len(pair.figures)
    columns: dict[str, list[Any]] = {"baseline_run": [pair.baseline.short] * count, "run": [pair.run.short] * count}
    columns["figure"] = [figure.title for figure in pair.figures]
    columns["baseline_f1"] = [figure.baseline for figure in pair.figures]
    columns["run_f1"] = [figure.run for figure in pair.figures]
    for name in ("difference", "low", "high", "p"):
        columns[name] = [getattr(figure, name) for figure in pair.figures]
    return {**columns, **{name: [getattr(pair, name)] * count for name in ("mended", "broken", "still_wrong")}}


def _sentences(pair: Pair) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [getattr(item, name) for item in pair.sentences] for name in ("id", "text", "change", "label")}
    columns |= {name: [getattr(item, name) for item in pair.sentences] for name in ("baseline_score", "run_score")}
    return {**columns, **{name: [" ".join(getattr(item, name)) for item in pair.sentences] for name in ("gold", "baseline", "run")}}
