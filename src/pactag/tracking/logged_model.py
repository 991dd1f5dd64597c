"""A model folder as MLflow's LoggedModel, which `mlflow.pyfunc.load_model` loads."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.model_folder import read_manifest
from pactag.tracking.library import import_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

# The tag that names the LoggedModel of a run.
MODEL_TAG = "pactag.logged_model"


def log_model(client: MlflowClient, run_id: str, folder: Path, *, example: Mapping[str, str]) -> str:
    """Log a model folder for a run, on the store that MLflow's fluent functions are set to. Returns the id; a run has one.

    The run's metrics and params are linked to it, so log them first. No pickle is written: the folder is data, and the loader module
    reads it.
    """
    mlflow = import_mlflow()
    from mlflow.models import Model

    run = client.get_run(run_id)
    model = _of_run(client, run)
    if model is None:
        # Left to itself, MLflow puts the model into its default experiment, and its files into the working folder.
        model = client.create_logged_model(run.info.experiment_id, name="model", source_run_id=run_id, params=dict(run.data.params))
    if str(model.status) != "READY":
        Model.log(
            name="model",
            model_id=model.model_id,
            artifact_path=None,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            loader_module="pactag.serving",
            data_path=str(folder),
            signature=_signature(read_manifest(folder).labels),
            input_example=dict(example),
            pip_requirements=[f"pactag[train]=={version('pactag')}"],
        )
    client.set_tag(run_id, MODEL_TAG, model.model_id)
    return str(model.model_id)


def _of_run(client: MlflowClient, run: Any) -> Any | None:
    """The model of a run that is there already, whole or not: a job may have been cut off while it logged."""
    found = client.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'", max_results=1)
    return found[0] if found else None


def _signature(labels: tuple[str, ...]) -> Any:
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

    from pactag.serving import ROWS, SENTENCES

    return ModelSignature(
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
                *(ColSpec("double", f"score_{name}") for name in labels),
            ]
        ),
        params=ParamSchema([ParamSpec(ROWS, DataType.string, SENTENCES)]),
    )
