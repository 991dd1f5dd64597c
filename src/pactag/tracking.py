"""All that knows MLflow: where runs are recorded, what a run holds, and how models are found again."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.errors import MissingExtraError, TrackingError
from pactag.model_folder import MANIFEST, read_manifest
from pactag.provenance import provenance

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from pactag.corpus.rows import Row

DEFAULT_STORE = Path("experiments/mlflow.db")
DEFAULT_ARTIFACTS = Path("experiments/artifacts")
REGISTERED_NAME = "pactag"
CHAMPION = "champion"
PREVIOUS = "previous"
# The context of the input that a run is measured on in the end.
TESTING = "testing"

_MAX_PARAM = 6000
_SOURCE = {"mlflow.source.name": "pactag", "mlflow.source.type": "LOCAL", "status": "running"}
MODEL_TAG = "pactag.logged_model"


def switch_off_telemetry() -> None:
    """Libraries that pactag calls report nothing to anybody, unless the user said otherwise in the environment."""
    for name, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("HF_HUB_DISABLE_TELEMETRY", "1"), ("DO_NOT_TRACK", "1")):
        os.environ.setdefault(name, value)


def store_uri(uri: str | None = None) -> str:
    """The tracking store: the argument, else MLFLOW_TRACKING_URI, else SQLite in `experiments/`."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DEFAULT_STORE}"


@dataclass(frozen=True)
class Table:
    """A table of a run: named columns of equal length."""

    name: str
    columns: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class LoggedInput:
    """Rows that a run used, and for what."""

    name: str
    context: str
    digest: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class _Registered:
    """A version of a registered model, and the run that trained it."""

    version: str
    run_id: str


