"""Writing into one run."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import threading
import time
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.errors import TrackingError
from pactag.passwords import hidden
from pactag.tracking.contents import LoggedInput, Table
from pactag.tracking.library import mlflow_errors
from pactag.tracking.outbox import Entry, Outbox
from pactag.tracking.sending import Unreachable, send

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

_MAX_PARAM = 6000
# Between two attempts on a store that does not answer; longer when an attempt itself takes long, so that training goes on at its pace.
PAUSE_SECONDS = 30.0
_SHARE_OF_ATTEMPTS = 0.1

_log = logging.getLogger(__name__)


@dataclass
class RunRecorder:
    """Writes into one run, by its id: nothing hangs on what MLflow holds to be the active run.

    With an outbox, what the store does not take is kept there and sent when the store is back, in order; without one, an error is raised.
    Calls from several threads are taken one by one.
    """

    client: MlflowClient
    uri: str
    run_id: str
    outbox: Outbox | None = None
    # Milliseconds. Pictures carry it in their names, which have to be the same when they are logged again.
    started: int = 0
    # Figures without steps that the run has already: when it goes on after a kill, they are not logged again.
    known: set[str] = field(default_factory=set)
    _next_attempt: float = 0.0
    _one_by_one: threading.RLock = field(default_factory=threading.RLock)

    @property
    def unsent(self) -> Path | None:
        """Where the entries are that the store has not taken; None when it has them all."""
        return self.outbox.folder if self.outbox is not None and len(self.outbox) else None

    @property
    def age(self) -> float:
        """Seconds since the run was made."""
        return (_now() - self.started) / 1000

    def resume(self) -> None:
        """Open a run again that has ended, or was left open; what was kept of it is sent first.

        :raises TrackingError: when the store does not answer, the run was deleted, or another process is sending what was kept.
        """
        with mlflow_errors(self.uri):
            deleted = self.client.get_run(self.run_id).info.lifecycle_stage == "deleted"
        if deleted:
            fix = f"Restore it there, or begin anew: remove the folder {self.run_id} of its checkpoints"
            raise TrackingError(f"run {self.run_id}", f"was deleted from {self.uri}", fix)
        if self.outbox is not None and len(self.outbox):
            if not self.outbox.take():
                raise TrackingError(str(self.outbox.folder), "is in use by another process", "Wait until `pactag sync` is done")
            self._send_kept()
        with mlflow_errors(self.uri):
            self.client.update_run(self.run_id, status="RUNNING")
        self.tags({"status": "running"})

    def end(self, status: str) -> None:
        """Set the end of the run: FINISHED, FAILED or KILLED. What is kept is sent now, if the store is back."""
        self._write(Entry("end", {"status": status, "time": _now()}))
        if self.outbox is not None:
            with self._one_by_one:
                if len(self.outbox):
                    self._send_kept()
                if self.unsent is not None:
                    told = "the store did not take all of run %s; the rest is kept in %s until: pactag sync %s"
                    _log.warning(told, self.run_id, self.unsent, self.unsent.parent.parent)
                self.outbox.leave()

    def params(self, params: Mapping[str, str]) -> None:
        self._write(Entry("params", {name: value[:_MAX_PARAM] for name, value in params.items()}))

    def metrics(self, metrics: Mapping[str, float], *, step: int | None = None, time_ms: int | None = None) -> None:
        """Log figures.

        :param time_ms: when they were measured, in milliseconds; by default now. With the same time they can be logged again without
            standing there twice.
        """
        now = time_ms or _now()
        new = {name: value for name, value in metrics.items() if step is not None or name not in self.known}
        if new:
            self._write(Entry("metrics", {"metrics": [[name, float(value), now, step or 0] for name, value in new.items()]}))

    def system_metrics(self, metrics: Mapping[str, float], sample: int) -> None:
        """What the machine does. Called from a thread beside the training, which must not end for the sake of these."""
        with contextlib.suppress(TrackingError):
            self.metrics(metrics, step=sample)

    def tags(self, tags: Mapping[str, str]) -> None:
        if tags:
            self._write(Entry("tags", dict(tags)))

    def text(self, content: str, name: str) -> None:
        self._write(Entry("file", {"path": name}, content.encode("utf-8")))

    def table(self, table: Table) -> None:
        """A table that the artifact view compares across runs. One of that name from before goes."""
        import pandas as pd

        text = pd.DataFrame(dict(table.columns)).to_json(orient="split", index=False, date_format="iso", default_handler=str)
        self._write(Entry("table", {"path": f"tables/{table.name}.json"}, text.encode("utf-8")))

    def image(self, figure: Figure, *, key: str, step: int = 0) -> None:
        """A picture that the UI shows in a grid with those of other runs that have the same key and step."""
        from mlflow.tracking.multimedia import compress_image_size
        from PIL import Image

        pixels = io.BytesIO()
        figure.savefig(pixels, format="png")
        # The names by which MLflow's `log_image` makes grids. It draws a new one at each call; here a picture replaces the one before.
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.run_id}/{key}/{step}")
        path = f"images/{re.sub('/', '~', key)}+step+{step}+timestamp+{self.started}+{name}"
        with Image.open(pixels) as image:
            small = io.BytesIO()
            compress_image_size(image.convert("RGB")).save(small, format="webp")
        self._write(Entry("file", {"path": f"{path}.png"}, pixels.getvalue()))
        self._write(Entry("file", {"path": f"{path}+compressed.webp"}, small.getvalue()))
        self._write(Entry("tags", {"mlflow.loggedImages": "True"}))

    def inputs(self, inputs: Sequence[LoggedInput]) -> None:
        """The data as inputs of the run, each with its digest."""
        import mlflow.data
        import pandas as pd

        logged: list[dict[str, Any]] = []
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
            entity = data._to_mlflow_entity()
            fields = {name: getattr(entity, name) for name in ("name", "digest", "source_type", "source", "schema", "profile")}
            logged.append({"dataset": fields, "context": item.context})
        self._write(Entry("inputs", {"inputs": logged}))

    def model(self, folder: Path, *, example: Mapping[str, str]) -> None:
        """Log a model folder, which stays where it is, as the model of the run. See `logged_model`."""
        self._write(Entry("model", {"folder": str(folder.resolve()), "example": dict(example)}))

    def _write(self, entry: Entry) -> None:
        with self._one_by_one:
            if self.outbox is None:
                try:
                    send(self.client, self.uri, self.run_id, entry)
                except Unreachable as error:
                    raise TrackingError(f"store {self.uri}", str(error), "Check the address, and that the store is there") from None
                return
            if not len(self.outbox):
                if self._attempt(entry):
                    return
                self.outbox.add(entry)
                return
            self.outbox.add(entry)
            if time.monotonic() >= self._next_attempt:
                self._send_kept()

    def _attempt(self, entry: Entry) -> bool:
        began = time.monotonic()
        try:
            send(self.client, self.uri, self.run_id, entry)
        except Unreachable as error:
            if not self._next_attempt and self.outbox is not None:
                _log.warning(
                    "the store %s does not take what is logged (%s). Training goes on; all is kept in %s and sent when the store is back",
                    hidden(self.uri),
                    hidden(str(error)),
                    self.outbox.folder,
                )
            now = time.monotonic()
            self._next_attempt = now + max(PAUSE_SECONDS, (now - began) / _SHARE_OF_ATTEMPTS)
            return False
        self._next_attempt = 0.0
        return True

    def _send_kept(self) -> None:
        if self.outbox is not None:
            for name, entry in self.outbox.entries():
                if not self._attempt(entry):
                    return
                self.outbox.sent(name)


def _now() -> int:
    return int(time.time() * 1000)
