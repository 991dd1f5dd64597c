"""Writing into one run."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pactag.model_folder import read_manifest
from pactag.tracking.contents import LoggedInput, Table
from pactag.tracking.library import fluent_store, import_mlflow, mlflow_errors, quiet_mlflow

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

# The tag that names the LoggedModel of a run.
MODEL_TAG = "pactag.logged_model"
_MAX_PARAM = 6000


@dataclass
class RunRecorder:
    """Writes into one run, by its id: nothing hangs on what MLflow holds to be the active run."""

    client: MlflowClient
    uri: str
    run_id: str

    def resume(self) -> None:
        """Open a run again that has ended, or was left open."""
        self.client.update_run(self.run_id, status="RUNNING")

    def end(self, status: str) -> None:
        """Set the end of the run: FINISHED, FAILED or KILLED."""
        self.client.set_terminated(self.run_id, status=status)

    def params(self, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        items = [Param(key, value[:_MAX_PARAM]) for key, value in params.items()]
        for start in range(0, len(items), 100):
            self.client.log_batch(self.run_id, params=items[start : start + 100])

    def metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        items = [Metric(key, float(value), now, step or 0) for key, value in metrics.items()]
        self.client.log_batch(self.run_id, metrics=items)

    def system_metrics(self, metrics: Mapping[str, float], sample: int) -> None:
        """What the machine does. Called from a thread beside the training, which must not end for the sake of these."""
        with contextlib.suppress(import_mlflow().exceptions.MlflowException):
            self.metrics(metrics, step=sample)

    def tags(self, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            self.client.set_tag(self.run_id, key, value)

    def text(self, content: str, name: str) -> None:
        self.client.log_text(self.run_id, content, name)

    def table(self, table: Table) -> None:
        import pandas as pd

        with warnings.catch_warnings():
            # pandas tells MLflow of a coming change, which is no concern of somebody who trains.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            self.client.log_table(self.run_id, pd.DataFrame(dict(table.columns)), f"tables/{table.name}.json")

    def image(self, figure: Figure, *, key: str, step: int = 0) -> None:
        """A picture that the UI shows in a grid with those of other runs that have the same key and step."""
        from PIL import Image

        pixels = io.BytesIO()
        figure.savefig(pixels, format="png")
        with Image.open(pixels) as image:
            self.client.log_image(self.run_id, image.convert("RGB"), key=key, step=step)

    def inputs(self, inputs: Sequence[LoggedInput]) -> None:
        """The data as inputs of the run, each with its digest."""
        import mlflow.data
        import pandas as pd
        from mlflow.entities import DatasetInput, InputTag

        logged = []
        for item in inputs:
            frame = pd.DataFrame(
                {
                    "id": [row.id for row in item.rows],
                    "text": [row.text for row in item.rows],
                    "labels": [" ".join(row.labels) for row in item.rows],
                }
            )
            with warnings.catch_warnings():
                # It warns that a path can be taken for two kinds of local file that are one and the same.
                warnings.simplefilter("ignore", UserWarning)
                data = mlflow.data.from_pandas(frame, source=item.source, name=item.name, digest=item.digest[:32])
            logged.append(DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", item.context)]))
        self.client.log_inputs(self.run_id, datasets=logged)

    def model(self, folder: Path, *, example: Mapping[str, str]) -> str:
        """Log a model folder as a LoggedModel that `mlflow.pyfunc.load_model` loads. Returns its id.

        The run's metrics and params are linked to it, so log them first. No pickle is written: the folder is data, and the loader
        module reads it.
        """
        mlflow = import_mlflow()
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
        with fluent_store(mlflow, self.uri), quiet_mlflow(), mlflow_errors(self.uri):
            # Left to itself, MLflow puts the model into its default experiment, and its files into the working folder.
            run = self.client.get_run(self.run_id)
            created = self.client.create_logged_model(
                run.info.experiment_id, name="model", source_run_id=self.run_id, params=dict(run.data.params)
            )
            info = Model.log(
                name="model",
                model_id=created.model_id,
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
