"""One store of runs: its experiments, its runs, and the models behind their names."""

from __future__ import annotations

import atexit
import contextlib
import getpass
import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pactag.errors import TrackingError
from pactag.model_folder import MANIFEST
from pactag.provenance import MACHINE, RESUMED, provenance
from pactag.tracking.contents import Pruned
from pactag.tracking.library import (
    ALREADY_EXISTS,
    DEFAULT_STORE,
    fluent_store,
    import_mlflow,
    is_missing,
    mlflow_errors,
    opening,
    quiet_mlflow,
    says_nothing_there,
    sqlite_file,
    store_uri,
)
from pactag.tracking.logged_model import MODEL_TAG
from pactag.tracking.machine import watched
from pactag.tracking.outbox import Outbox
from pactag.tracking.recorder import RunRecorder
from pactag.tracking.registry import REGISTERED_NAME, Registry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DEFAULT_ARTIFACTS = Path("experiments/artifacts")
# Experiments of other names, such as `/Users/me/talks`, keep their artifacts in a folder that is called alike.
_FOLDER_NAME = re.compile(r"\w[\w .()+,=-]{0,58}[\w)]|\w")
_LONGEST_FOLDER = 40

# The first chart, the view for trained models, and what the experiment's page says of itself.
_EXPERIMENT = {
    "mlflow.experiment.primaryMetric.name": "test/f1_macro",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": (
        "Classifiers of speech acts in the news, trained by pactag.\n\n"
        "- `dev/`: validation split while training, by step, each label at its best threshold\n"
        "- `best_dev/`: validation split, the model that was kept, at the thresholds that were chosen on it\n"
        "- `test/`: test split; further groups are the files of `data.also_measure`\n"
        "- `speed/`: seconds and sentences per second\n\n"
        "`tags.status = 'completed'` finds the runs that are whole. Parents of seeds and sweeps hold the means and the pictures of their "
        "children."
    ),
}
# Left to itself, the UI draws the colour of a run from its id, and two runs that are compared often share one.
_COLOR = "mlflow.runColor"
_COLORS = ("#1f77b4", "#d1691f", "#2e8b57", "#a6428f", "#8a6d00", "#4b5ab0", "#c23b4b", "#1d9a9a", "#7a5540", "#6b7076")
# Tags of a parent that its children have as well.
_OF_THE_FAMILY = ("group", "group.name", "study")
_SOURCE = {"mlflow.source.name": "pactag", "mlflow.source.type": "LOCAL", "status": "running"}


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
            mlflow = import_mlflow()
            if self.uri.startswith("file:") or "://" not in self.uri:
                fix = f"Use a database such as sqlite:///{DEFAULT_STORE}, or the address of a server"
                raise TrackingError(f"tracking.uri {self.uri!r}", "is a file store, which MLflow 3 does not take", fix)
            with opening(self.uri), mlflow_errors(self.uri), quiet_mlflow():
                client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                # A fresh database is made on first use: now, where its migration log is not shown.
                client.search_experiments(max_results=1)
            self._client = client
        return self._client

    def must_be_there(self) -> None:
        """Refuse to look anything up in a store that MLflow would only make for it.

        :raises TrackingError: when the store is a SQLite file that is not there.
        """
        if is_missing(self.uri):
            fix = "Train a run first (pactag train configs/quick.yaml), or name another store: --tracking-uri"
            raise TrackingError(f"store {self.uri}", "is not there", fix)

    @property
    def registry(self) -> Registry:
        """The registered models of this store.

        :raises TrackingError: when there is no such store.
        """
        self.must_be_there()
        return Registry(self.client, self.uri)

    def experiment_id(self, name: str) -> str:
        """The experiment of a name, made when it is new, with its artifacts beside the store."""
        with mlflow_errors(self.uri):
            found = self.client.get_experiment_by_name(name)
            if found is not None:
                if found.lifecycle_stage != "active":
                    fix = "Choose another name, or restore it: mlflow experiments restore"
                    raise TrackingError(f"tracking.experiment {name!r}", "was deleted in this store", fix)
                return str(found.experiment_id)
            location = None
            file = sqlite_file(self.uri)
            if file is not None:
                # Stored absolute by MLflow, and relative to the current folder unless it is set here.
                location = (file.resolve().parent / DEFAULT_ARTIFACTS.name / _folder_of(name)).as_uri()
            try:
                return str(self.client.create_experiment(name, artifact_location=location, tags=_EXPERIMENT))
            except import_mlflow().exceptions.MlflowException as error:
                # Two first runs at once: one makes it, both have it.
                found = self.client.get_experiment_by_name(name) if error.error_code == ALREADY_EXISTS else None
                if found is None:
                    raise
                return str(found.experiment_id)

    @contextlib.contextmanager
    def run(
        self,
        *,
        experiment: str,
        name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        parent: str | None = None,
        watch_machine: bool = False,
        unsent: Path | None = None,
        resume: str | None = None,
        seconds_before: float = 0.0,
    ) -> Iterator[RunRecorder]:
        """A new run, or one that goes on, that ends as FINISHED, FAILED after an error, or KILLED after an interruption.

        :param parent: id of the run under which the UI shows it; what the family is called is a tag of the child as well, since filters do
            not inherit.
        :param watch_machine: log system metrics while it runs.
        :param unsent: folder that keeps, in one of its own, what the store does not take once the run has begun; without it, that is an
            error.
        :param resume: id of a run that was cut off, and goes on; what it has already is not logged a second time.
        :param seconds_before: how long it took until it was cut off, as far as that was kept.

        The tag `status=completed` is the last thing written: a run without it is not whole. A run that ends with `Pruned` has
        `status=pruned`.
        """
        recorder = self.recorder(resume) if resume else self.start(experiment=experiment, name=name, tags=tags, parent=parent)
        if unsent is not None:
            recorder.outbox = Outbox(unsent / recorder.run_id, run_id=recorder.run_id, uri=self.uri)
        if resume:
            recorder.resume()
            before = self.get_run(resume).data
            recorder.known = set(before.metrics)
            # Its tags say where it began; these, what was otherwise when it went on.
            now = {**dict.fromkeys((*MACHINE, "git.commit"), ""), **provenance()}
            changed = {f"{RESUMED}{name}": now[name] for name in (*MACHINE, "git.commit") if before.tags.get(name, "") != now[name]}
            family = {**self._tags_to_inherit(parent), "mlflow.parentRunId": parent} if parent else {}
            if changed or family:
                recorder.tags({**changed, **family})
        started = time.monotonic()
        status = "FAILED"
        try:
            recorder.params(params)
            with watched(recorder.system_metrics, since=recorder.age if resume else 0.0) if watch_machine else contextlib.nullcontext():
                yield recorder
            recorder.metrics({"speed/wall_seconds": seconds_before + time.monotonic() - started})
            recorder.tags({"status": "completed"})
            status = "FINISHED"
        except (KeyboardInterrupt, SystemExit):
            status = "KILLED"
            raise
        except Pruned:
            recorder.tags({"status": "pruned"})
            status = "FINISHED"
            raise
        finally:
            recorder.end(status)

    def start(self, *, experiment: str, name: str, tags: Mapping[str, str], parent: str | None = None) -> RunRecorder:
        """A new run whose end is up to the caller; `run` is the one to use for whatever ends in the same process."""
        family = {**self._tags_to_inherit(parent), "mlflow.parentRunId": parent} if parent else {}
        with mlflow_errors(self.uri):
            place = self.experiment_id(experiment)
            own = {_COLOR: self._next_color(place), **_user(), **_SOURCE, **provenance()}
            run = self.client.create_run(place, run_name=name, tags={**family, **tags, **own})
        return RunRecorder(self.client, self.uri, run.info.run_id, started=run.info.start_time)

    def _next_color(self, experiment_id: str) -> str:
        newest = self.client.search_runs([experiment_id], max_results=1, order_by=["attributes.start_time DESC"])
        last = newest[0].data.tags.get(_COLOR) if newest else None
        return _COLORS[(_COLORS.index(last) + 1) % len(_COLORS)] if last in _COLORS else _COLORS[0]

    def _tags_to_inherit(self, parent: str) -> dict[str, str]:
        return {name: value for name, value in self.get_run(parent).data.tags.items() if name in _OF_THE_FAMILY}

    def recorder(self, run_id: str) -> RunRecorder:
        """What writes into a run that is there already."""
        return RunRecorder(self.client, self.uri, run_id, started=self.get_run(run_id).info.start_time)

    def get_run(self, run_id: str) -> Run:
        """A run by its id.

        :raises TrackingError: when the store has none.
        """
        mlflow = import_mlflow()
        if is_missing(self.uri):
            fix = f"There is no store {self.uri}: name another with --tracking-uri"
            raise TrackingError(f"run {run_id!r}", "is not in this store", fix)
        try:
            return self.client.get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            if not says_nothing_there(error):
                with mlflow_errors(self.uri):
                    raise
            fix = f"List them with: pactag ui, or mlflow runs list (store: {self.uri})"
            raise TrackingError(f"run {run_id!r}", "is not in this store", fix) from None

    def children(self, run_id: str) -> list[Run]:
        """The runs of which a run is the parent, oldest first."""
        experiment = self.get_run(run_id).info.experiment_id
        return self.search(experiment, f"tags.mlflow.parentRunId = '{run_id}'")[::-1]

    def search(self, experiment_id: str, condition: str) -> list[Run]:
        """Every run of an experiment that meets a condition in MLflow's search language, newest first."""
        found: list[Run] = []
        token = None
        with mlflow_errors(self.uri):
            while True:
                order = ["attributes.start_time DESC"]
                page = self.client.search_runs([experiment_id], condition, order_by=order, page_token=token)
                found += page
                token = page.token
                if not token:
                    return found

    def run_id_of(self, name: str, *, with_model: bool = False) -> str:
        """The id behind a run id, `runs:/<id>`, `models:/<name>@<alias>`, or `latest`: the newest whole run of the store.

        :param with_model: for `latest` the newest whole run that saved a model: studies, sweeps and parents of several runs leave runs
            without one.
        :raises TrackingError: when no run is whole, or no model version has that alias.
        """
        registered, at, alias = name.removeprefix("models:/").partition("@")
        if name.startswith("models:/") and at:
            version = self.registry.aliased(alias, name=registered)
            if version is None:
                raise TrackingError(name, "is not in this store", "Promote a run first: pactag promote latest")
            return version.run_id
        if name != "latest":
            return name.removeprefix("runs:/").strip("/")
        self.must_be_there()
        with mlflow_errors(self.uri):
            experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
            condition = "tags.status = 'completed'" + (f" and tags.{MODEL_TAG} LIKE '%'" if with_model else "")
            found = self.client.search_runs(experiments, filter_string=condition, max_results=1, order_by=["attributes.start_time DESC"])
        if not found:
            what = "has no whole run that saved a model" if with_model else "has no whole run"
            raise TrackingError(f"store {self.uri}", what, "Train one first: pactag train configs/quick.yaml")
        return str(found[0].info.run_id)

    def download_model(self, address: str) -> Path:
        """The model folder behind `runs:/<id>`, `models:/<name>@<alias>`, `models:/<name>/<version>` or `models:/<logged id>`.

        :raises TrackingError: when there is no such store, or it has no such run, model or alias.
        """
        mlflow = import_mlflow()
        self.must_be_there()
        with mlflow_errors(self.uri, about=address, fix="Promote a run first (pactag promote latest), or name a model folder"):
            if address.startswith("runs:/"):
                run = self.get_run(address.removeprefix("runs:/").strip("/"))
                model_id = run.data.tags.get(MODEL_TAG)
                if model_id is None:
                    raise TrackingError(address, *_no_model(run))
                address = f"models:/{model_id}"
            # The registry of this very store, whatever the process-wide default is.
            with fluent_store(mlflow, self.uri):
                local = Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=self._place_for_copies()))
        folder = next((local / "data").glob(f"*/{MANIFEST}"), local / MANIFEST).parent
        if not (folder / MANIFEST).is_file():
            raise TrackingError(address, "was not saved by pactag", "Name a run or model that `pactag train` made")
        return folder

    def _place_for_copies(self) -> str | None:
        """A folder that goes with the process, for what a server sends; a store on this machine has the files, and copies nothing."""
        if not self.uri.startswith(("http:", "https:")):
            return None
        place = tempfile.mkdtemp(prefix="pactag-")
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        return place

    def model_of(self, run_id: str) -> str:
        """The id of the LoggedModel of a whole run.

        :raises TrackingError: for a run that is not whole or saved no model.
        """
        run = self.get_run(run_id)
        tags = run.data.tags
        if tags.get("status") != "completed":
            raise TrackingError(f"run {run_id!r}", "is not whole (no tag status=completed)", "Promote a run that ended well")
        if MODEL_TAG not in tags:
            raise TrackingError(f"run {run_id!r}", *_no_model(run))
        return str(tags[MODEL_TAG])

    def promote(self, run_id: str, *, name: str = REGISTERED_NAME, tags: Mapping[str, str] | None = None) -> tuple[str, str | None]:
        """Make the model of a whole run the champion, unconditionally: see `Registry.promote`, and `promotion` for the conditions."""
        return self.registry.promote(run_id, self.model_of(run_id), name=name, tags=tags or {})


def _no_model(run: Run) -> tuple[str, str]:
    """Why a run has no model, and what to do."""
    if run.data.params.get("save") == "False":
        return "saved no model: its config has save: false", "Train it with save=true, or take another run, such as `latest`"
    return "saved no model", "Take a run with the tag status=completed that is not the parent of others"


def _user() -> dict[str, str]:
    """Who started the run, for teams; nothing where the system has no name for it, as in some containers."""
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError, ImportError):
        return {}


def _folder_of(experiment: str) -> str:
    """Where the artifacts of an experiment go, below those of the store: its name, if that can be a folder there."""
    if _FOLDER_NAME.fullmatch(experiment):
        return experiment
    readable = re.sub(r"[^\w .-]+", "_", experiment).strip(" ._")[:_LONGEST_FOLDER]
    return f"{readable}-{hashlib.sha256(experiment.encode()).hexdigest()[:8]}".lstrip("-")
