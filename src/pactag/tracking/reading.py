"""What a run that has ended holds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from pactag.errors import TrackingError
from pactag.tracking.contents import TESTING, Table
from pactag.tracking.library import mlflow_errors
from pactag.tracking.tracker import Tracker


def logged_text(tracker: Tracker, run_id: str, path: str, *, what: str | None = None) -> str:
    """A text artifact of a run.

    :param what: what an error calls it; by default its path.
    :raises TrackingError: when there is no such store, or the run has none of that name.
    """
    tracker.must_be_there()
    folder = str(Path(path).parent)
    with mlflow_errors(tracker.uri, about=f"run {run_id!r}"), tempfile.TemporaryDirectory() as place:
        if path not in {item.path for item in tracker.client.list_artifacts(run_id, None if folder == "." else folder)}:
            raise TrackingError(f"run {run_id!r}", f"holds no {what or path}", "Take a run of `pactag train` that ended well")
        return Path(tracker.client.download_artifacts(run_id, path, place)).read_text(encoding="utf-8")


def logged_table(tracker: Tracker, run_id: str, name: str) -> Table:
    """A table that a run holds.

    :raises TrackingError: when the run has none of that name, or it cannot be read.
    """
    text = logged_text(tracker, run_id, f"tables/{name}.json", what=f"table {name}")
    try:
        data = json.loads(text)
        columns = {column: [row[i] for row in data["data"]] for i, column in enumerate(data["columns"])}
    except (json.JSONDecodeError, KeyError, IndexError, TypeError):
        raise TrackingError(f"run {run_id!r}", f"its table {name} is damaged", "Train again") from None
    return Table(name, columns)


def input_digests(tracker: Tracker, run_id: str) -> dict[str, str]:
    """The digest of each data set that a run used, by name: `train` (what was learnt from), `validation`, `test`, and further ones."""
    return {item.dataset.name: str(item.dataset.digest) for item in tracker.get_run(run_id).inputs.dataset_inputs}


def digest_of_test_data(tracker: Tracker, run_id: str) -> str:
    """The digest of the test split that a run was measured on.

    :raises TrackingError: when the run logged none.
    """
    for item in tracker.get_run(run_id).inputs.dataset_inputs:
        contexts = [tag.value for tag in item.tags if tag.key == "mlflow.data.context"]
        if contexts == [TESTING] and item.dataset.name == "test":
            return str(item.dataset.digest)
    raise TrackingError(f"run {run_id!r}", "does not say which test data it was measured on", "Take a run of `pactag train`")