class Tracker:
    """One MLflow store."""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = store_uri(uri)
        self._client: MlflowClient | None = None

    @property
    def client(self) -> MlflowClient:
        """The client, connected on first use.

        :raises TrackingError: for a store that MLflow 3 does not take or that cannot be opened.
        """
        if self._client is None:
            mlflow = _mlflow()
            if self.uri.startswith("file:") or "://" not in self.uri:
                fix = f"Use a database such as sqlite:///{DEFAULT_STORE}, or the address of a server"
                raise TrackingError(f"tracking.uri {self.uri!r}", "is a file store, which MLflow 3 does not take", fix)
            if self.uri.startswith("sqlite:///"):
                Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            with _mlflow_errors(self.uri), _quiet_mlflow():
                self._client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                # A fresh database is made on first use: now, where its migration log is not shown.
                self._client.search_experiments(max_results=1)
        return self._client

    def experiment_id(self, name: str) -> str:
        """The experiment of a name, made when it is new, with its artifacts beside the store."""
        with _mlflow_errors(self.uri):
            found = self.client.get_experiment_by_name(name)
            if found is not None:
                if found.lifecycle_stage != "active":
                    fix = "Choose another name, or restore it: mlflow experiments restore"
                    raise TrackingError(f"tracking.experiment {name!r}", "was deleted in this store", fix)
                return str(found.experiment_id)
            location = None
            if self.uri.startswith("sqlite:///"):
                # Stored absolute by MLflow, and relative to the current folder unless it is set here.
                store = Path(self.uri.removeprefix("sqlite:///")).resolve()
                location = (store.parent / DEFAULT_ARTIFACTS.name / name).as_uri()
            tags = {"mlflow.experiment.primaryMetric.name": "test/f1_macro", "mlflow.experimentKind": "custom_model_development"}
            return str(self.client.create_experiment(name, artifact_location=location, tags=tags))

    @contextlib.contextmanager
    def run(
        self, *, experiment: str, name: str, params: Mapping[str, str], tags: Mapping[str, str], parent: str | None = None
    ) -> Iterator[RunRecorder]:
        """A new run that ends as FINISHED, FAILED after an error, or KILLED after an interruption.

        :param parent: id of the run under which the UI shows it.

        The tag `status=completed` is the last thing written: a run without it is not whole.
        """
        family = {"mlflow.parentRunId": parent} if parent else {}
        with _mlflow_errors(self.uri):
            run = self.client.create_run(self.experiment_id(experiment), run_name=name, tags={**tags, **family, **_SOURCE, **provenance()})
        recorder = RunRecorder(self, run.info.run_id, run.info.experiment_id)
        started = time.monotonic()
        status = "FAILED"
        try:
            recorder.params(params)
            yield recorder
            recorder.metrics({"speed/wall_seconds": time.monotonic() - started})
            recorder.tags({"status": "completed"})
            status = "FINISHED"
        except (KeyboardInterrupt, SystemExit):
            status = "KILLED"
            raise
        finally:
            self.client.set_terminated(run.info.run_id, status=status)

    def get_run(self, run_id: str) -> Run:
        """A run by its id.

        :raises TrackingError: when the store has none.
        """
        mlflow = _mlflow()
        try:
            return self.client.get_run(run_id)
        except mlflow.exceptions.MlflowException:
            fix = f"List them with: pactag ui, or mlflow runs list (store: {self.uri})"
            raise TrackingError(f"run {run_id!r}", "is not in this store", fix) from None

    def run_id_of(self, name: str) -> str:
        """The id behind a run id, `runs:/<id>`, `models:/<name>@<alias>`, or `latest`: the newest whole run of the store.

        :raises TrackingError: when no run is whole, or no model version has that alias.
        """
        registered, at, alias = name.removeprefix("models:/").partition("@")
        if name.startswith("models:/") and at:
            version = self._aliased(alias, name=registered)
            if version is None:
                raise TrackingError(name, "is not in this store", "Promote a run first: pactag promote latest")
            return version.run_id
        if name != "latest":
            return name.removeprefix("runs:/").strip("/")
        with _mlflow_errors(self.uri):
            experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
            found = self.client.search_runs(
                experiments, filter_string="tags.status = 'completed'", max_results=1, order_by=["attributes.start_time DESC"]
            )
        if not found:
            raise TrackingError(f"store {self.uri}", "has no whole run", "Train one first: pactag train configs/quick.yaml")
        return str(found[0].info.run_id)

    def download_model(self, address: str) -> Path:
        """The model folder behind `runs:/<id>`, `models:/<name>@<alias>`, `models:/<name>/<version>` or `models:/<logged id>`.

        :raises TrackingError: when the store has no such run, model or alias.
        """
        mlflow = _mlflow()
        with _mlflow_errors(self.uri, about=address, fix="Promote a run first (pactag promote latest), or name a model folder"):
            if address.startswith("runs:/"):
                run = self.get_run(address.removeprefix("runs:/").strip("/"))
                model_id = run.data.tags.get(MODEL_TAG)
                if model_id is None:
                    raise TrackingError(address, "saved no model", "Take a run with the tag status=completed")
                address = f"models:/{model_id}"
            # The registry of this very store, whatever the process-wide default is.
            with _store(mlflow, self.uri):
                local = Path(mlflow.artifacts.download_artifacts(artifact_uri=address))
        folder = next((local / "data").glob(f"*/{MANIFEST}"), local / MANIFEST).parent
        if not (folder / MANIFEST).is_file():
            raise TrackingError(address, "was not saved by pactag", "Name a run or model that `pactag train` made")
        return folder

    def logged_table(self, run_id: str, name: str) -> Table:
        """A table that a run holds.

        :raises TrackingError: when the run has none of that name, or it cannot be read.
        """
        path = f"tables/{name}.json"
        with _mlflow_errors(self.uri, about=f"run {run_id!r}"), tempfile.TemporaryDirectory() as folder:
            if path not in {item.path for item in self.client.list_artifacts(run_id, "tables")}:
                raise TrackingError(f"run {run_id!r}", f"holds no table {name}", "Take a run of `pactag train` that ended well")
            text = Path(self.client.download_artifacts(run_id, path, folder)).read_text(encoding="utf-8")
        try:
            data = json.loads(text)
            columns = {column: [row[i] for row in data["data"]] for i, column in enumerate(data["columns"])}
        except (json.JSONDecodeError, KeyError, IndexError, TypeError):
            raise TrackingError(f"run {run_id!r}", f"its table {name} is damaged", "Train again") from None
        return Table(name, columns)

    def replace_table(self, run_id: str, table: Table) -> None:
        """Write a table into a run that has ended; one of that name from before goes, where MLflow's own call would append to it."""
        import pandas as pd

        path = f"tables/{table.name}.json"
        with _mlflow_errors(self.uri, about=f"run {run_id!r}"):
            if path in {item.path for item in self.client.list_artifacts(run_id, "tables")}:
                text = pd.DataFrame(dict(table.columns)).to_json(orient="split", index=False, date_format="iso", default_handler=str)
                self.client.log_text(run_id, text, path)
            else:
                RunRecorder(self, run_id, self.get_run(run_id).info.experiment_id).table(table)

    def test_data_digest(self, run_id: str) -> str:
        """The digest of the test split that a run was measured on.

        :raises TrackingError: when the run logged none.
        """
        for item in self.get_run(run_id).inputs.dataset_inputs:
            contexts = [tag.value for tag in item.tags if tag.key == "mlflow.data.context"]
            if contexts == [TESTING] and item.dataset.name == "test":
                return str(item.dataset.digest)
        raise TrackingError(f"run {run_id!r}", "does not say which test data it was measured on", "Take a run of `pactag train`")

    def model_of(self, run_id: str) -> str:
        """The id of the LoggedModel of a whole run.

        :raises TrackingError: for a run that is not whole or saved no model.
        """
        tags = self.get_run(run_id).data.tags
        if tags.get("status") != "completed":
            raise TrackingError(f"run {run_id!r}", "is not whole (no tag status=completed)", "Promote a run that ended well")
        if MODEL_TAG not in tags:
            raise TrackingError(f"run {run_id!r}", "saved no model", "Promote a run whose config has save: true")
        return str(tags[MODEL_TAG])

    def promote(self, run_id: str, *, name: str = REGISTERED_NAME, tags: Mapping[str, str] | None = None) -> tuple[str, str | None]:
        """Register the model of a run, move the alias `champion` to it and keep the old one as `previous`.

        :param tags: further tags of the model version.

        Returns the new version and the version that was champion before.
        """
        mlflow = _mlflow()
        model_id = self.model_of(run_id)
        with _mlflow_errors(self.uri), _store(mlflow, self.uri):
            before = self.alias_version(CHAMPION, name=name)
            with _quiet_mlflow():
                registered = mlflow.register_model(f"models:/{model_id}", name, tags={**(tags or {}), "run_id": run_id})
            if before is not None and before != registered.version:
                self.client.set_registered_model_alias(name, PREVIOUS, before)
            self.client.set_registered_model_alias(name, CHAMPION, registered.version)
        return str(registered.version), before

    def rollback(self, *, name: str = REGISTERED_NAME) -> tuple[str, str | None]:
        """Make `previous` the champion again; what was champion becomes `previous`, so that a second call takes the first one back.

        Returns the version that is champion now and the one that was.

        :raises TrackingError: when no version is `previous`.
        """
        previous, champion = self.alias_version(PREVIOUS, name=name), self.alias_version(CHAMPION, name=name)
        if previous is None:
            fix = "There is one after a second promotion: pactag promote RUN"
            raise TrackingError(f"models:/{name}@{PREVIOUS}", f"is not in this store ({self.uri})", fix)
        with _mlflow_errors(self.uri):
            self.client.set_registered_model_alias(name, CHAMPION, previous)
            if champion is not None:
                self.client.set_registered_model_alias(name, PREVIOUS, champion)
        return previous, champion

    def alias_version(self, alias: str, *, name: str = REGISTERED_NAME) -> str | None:
        """The version an alias points to, or None."""
        found = self._aliased(alias, name=name)
        return found.version if found else None

    def alias_run(self, alias: str, *, name: str = REGISTERED_NAME) -> str | None:
        """The run whose model an alias points to, or None."""
        found = self._aliased(alias, name=name)
        return found.run_id if found else None

    def _aliased(self, alias: str, *, name: str) -> _Registered | None:
        mlflow = _mlflow()
        try:
            found = self.client.get_model_version_by_alias(name, alias)
        except mlflow.exceptions.MlflowException:
            return None
        return _Registered(str(found.version), str(found.tags.get("run_id") or found.run_id))


