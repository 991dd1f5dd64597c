"""Commands on studies: `study run`, `study show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pactag.cli.show import note, out, progress_bar
from pactag.errors import ConfigError

study_app = typer.Typer(help="Experiments: one question, several variants and seeds, one table.", no_args_is_help=True)

ResultsOption = Annotated[
    Path | None, typer.Option("--results", metavar="FILE.csv", help="The table of the runs; by default results.csv beside the study.")
]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="A study.yaml, or its folder.")]


@study_app.command("run")
def run(
    path: StudyArgument,
    measure: Annotated[
        list[str] | None, typer.Option("--measure", metavar="NAME=FILE", help="Measure every run on a further labelled file. Repeatable.")
    ] = None,
    results: ResultsOption = None,
) -> None:
    """Train every variant with every seed, and write results.csv beside the study. Goes on where it stopped.

    Runs that have their row are not repeated: to train a finished study again, name a new table with --results.
    """
    from pactag.studies import RESULTS, read_results, run_study

    also = {}
    for item in measure or []:
        name, equals, file = item.partition("=")
        if not equals or not name or not file:
            raise ConfigError(f"--measure {item}", "is not of the form NAME=FILE", "For example: --measure mine=my-news.jsonl")
        also[name] = Path(file)
    table = results or _file(path).parent / RESULTS
    before = len(read_results(table))
    with progress_bar("study") as progress:
        rows = run_study(
            _file(path),
            also_measure=also,
            results=table,
            progress=lambda name, done, total, word: progress(done, total, f"{name}: {word}"),
        )
    done = "" if len(rows) > before else " has every run: nothing was trained. To train all again, name a new table: --results FILE"
    note(f"{escape(str(table))}{done}")
    show(path, table)


@study_app.command("show")
def show(path: StudyArgument, results: ResultsOption = None) -> None:
    """Print the table of a study: macro-F1 and each label's F1, mean and spread over the seeds."""
    from pactag.studies import RESULTS, load_study, read_results, spread

    study = load_study(_file(path))
    rows = read_results(results or _file(path).parent / RESULTS)
    out.print(f"[bold]{escape(study.question)}[/]")
    parts = list(dict.fromkeys(name.partition("/")[0] for row in rows for name in row if name.endswith("/f1_macro")))
    for part in parts:
        columns = [name for name in rows[0] if name.startswith(f"{part}/") and name.endswith(("f1_macro", "/f1"))]
        table = Table(title=part, title_justify="left", title_style="bold")
        for name in ("variant", *(column.removeprefix(f"{part}/") for column in columns), "seeds"):
            table.add_column(name, justify="left" if name == "variant" else "right")
        for variant in study.variants:
            found = [spread(rows, variant.name, column) for column in columns]
            # Rows from before a further `--measure` have nothing in its columns.
            seeds = max((item.seeds for item in found if item), default=0)
            if seeds:
                cells = (f"{item.mean:.3f} ± {item.deviation:.3f}" if item else "" for item in found)
                table.add_row(escape(variant.name), *cells, str(seeds))
        out.print(table)


def _file(path: Path) -> Path:
    return path / "study.yaml" if path.is_dir() else path
