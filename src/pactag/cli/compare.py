"""The command `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pactag.cli.models import JsonOption, StoreOption
from pactag.cli.show import note, one_line, out, show_json
from pactag.errors import PactagError
from pactag.whole_files import write_whole

if TYPE_CHECKING:
    from pactag.comparison import Comparison, Pair


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN ...", help="Run ids, runs:/<id>, models:/<name>@<alias>, or `latest`; the first is the baseline."),
    ],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the comparison as a page, too.")] = None,
    tracking_uri: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare runs with the first one: differences with 95% intervals and p-values, changed parameters, changed sentences.

    The tables and the page are kept in the later run of each pair as well.
    """
    from pactag.comparison import compare as compare_runs
    from pactag.comparison import read_runs
    from pactag.comparison_log import log_comparison
    from pactag.comparison_page import check_replaceable, comparison_page
    from pactag.tracking import Tracker

    if html is not None:
        check_replaceable(html)
    tracker = Tracker(tracking_uri)
    comparison = compare_runs(read_runs(tracker, runs))
    if as_json:
        show_json(comparison.to_dict())
    else:
        _show(comparison)
    if html is not None:
        _write(html, comparison_page(comparison))
        note(f"page   {escape(str(html))}")
    for run_id, name in log_comparison(tracker, comparison):
        note(f"table  {name} in runs:/{run_id}")


def _show(comparison: Comparison) -> None:
    base = comparison.baseline
    out.print(f"baseline {escape(base.short)}, {len(base.ids)} test sentences of {len(set(base.articles))} articles")
    for pair in comparison.pairs:
        out.print()
        _show_pair(pair)


def _show_pair(pair: Pair) -> None:
    table = Table(title=escape(f"{pair.run.short}: {pair.verdict}"), title_justify="left", title_style="bold")
    for name in ("F1", "baseline", "run", "difference", "95% interval", "p"):
        table.add_column(name, justify="left" if name == "F1" else "right")
    for figure in pair.figures:
        interval = f"{figure.low:+.3f} to {figure.high:+.3f}"
        numbers = (f"{figure.baseline:.3f}", f"{figure.run:.3f}", f"{figure.difference:+.3f}", interval, f"{figure.p:.3g}")
        table.add_row(escape(figure.title), *numbers, style="bold" if figure is pair.macro else None)
    out.print(table)
    counts = f"{pair.mended} mended, {pair.broken} broken, {pair.still_wrong} still wrong in another way"
    out.print(f"{pair.changed} of {len(pair.run.ids)} sentences changed: {counts}")
    if pair.params:
        changed = Table(title="Changed parameters", title_justify="left", title_style="bold")
        for name in ("parameter", "baseline", "run"):
            changed.add_column(name, overflow="fold")
        for param in pair.params:
            values = ("not set" if value is None else escape(value) for value in (param.baseline, param.run))
            changed.add_row(escape(param.name), *values)
        out.print(changed)
    if pair.sentences:
        out.print("[bold]Sentences whose scores differ most[/]")
    for item in pair.sentences:
        scores = f"{item.label} {item.baseline_score:.2f} to {item.run_score:.2f}"
        labels = f"gold {_names(item.gold)}; baseline {_names(item.baseline)}; run {_names(item.run)}"
        out.print(escape(f"  {item.id}  {scores}  {item.change} ({labels})"))
        out.print(escape(f"    {one_line(item.text)}"))


def _write(path: Path, page: str) -> None:
    try:
        write_whole(path, page)
    except OSError as error:
        raise PactagError(f"--html {path}", f"cannot be written ({error.strerror})", "Name a file in a folder that is there") from None


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
