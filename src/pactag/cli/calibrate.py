"""The command `calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pactag.cli.models import JsonOption, StoreOption, find_model, intervals_json
from pactag.cli.show import evaluation_table, note, out, show_json, tell_absent


def calibrate(
    model: Annotated[
        str,
        typer.Argument(help="Model folder, runs:/<id>, models:/<name>@<alias>, `latest`, `built-in`, `built-in-small`."),
    ],
    data: Annotated[Path, typer.Option("--data", help="Labelled JSONL that the model has not learnt from, one sentence a line.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New model folder.")],
    precision: Annotated[
        float | None,
        typer.Option("--precision", min=0.01, max=0.99, help="Lowest precision wanted of every label. By default F1 is maximised."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0.01, max=0.99, help="Score from which every label is given.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model folder that stands at --output.")] = False,
    tracking_uri: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the scales and thresholds of a model again, on labelled sentences of your own; the network stays as it is.

    For a precision that you name, or for news that differs from what the thresholds were chosen on. Nothing is trained: it takes as long
    as tagging the sentences. What to expect is measured out of fold: on articles that had no part in the choice.
    """
    from pactag.evaluation import absent_labels
    from pactag.recalibration import FEWEST, recalibrate

    folder = find_model(model, tracking_uri)
    done = recalibrate(folder, data, output, precision=precision, threshold=threshold, replace=replace)
    if as_json:
        parts = {"before": done.before, "out_of_fold": done.out_of_fold}
        figures = {name: {**part.figures, "intervals": intervals_json([part])} if part else None for name, part in parts.items()}
        told = {"kept": done.kept, "out_of_reach": done.short, "below_out_of_fold": done.below, "absent_labels": absent_labels(done.before)}
        show_json({"model": str(done.folder), "sentences": len(done.before.rows), **figures, **told})
        return
    out.print(evaluation_table(done.before, f"{data}: as it was"))
    tell_absent(done.before)
    if done.out_of_fold is not None:
        out.print(evaluation_table(done.out_of_fold, f"{data}: calibrated, out of fold"))
    else:
        note("sentences of one article: what to expect on others cannot be told")
    if done.kept:
        what = "they keep their scales" if threshold is not None else "they are read as before"
        note(f"fewer than {FEWEST} sentences with these labels, or without: {', '.join(done.kept)}; {what}")
    if done.short:
        note(f"a precision of {precision} is out of reach for {', '.join(done.short)}, which have their highest one")
    if done.below:
        note(f"out of fold the precision is below {precision} for {', '.join(done.below)}: expect that on other articles")
    out.print(f"tag    pactag tag data/examples/*.txt --model {escape(str(done.folder))}")
