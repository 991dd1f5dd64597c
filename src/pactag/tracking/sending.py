"""Sending entries to the store. Each kind may be sent twice and is there once."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.errors import TrackingError
from pactag.tracking.library import fluent_store, import_mlflow, quiet_mlflow
from pactag.tracking.logged_model import log_model
from pactag.tracking.outbox import Entry

if TYPE_CHECKING:
    from mlflow import MlflowClient

_BATCH = 1000
# Of MLflow, which cuts longer ones in silence.
_LONGEST_TAG = 8000
# Whose errors say that a place for artifacts does not answer, or refuses: they have no base in common.
_CLIENTS = frozenset({"azure", "boto3", "botocore", "google", "paramiko", "pysftp", "s3transfer", "urllib3"})


class Unreachable(Exception):  # noqa: N818 - it says what the store is
    """The store did not take an entry, and may do so later."""


def send(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    """Log one entry.

    :raises Unreachable: when the store does not answer, or not now.
    :raises TrackingError: for what it will never take, and when the model folder to be logged is gone.
    """
    mlflow = import_mlflow()
    try:
        # Its retries are told as warnings, and there is one word on them already.
        with quiet_mlflow():
            _KINDS[entry.kind](client, uri, run_id, entry)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE":
            raise TrackingError(f"run {run_id!r}", _first_line(error), "The store will never take it") from None
        raise Unreachable(_first_line(error)) from error
    except ModuleNotFoundError as error:
        raise TrackingError(uri, f"keeps artifacts where the package {error.name} is needed", f"pip install {error.name}") from None
    except OSError as error:
        # Those of requests are among them.
        raise Unreachable(_first_line(error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        raise Unreachable(_first_line(error)) from error


def _metrics(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    from mlflow.entities import Metric

    # The store keeps one of several that agree in name, value, time and step.
    items = [Metric(*values) for values in entry.values["metrics"]]
    for start in range(0, len(items), _BATCH):
        client.log_batch(run_id, metrics=items[start : start + _BATCH])


def _params(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    from mlflow.entities import Param

    items = [Param(name, value) for name, value in entry.values.items()]
    for start in range(0, len(items), 100):
        client.log_batch(run_id, params=items[start : start + 100])


def _tags(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in entry.values.items()])


def _file(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    path = Path(entry.values["path"])
    with tempfile.TemporaryDirectory(prefix="pactag-") as folder:
        local = Path(folder) / path.name
        local.write_bytes(entry.content or b"")
        client.log_artifact(run_id, str(local), str(path.parent) if path.parent != Path() else None)


def _table(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    # Not by `log_table`, which appends to a table that is there.
    _file(client, uri, run_id, entry)
    tag = "mlflow.loggedArtifacts"
    try:
        listed = json.loads(client.get_run(run_id).data.tags.get(tag, "[]"))
    except ValueError:
        # A store cut it.
        return
    item = {"path": entry.values["path"], "type": "table"}
    now = json.dumps([*listed, item])
    # Only the evaluation page of the UI reads it; the table is there in any case.
    if item not in listed and len(now) <= _LONGEST_TAG:
        client.set_tag(run_id, tag, now)


def _inputs(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    given = [
        DatasetInput(Dataset(**item["dataset"]), [InputTag("mlflow.data.context", item["context"])]) for item in entry.values["inputs"]
    ]
    client.log_inputs(run_id, datasets=given)


def _model(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    folder = Path(entry.values["folder"])
    if not folder.is_dir():
        raise TrackingError(str(folder), "was to be logged, and is gone", "Bring the model folder back; without it, the run is not whole")
    with fluent_store(import_mlflow(), uri):
        log_model(client, run_id, folder, example=entry.values["example"])


def _end(client: MlflowClient, uri: str, run_id: str, entry: Entry) -> None:
    client.set_terminated(run_id, status=entry.values["status"], end_time=entry.values["time"])


_KINDS: dict[str, Any] = {
    "metrics": _metrics,
    "params": _params,
    "tags": _tags,
    "file": _file,
    "table": _table,
    "inputs": _inputs,
    "model": _model,
    "end": _end,
}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