@dataclass
class RunRecorder:
    """Writes into one run, by its id: nothing hangs on what MLflow holds to be the active run."""

    tracker: Tracker
    run_id: str
    experiment_id: str

    def params(self, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        items = [Param(key, value[:_MAX_PARAM]) for key, value in params.items()]
        for start in range(0, len(items), 100):
            self.tracker.client.log_batch(self.run_id, params=items[start : start + 100])

    def metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        items = [Metric(key, float(value), now, step or 0) for key, value in metrics.items()]
        self.tracker.client.log_batch(self.run_id, metrics=items)

    def tags(self, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            self.tracker.client.set_tag(self.run_id, key, value)

    def text(self, content: str, name: str) -> None:
        self.tracker.client.log_text(self.run_id, content, name)

    def table(self, table: Table) -> None:
        import pandas as pd

        self.tracker.client.log_table(self.run_id, pd.DataFrame(dict(table.columns)), f"tables/{table.name}.json")

    def inputs(self, inputs: Sequence[LoggedInput]) -> None:
        """The data as inputs of the run, each with its digest."""
        import mlflow.data
        import pandas as pd
        from mlflow.entities import DatasetInput, InputTag

        logged = []
        for item in inputs:
            frame = pd.DataFrame({"text": [r.text for r in item.rows], "labels": [" ".join(r.labels) for r in item.rows]})
            with warnings.catch_warnings():
                # It warns that a path can be taken for two kinds of local file that are one and the same.
                warnings.simplefilter("ignore", UserWarning)
                data = mlflow.data.from_pandas(frame, source=item.name, name=Path(item.name).stem, digest=item.digest[:32])
            logged.append(DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", item.context)]))
        self.tracker.client.log_inputs(self.run_id, datasets=logged)

    def model(self, folder: Path, *, example: Mapping[str, str]) -> str:
        """Log a model folder as a LoggedModel that `mlflow.pyfunc.load_model` loads. Returns its id.

        The run's metrics and params are linked to it, so log them first. No pickle is written: the folder is data, and the loader
        module reads it.
        """
        mlflow = _mlflow()
        from mlflow.models import Model
        from mlflow.models.signature import ModelSignature
        from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

        from pactag.serving import ROWS, SENTENCES

        signature = ModelSignature(
            inputs=Schema([ColSpec("string", "text"), ColSpec("string", "id", required=False), ColSpec("string", "title", required=False)]),
            outputs=Schema(
                [
                    ColSpec("string", "id"),
                    ColSpec("long", "index"),
                    ColSpec("long", "start"),
                    ColSpec("long", "end"),
                    ColSpec("string", "text"),
                    ColSpec(Array(DataType.string), "labels"),
                    ColSpec(Array(DataType.string), "uncertain"),
                    *(ColSpec("double", f"score_{name}") for name in read_manifest(folder).labels),
                ]
            ),
            params=ParamSchema([ParamSpec(ROWS, DataType.string, SENTENCES)]),
        )
        with _store(mlflow, self.tracker.uri), _quiet_mlflow(), _mlflow_errors(self.tracker.uri):
            info = Model.log(
                name="model",
                artifact_path=None,
                flavor=mlflow.pyfunc,
                run_id=self.run_id,
                loader_module="pactag.serving",
                data_path=str(folder),
                signature=signature,
                input_example=dict(example),
                pip_requirements=[f"pactag[train]=={version('pactag')}"],
            )
        self.tags({MODEL_TAG: info.model_id})
        return str(info.model_id)


def _mlflow() -> Any:
    switch_off_telemetry()
    try:
        import mlflow
    except ModuleNotFoundError:
        raise MissingExtraError("Tracking, and addresses such as models:/ and runs:/", "train") from None
    return mlflow


@contextlib.contextmanager
def _store(mlflow: Any, uri: str) -> Iterator[None]:
    """MLflow's fluent functions on one store; what the process used before comes back after."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    environment = {name: os.environ.get(name) for name in names}
    chosen = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_registry_uri(None)
        mlflow.set_tracking_uri(chosen)
        # MLflow writes what it is set to into the environment as well, where child processes would find it.
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _quiet_mlflow() -> Iterator[None]:
    """Its advice on inferred types and paths is no concern of somebody who trains a pactag model."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _mlflow_errors(
    uri: str, *, about: str | None = None, fix: str = "Check the address, and that the store is there and can be written"
) -> Iterator[None]:
    mlflow = _mlflow()
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        found = str(error).splitlines()[0][:300]
        raise TrackingError(about or f"store {uri}", found, fix) from None
