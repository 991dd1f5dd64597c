"""Commands on models and runs: `train`, `evaluate`, `export`, `sync`, `promote`, `rollback`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pactag.cli.settings import Overrides
from pactag.cli.show import evaluation_table, export_table, mean_table, note, out, progress_bar, show_json, tell_absent
from pactag.config import RunConfig, load_config
from pactag.errors import PactagError
from pactag.model_folder import BUILT_IN, PACKED_MEGABYTES
from pactag.passwords import hidden
from pactag.processes import is_main

if TYPE_CHECKING:
    from pactag.evaluation import Evaluation

DEFAULT_MODEL = "default"
_RUNS = Path("experiments/runs")
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="Model folder, runs:/<id>, models:/<name>@<alias>, `latest` for the newest run that saved a model, `built-in` or "
        "`built-in-small`. "
        "`default` is models:/pactag@champion where the store has one, else the built-in model.",
    ),
]
StoreOption = Annotated[
    str | None, typer.Option("--tracking-uri", help="MLflow store; by default MLFLOW_TRACKING_URI or experiments/mlflow.db.")
]
BackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="int8|onnx|torch|int4|int8-dynamic|packed",
        help="What runs the model; by default the first of these that its folder holds.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON on standard output, for programs.")]


def train(
    source: Annotated[
        str, typer.Argument(metavar="CONFIG", help="Config file, such as configs/minilm.yaml, or runs:/<id> for the config of a run.")
    ],
    overrides: Overrides = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the last unfinished run of this very config stopped; begin where there is none.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier from a config, record the run in MLflow, and save the model.

    torchrun and accelerate launch start it on several GPUs or machines.
    """
    config = _config(source, overrides or [])
    if config.seeds is not None:
        _train_seeds(config, resume, as_json)
        return
    from pactag.training import join
    from pactag.training import train as run

    if not is_main():
        join(config)
        return
    with progress_bar(f"training {config.name}") as progress:
        done = run(config, progress=progress, resume=resume)
    if as_json:
        figures = {name: dict(part.figures) for name, part in {"validation": done.validation, "test": done.test, **done.others}.items()}
        folder = str(done.folder) if done.folder else None
        show_json({"run_id": done.run_id, "model": folder, "fit_seconds": round(done.fit_seconds, 2), **figures})
        return
    out.print(evaluation_table(done.test, f"{config.name}: test split"))
    for name, evaluation in done.others.items():
        out.print(evaluation_table(evaluation, f"{config.name}: {name}"))
    out.print(f"fitted in {done.fit_seconds:.0f} s")
    out.print(f"run    runs:/{done.run_id}")
    if done.folder is not None:
        out.print(f"model  {escape(str(done.folder))}")
        out.print(f"tag    pactag tag data/examples/*.txt --model {escape(str(done.folder))}")
    out.print("see    pactag ui")


def _config(source: str, overrides: list[str]) -> RunConfig:
    if not source.startswith("runs:/"):
        return load_config(source, overrides)
    from pactag.reproduction import recorded_config
    from pactag.tracking import Tracker

    tracker = Tracker()
    config = recorded_config(tracker, tracker.run_id_of(source), overrides)
    if config.tracking.uri is None:
        return config
    # Where the run was found: a password is not recorded.
    return config.model_copy(update={"tracking": config.tracking.model_copy(update={"uri": tracker.uri})})


