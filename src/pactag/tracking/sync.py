"""Sending what earlier runs could not: `pactag sync`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pactag.errors import TrackingError
from pactag.tracking.library import mlflow_errors
from pactag.tracking.outbox import UNSENT, Outbox, entries_in
from pactag.tracking.sending import Unreachable, send
from pactag.tracking.tracker import Tracker


@dataclass(frozen=True)
class Synced:
    """What came of the entries of one run: how many went, how many are left, and why."""

    run_id: str
    uri: str
    sent: int
    left: int
    why: str = ""


def sync(runs: Path) -> Iterator[Synced]:
    """Send what is kept of the runs of a folder, run by run.

    :param runs: the `output` of their configs.
    """
    for folder in sorted(path for path in (runs / UNSENT).glob("*") if path.is_dir()):
        try:
            outbox = Outbox.of(folder)
        except TrackingError as error:
            # Without entries a process was killed before it could say of which run it is, and nothing is lost.
            if left := entries_in(folder):
                yield Synced(folder.name, "", 0, len(left), str(error))
            continue
        if not outbox.take():
            yield Synced(outbox.run_id, outbox.uri, 0, len(outbox), "its training still runs, and sends it by itself")
            continue
        try:
            yield _send(outbox)
        finally:
            outbox.leave()


def _send(outbox: Outbox) -> Synced:
    sent, why = 0, ""
    try:
        with mlflow_errors(outbox.uri, about=f"run {outbox.run_id!r}"):
            client = Tracker(outbox.uri).client
            for name, entry in outbox.entries():
                send(client, outbox.uri, outbox.run_id, entry)
                outbox.sent(name)
                sent += 1
    except (Unreachable, TrackingError) as error:
        why = str(error)
    return Synced(outbox.run_id, outbox.uri, sent, len(outbox), why)
