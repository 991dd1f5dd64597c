"""Training jobs that have not ended: one folder each below the output, by which a job that was killed goes on in the same run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pactag.errors import TrackingError
from pactag.tracking import Pruned
from pactag.whole_files import write_whole

# Below the folder of the runs.
CHECKPOINTS = "checkpoints"
_JOB = "job.json"
_HISTORY = "history.json"


@dataclass
class History:
    """The figures of the validation split by step, as a fit reports them, when, and how long the fit took so far.

    With a path all of it is on disk as well, before anybody else is told.
    """

    path: Path | None = None
    steps: list[int] = field(default_factory=list)
    figures: list[Mapping[str, float]] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, path: Path) -> History:
        """The history that stands at a path; an empty one where none does."""
        if not path.is_file():
            return cls(path)
        return cls(path, **json.loads(path.read_text(encoding="utf-8")))

    def add(self, figures: Mapping[str, float], step: int, *, seconds: float = 0.0) -> int:
        """Take in figures; those of a step that is known are the same as before. Returns when they were first reported, in milliseconds."""
        if step in self.steps:
            return self.times_ms[self.steps.index(step)]
        self.steps.append(step)
        self.figures.append(dict(figures))
        self.times_ms.append(int(time.time() * 1000))
        self.took(seconds)
        return self.times_ms[-1]

    def took(self, seconds: float) -> None:
        """The fit has taken so long, up to a state from which it can go on."""
        self.seconds = seconds
        if self.path is not None:
            content: dict[str, Any] = {name: getattr(self, name) for name in ("steps", "figures", "times_ms", "seconds")}
            write_whole(self.path, json.dumps(content) + "\n")

    def of_name(self, name: str) -> list[float]:
        """One figure by step."""
        return [figures[name] for figures in self.figures]


class Job:
    """The folder of a job, held by the process that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Beside the folder, which goes when the job ends.
        self._lock = FileLock(folder.with_name(f"{folder.name}.lock"))

    @property
    def run_id(self) -> str:
        return self.folder.name

    def history(self) -> History:
        return History.of(self.folder / _HISTORY)

    def take(self) -> None:
        """Hold the folder until `leave`, or the end of the process.

        :raises TrackingError: when another process holds it.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise TrackingError(str(self.folder), "is being trained by another process", "Wait for it, or end it") from None

    def begin(self, key: str) -> None:
        """Make the folder of a job that starts."""
        self.take()
        self.folder.mkdir()
        write_whole(self.folder / _JOB, json.dumps({"key": key}) + "\n")

    def leave(self, *, finished: bool) -> None:
        """Let go of the folder; that of a job that is finished disappears."""
        if finished:
            shutil.rmtree(self.folder, ignore_errors=True)
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


@dataclass
class Held:
    """The job that goes on, or one that begins once its run has an id."""

    job: Job | None

    def begin(self, folder: Path, key: str) -> Job:
        """Make a new job."""
        self.job = Job(folder)
        self.job.begin(key)
        return self.job


@contextlib.contextmanager
def holding(job: Job | None) -> Iterator[Held]:
    """Hold a job while the block runs. Its folder stays when the block does not end well.

    :raises TrackingError: when another process holds it, or has ended it since it was found.
    """
    held, finished = Held(job), False
    if job is not None:
        job.take()
        if not job.folder.is_dir():
            job.leave(finished=True)
            raise TrackingError(str(job.folder), "was trained to the end by another process just now", "See its run: pactag ui")
    try:
        yield held
        finished = True
    except Pruned:
        finished = True
        raise
    finally:
        if held.job is not None:
            held.job.leave(finished=finished)


def key_of(*parts: str) -> str:
    """What makes two jobs the same: config, store, schema and data."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def unfinished(output: Path, key: str) -> Job | None:
    """The newest job with a key that began and has not ended."""
    found = []
    for path in (output / CHECKPOINTS).glob(f"*/{_JOB}"):
        try:
            known = json.loads(path.read_text(encoding="utf-8")).get("key")
        except (OSError, ValueError, AttributeError):
            continue
        if known == key:
            found.append((path.stat().st_mtime, path.parent))
    return Job(max(found)[1]) if found else None