def _train_seeds(config: RunConfig, resume: bool, as_json: bool) -> None:
    from pactag.seeds import shown, train_seeds

    with progress_bar(f"training {config.name}") as progress:
        done = train_seeds(config, progress=lambda name, steps, total, word: progress(steps, total, f"{name}: {word}"), resume=resume)
    if as_json:
        figures = {
            name: {"mean": spread.mean, "std": spread.deviation, "interval": spread.interval, "values": spread.values}
            for name, spread in done.spreads.items()
        }
        show_json({"run_id": done.run_id, "runs": {str(seed): run.run_id for seed, run in done.runs.items()}, "figures": figures})
        return
    table = Table(title=escape(f"{config.name}: {len(done.runs)} seeds"), title_justify="left", title_style="bold")
    for name in ("figure", "mean", "std", "95% interval of the mean", *(f"seed {seed}" for seed in done.runs)):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for name, spread in done.spreads.items():
        if shown(name) and not name.startswith("best_dev/"):
            low, high = spread.interval
            numbers = (f"{spread.mean:.3f}", f"{spread.deviation:.3f}", f"{low:.3f} to {high:.3f}", *(f"{v:.3f}" for v in spread.values))
            table.add_row(escape(name), *numbers, style="bold" if name.endswith("/f1_macro") else None)
    out.print(table)
    out.print(f"parent runs:/{done.run_id}")
    for seed, run in done.runs.items():
        out.print(f"seed {seed} runs:/{run.run_id}")
    out.print("see    pactag ui")


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="Model folder, runs:/<id>, models:/<name>@<alias>, `latest`, `built-in`, `built-in-small`."
        ),
    ],
    data: Annotated[Path, typer.Option("--data", help="Labelled JSONL, one sentence a line.")] = Path("data/corpus/test.jsonl"),
    by: Annotated[str | None, typer.Option("--by", metavar="FIELD", help="Also apart for each value of a field of the rows.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", metavar="CSV", help="Write what the model says of each sentence: labels, scores, right or not."),
    ] = None,
    tracking_uri: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled sentences, at the thresholds stored in it.

    Several models, such as the seeds of a recipe, are measured together as well: the mean of their F1. Intervals come from a bootstrap
    over the articles of the sentences.
    """
    from pactag.corpus.rows import read_rows
    from pactag.evaluation import evaluate as measure
    from pactag.evaluation import f1_names, grouped, predictions_table
    from pactag.score_files import check_replaceable, write_table

    if predictions is not None and len(set(models)) > 1:
        raise PactagError("--predictions", f"is for one model, found {len(set(models))}", "Evaluate one at a time")
    if predictions is not None:
        check_replaceable(predictions)
    found = {}
    for name in dict.fromkeys(models):
        tagger = load_tagger(name, tracking_uri)
        found[name] = measure(tagger, read_rows(data, tagger.schema))
    if len({evaluation.labels for evaluation in found.values()}) > 1:
        raise PactagError("evaluate", "the models have different labels", "Measure models of one schema together")
    if predictions is not None:
        write_table(predictions, predictions_table(found[models[0]]))
    parts = {name: grouped(evaluation, by) if by else {} for name, evaluation in found.items()}
    if as_json:
        shown = [_evaluation_json(name, data, evaluation, parts[name] if by else None) for name, evaluation in found.items()]
        if len(shown) == 1:
            show_json(shown[0])
            return
        first, *_ = found.values()
        mean = {name: sum(item.figures[name] for item in found.values()) / len(found) for name in f1_names(first.labels)}
        show_json({"models": shown, "mean": mean, "intervals": intervals_json(list(found.values()))})
        return
    for name, evaluation in found.items():
        out.print(evaluation_table(evaluation, f"{data}: {name}" if len(found) > 1 else str(data)))
        tell_absent(evaluation)
        for value, part in parts[name].items():
            out.print(evaluation_table(part, f"{by} = {value or 'not given'}"))
    if len(found) > 1:
        out.print(mean_table(list(found.values()), f"{data}: mean of {len(found)} models"))


def _evaluation_json(model: str, data: Path, evaluation: Evaluation, parts: dict[str, Evaluation] | None) -> dict[str, Any]:
    from pactag.evaluation import absent_labels

    figures = {"sentences": len(evaluation.rows), **evaluation.figures}
    result: dict[str, Any] = {"model": model, "data": str(data), "figures": figures, "intervals": intervals_json([evaluation])}
    result["absent_labels"] = list(absent_labels(evaluation))
    if parts is not None:
        result["by"] = {
            name: {"sentences": len(part.rows), **part.figures, "intervals": intervals_json([part])} for name, part in parts.items()
        }
    return result


def intervals_json(evaluations: Sequence[Evaluation]) -> dict[str, list[float]]:
    from pactag.evaluation import intervals

    return {name: [item.low, item.high] for name, item in intervals(evaluations).items()}


def sync(
    runs: Annotated[Path, typer.Argument(metavar="FOLDER", help="The `output` of the configs.")] = _RUNS,
) -> None:
    """Send what runs logged while their tracking store was away.

    Each entry is there once, however often this is run.
    """
    from pactag.tracking.sync import sync as send

    if runs != _RUNS and not runs.is_dir():
        raise PactagError(str(runs), "no such folder", f"Name the `output` of the config that was trained, such as {_RUNS}")
    left = 0
    for run in send(runs):
        left += run.left
        out.print(
            escape(
                f"runs:/{run.run_id}: {run.sent} entries sent{f' to {hidden(run.uri)}' if run.uri else ''}"
                + (f", {run.left} left: {run.why}" if run.left else "")
            )
        )
    if left:
        raise typer.Exit(2)
    out.print("nothing is left to send")


def promote(
    run: Annotated[str, typer.Argument(help="Run id, runs:/<id>, or `latest`.")],
    force: Annotated[
        str | None, typer.Option("--force", metavar="REASON", help="Promote a run that is worse than the champion; the reason is recorded.")
    ] = None,
    tracking_uri: StoreOption = None,
) -> None:
    """Register the model of a run and make it the champion: models:/pactag@champion.

    Refused when the run is worse than the champion beyond chance.
    """
    from pactag.promotion import promote as promote_run
    from pactag.tracking import CHAMPION, PREVIOUS, REGISTERED_NAME, Tracker

    tracker = Tracker(tracking_uri)
    done = promote_run(tracker, tracker.run_id_of(run, with_model=True), force=force)
    if done.already:
        out.print(f"models:/{REGISTERED_NAME}@{CHAMPION} is version {done.version} already, of this very run")
        return
    if done.pair is not None:
        out.print(escape(f"against the champion before: {done.pair.summary}"))
    out.print(f"models:/{REGISTERED_NAME}@{CHAMPION} is now version {done.version}")
    if done.before is not None:
        out.print(f"models:/{REGISTERED_NAME}@{PREVIOUS} is version {done.before}")


def rollback(tracking_uri: StoreOption = None) -> None:
    """Make models:/pactag@previous the champion again. What was champion becomes `previous`."""
    from pactag.tracking import CHAMPION, PREVIOUS, REGISTERED_NAME, Tracker

    champion, before = Tracker(tracking_uri).registry.rollback()
    out.print(f"models:/{REGISTERED_NAME}@{CHAMPION} is version {champion} again")
    if before is not None:
        out.print(f"models:/{REGISTERED_NAME}@{PREVIOUS} is version {before}")


def export(
    model: Annotated[str, typer.Argument(help="Model folder, runs:/<id>, models:/<name>@<alias>, or `latest`.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="New folder, without the torch weights. By default the model folder itself.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="onnx|int8|int4|int8-dynamic|packed", help="A form to write; repeatable. By default onnx and int8."),
    ] = None,
    vocabulary: Annotated[
        list[Path] | None,
        typer.Option("--vocabulary", metavar="INPUT", help="Keep only the word pieces of these files or folders. Repeatable."),
    ] = None,
    first_stage: Annotated[
        Path | None,
        typer.Option("--first-stage", metavar="TRAIN", help="Training split (JSONL): let n-grams settle what clearly carries no act."),
    ] = None,
    megabytes: Annotated[
        float | None,
        typer.Option(
            "--megabytes", min=0.1, help=f"With packed: how large its file may be, in millions of bytes. By default {PACKED_MEGABYTES}."
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Labelled JSONL to check on; by default the validation split.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model folder that stands at --output.")] = False,
    tracking_uri: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export an encoder to ONNX, which tags without torch.

    onnx is fp32; int8 and int4 have weights in 8 and 4 bits; int8-dynamic computes in 8 bits as well, which is quicker on processors with
    VNNI; packed computes in 8 bits, and its weights take as few as its size allows: two for 110 million of them. Each is compared with
    torch on the validation split, and one that loses more than half a point of macro-F1 is refused.
    """
    from pactag.export import DEFAULT_FORMS, FORMS
    from pactag.export import export as run
    from pactag.inputs import read_articles

    unknown = [name for name in only or [] if name not in FORMS]
    if unknown:
        raise PactagError("--only", f"is {unknown[0]!r}", f"Allowed: {', '.join(FORMS)}")
    folder = find_model(model, tracking_uri)
    if output is None and folder != Path(model):
        found = "comes with pactag or stands in the tracking store, where nothing is changed"
        raise PactagError(model, found, "Name a new folder: --output FOLDER")
    forms = [form for form in FORMS if form in (only or DEFAULT_FORMS)]
    if megabytes is not None and "packed" not in forms:
        raise PactagError("--megabytes", "is for packed, which is not to be written", "Add --only packed, or leave --megabytes out")
    texts = (text for article in read_articles(vocabulary) for text in (article.title or "", article.text)) if vocabulary else None
    done = run(
        folder,
        output=output,
        data=data,
        forms=forms,
        vocabulary=texts,
        first_stage=first_stage,
        megabytes=PACKED_MEGABYTES if megabytes is None else megabytes,
        replace=replace,
        report=note,
    )
    if as_json:
        show_json({"model": str(done.folder), "checks": {form: check.model_dump() for form, check in done.checks.items()}})
        return
    out.print(export_table(done.checks, f"{done.folder}: against torch"))
    if first_stage is not None:
        settled = max(check.settled for check in done.checks.values())
        out.print(f"the first stage settles {settled:.0%} of these sentences, which the network does not see")
    out.print(f"tag    pactag tag data/examples/*.txt --model {escape(str(done.folder))}")


