"""The command `reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pactag.cli.models import JsonOption, StoreOption
from pactag.cli.show import note, out, progress_bar, show_json

if TYPE_CHECKING:
    from pactag.reproduction import Reproduction

# The answer is no; 2 is for mistakes.
_DIFFERS = 3


def reproduce(
    run: Annotated[str, typer.Argument(help="Run id, runs:/<id>, models:/<name>@<alias>, or `latest`.")],
    tracking_uri: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a run again from what it recorded, and tell whether the figures agree; exit code 3 when they do not.

    Refused when schema, data or base model are not those of the run. On the same machine, threads, libraries and commit the figures must
    agree to the last bit, elsewhere within the spread of the seeds that are recorded for the same config.
    """
    from pactag.reproduction import plan
    from pactag.reproduction import reproduce as train_again
    from pactag.tracking import Tracker

    tracker = Tracker(tracking_uri)
    planned = plan(tracker, tracker.run_id_of(run))
    note("schema, data and base model are those of the run")
    for check in planned.checks:
        if not check.agrees:
            note(escape(f"{check.name}: {check.recorded or 'not recorded'} then, {check.now or 'not known'} now"))
    if planned.run.data.tags.get("git.dirty") == "true":
        note("the run had uncommitted changes: see its artifact environment/uncommitted.diff")
    with progress_bar(f"training {planned.config.name}") as progress:
        done = train_again(tracker, planned, progress=progress)
    if as_json:
        show_json(done.to_dict())
    else:
        _show(done)
    if not done.agrees:
        raise typer.Exit(_DIFFERS)


def _show(done: Reproduction) -> None:
    from pactag.seeds import shown

    table = Table(title=escape(f"{done.plan.run.info.run_name} again: {done.verdict}"), title_justify="left", title_style="bold")
    for name in ("figure", "recorded", "again", "difference", "may lie between"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for figure in done.figures:
        if not shown(figure.name):
            continue
        between = "" if done.identical or figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
        numbers = (f"{figure.recorded:.4f}", f"{figure.again:.4f}", f"{figure.again - figure.recorded:+.2g}", between)
        table.add_row(escape(figure.name), *numbers, style=None if figure.agrees else "bold red")
    out.print(table)
    out.print(f"run    runs:/{done.again.run_id}")
