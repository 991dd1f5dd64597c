"""What the experiment's page of the UI shows first: a saved view, with the columns that matter chosen.

The UI keeps saved views as tags of the experiment, and opens one by its key in the address. Their form is read from MLflow 3.17; older
ones ignore the tag.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pactag.tracking.library import mlflow_errors
from pactag.tracking.tracker import Tracker

if TYPE_CHECKING:
    from mlflow.entities import Experiment

_KEY = "pactag"
_TAG = f"mlflow.sharedViewState.{_KEY}"
# Chosen on, or measured while training: not among the results of a run.
_NOT_RESULTS = ("dev", "best_dev", "test", "sweep")
_PARAMS = ("model.kind", "seed", "data.train_share", "training.learning_rate")


def page_of_runs(tracker: Tracker, *, experiment: str | None = None) -> str:
    """The path of the page of an experiment's runs in the UI, with the view of pactag, which is saved there.

    :param experiment: its name; by default the one with the newest run.

    A view that a person has changed in the UI is left as it is. The path is empty for a store without runs.
    """
    with mlflow_errors(tracker.uri):
        known = tracker.client.search_experiments()
        if experiment is not None:
            known = [found for found in known if found.name == experiment]
        runs = tracker.client.search_runs(
            [found.experiment_id for found in known], order_by=["attributes.start_time DESC"], max_results=100
        )
        if not runs:
            return ""
        chosen = next(found for found in known if found.experiment_id == runs[0].info.experiment_id)
        metrics = {name for run in runs if run.info.experiment_id == chosen.experiment_id for name in run.data.metrics}
        _save(tracker, chosen, columns(metrics))
    return f"/#/experiments/{chosen.experiment_id}/runs?viewStateShareKey={_KEY}&workflowType=machine_learning"


def columns(metrics: Iterable[str]) -> list[str]:
    """The columns by their keys in the UI: where the model stands in the registry, results, and what differs most often between runs.

    :param metrics: the names of all figures of the runs.
    """
    found = sorted(metrics)
    groups = [name.removesuffix("/f1_macro") for name in found if re.fullmatch("[^/]+/f1_macro", name)]
    results = ["test", *(group for group in groups if group not in _NOT_RESULTS)]
    wanted = [f"{group}/f1_macro" for group in results]
    wanted += [name for name in found if re.fullmatch("test/[^/]+/f1", name)]
    wanted += ["best_dev/f1_macro", "speed/fit_seconds", "speed/tag_sentences_per_second"]
    return ["attributes.`Models`", *(f"metrics.`{name}`" for name in wanted), *(f"params.`{name}`" for name in _PARAMS)]


def _save(tracker: Tracker, experiment: Experiment, chosen: list[str]) -> None:
    old = _read(experiment.tags.get(_TAG))
    if old and old.get("updatedAt") != old.get("createdAt"):
        return
    # Wide enough for their names. The order is that of the list; left empty, the UI sorts by name.
    widths = {column: max(110, 50 + 7 * len(column.split("`")[1])) for column in chosen}
    state = json.dumps({"selectedColumns": chosen, "columnOrder": chosen, "columnWidths": widths, "runsHiddenMode": "FIRST_20_RUNS"})
    if old.get("state") == state:
        return
    now = int(time.time() * 1000)
    envelope = {"name": "pactag: results", "createdAt": now, "updatedAt": now, "state": state}
    tracker.client.set_experiment_tag(experiment.experiment_id, _TAG, json.dumps(envelope))


def _read(tag: str | None) -> dict[str, object]:
    try:
        found = json.loads(tag or "{}")
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