def load_tagger(model: str, tracking_uri: str | None, *, backend: str | None = None):  # type: ignore[no-untyped-def]
    """A tagger by any of its names, `latest` included."""
    from pactag.tagging import Tagger

    return Tagger.load(find_model(model, tracking_uri), backend=backend)


def find_model(model: str, tracking_uri: str | None) -> Path:
    """The model folder behind any name of a model, `latest`, `default` and those that come with pactag included."""
    from pactag.tagging import resolve_model

    if model == DEFAULT_MODEL:
        model = _champion_or_built_in(tracking_uri)
    if model == "latest":
        from pactag.tracking import Tracker

        model = f"runs:/{Tracker(tracking_uri).run_id_of(model, with_model=True)}"
    return resolve_model(model, tracking_uri=tracking_uri)


def _champion_or_built_in(tracking_uri: str | None) -> str:
    """The champion of the store; without one, the built-in model. No store is made by looking for it."""
    if find_spec("mlflow") is None:
        return BUILT_IN
    from pactag.tracking import CHAMPION, REGISTERED_NAME, Tracker, is_missing, store_uri

    uri = store_uri(tracking_uri)
    if is_missing(uri):
        return BUILT_IN
    if Tracker(uri).registry.aliased(CHAMPION) is None:
        note(escape(f"no run is promoted in {hidden(uri)}: by the built-in model"))
        return BUILT_IN
    return f"models:/{REGISTERED_NAME}@{CHAMPION}"
