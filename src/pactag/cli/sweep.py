"""Commands on sweeps: `sweep FILE`, `sweep show`, `sweep best`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from pactag.cli.models import StoreOption
from pactag.cli.settings import Overrides
from pactag.cli.show import note, out, progress_bar
from pactag.errors import PactagError
from pactag.whole_files import write_whole

if TYPE_CHECKING:
    import optuna

    from pactag.sweeps.config import LoadedSweep


class _RunsByDefault(TyperGroup):
    """`pactag sweep FILE` is short for `pactag sweep run FILE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["run", *args])


sweep_app = typer.Typer(
    cls=_RunsByDefault, help="Search for good settings: `pactag sweep FILE` runs a sweep, or goes on with it.", no_args_is_help=True
)

StorageOption = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Optuna storage, instead of the one in the file: sqlite:///FILE.db or a server."),
]
SweepArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Sweep file, such as configs/sweeps/minilm.yaml.")]


@sweep_app.command("run")
def run(
    path: SweepArgument,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="Trials in all, instead of the number in the file.")] = None,
    storage: StorageOption = None,
    overrides: Overrides = None,
) -> None:
    """Run a sweep, or go on with it. Run the same command in several shells to use several processes at once.

    Each trial is a child run of one parent in MLflow. A trial whose process was killed is given up by the next one.
    """
    from pactag.sweeps.config import load_sweep
    from pactag.sweeps.search import run_sweep, state_of

    loaded = load_sweep(path, storage=storage, changes=overrides or [])
    with progress_bar(f"sweep {loaded.sweep.name}") as progress:
        run_id, study = run_sweep(loaded, trials=trials, progress=lambda name, d, t, word: progress(d, t, f"{name}: {word}"))
    _show(loaded, study)
    out.print(f"parent runs:/{run_id}")
    if state_of(study).elsewhere:
        note(f"{state_of(study).elsewhere} trials still run in other processes; the last one closes the parent run")


@sweep_app.command("show")
def show(path: SweepArgument, storage: StorageOption = None, overrides: Overrides = None) -> None:
    """Print the trials of a sweep and the best settings so far."""
    from pactag.sweeps.config import load_sweep
    from pactag.sweeps.search import open_study

    loaded = load_sweep(path, storage=storage, changes=overrides or [])
    _show(loaded, open_study(loaded, must_exist=True))


@sweep_app.command("best")
def best(
    source: Annotated[str, typer.Argument(metavar="FILE|RUN", help="Sweep file, or the parent run of a sweep (its id).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Config file to write.")],
    storage: StorageOption = None,
    overrides: Overrides = None,
    tracking_uri: StoreOption = None,
) -> None:
    """Write the best trial as a plain config, for `pactag train`. It takes the place of an earlier one, and of no other file."""
    from pactag.sweeps.report import check_replaceable

    check_replaceable(output)
    if Path(source).is_file() or source.endswith((".yaml", ".yml")):
        from pactag.sweeps.config import load_sweep
        from pactag.sweeps.report import best_config
        from pactag.sweeps.search import best_settings, open_study

        loaded = load_sweep(Path(source), storage=storage, changes=overrides or [])
        number, value, settings = best_settings(loaded, open_study(loaded, must_exist=True))
        text = best_config(loaded, number, value, settings)
    else:
        from pactag.sweeps.report import BEST
        from pactag.tracking import Tracker
        from pactag.tracking.reading import logged_text

        tracker = Tracker(tracking_uri)
        text = logged_text(tracker, tracker.run_id_of(source), BEST, what="best trial")
    _write(output, text)
    note(escape(f"{output}: {text.splitlines()[0].removeprefix('# ').removesuffix(' with')}"))
    note(escape(f"next: pactag train {output}"))


def _show(loaded: LoadedSweep, study: optuna.Study) -> None:
    from pactag.sweeps.report import trials_table
    from pactag.sweeps.search import state_of

    state = state_of(study)
    columns = trials_table(loaded, study.get_trials(deepcopy=False), {})
    wanted = ["trial", "state", "f1_macro", "epochs", *loaded.sweep.space]
    title = f"{loaded.sweep.name}: {state.complete} trained to the end, {state.pruned} pruned"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in wanted:
        table.add_column(name, justify="left" if name == "state" else "right", overflow="fold")
    for row in zip(*(columns[name] for name in wanted), strict=True):
        is_best = state.best is not None and row[1] == "complete" and row[2] == state.best
        table.add_row(*(_cell(value) for value in row), style="bold" if is_best else None)
    out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise PactagError(f"--output {path}", f"cannot be written ({error.strerror})", "Name a file in a folder that is there") from None
