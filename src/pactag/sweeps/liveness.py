"""Whether anybody trains a trial: a process of this machine is looked for, one of another gives signs of life."""

from __future__ import annotations

import contextlib
import platform
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pactag.sweeps.storage import optuna_library

if TYPE_CHECKING:
    import optuna

# Attributes of a trial: which process trains it, and when it last gave a sign of life.
PROCESS = "process"
ALIVE = "alive"
_ABOUT_TO_SAY = timedelta(minutes=2)
_SIGN_SECONDS = 60.0
# Longer than the parts of a fit that have no steps, and than clocks differ.
_SILENCE = timedelta(hours=2)


def this_process() -> str:
    """Host, number and time of birth."""
    import psutil

    process = psutil.Process()
    return f"{platform.node()} {process.pid} {process.create_time():.2f}"


class Signs:
    """Says that a trial is alive, once a minute at most."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial
        self._next = 0.0

    def give(self) -> None:
        """A storage that is away for a moment, or that has given the trial up, is no reason to stop here."""
        from sqlalchemy.exc import SQLAlchemyError

        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SIGN_SECONDS
        with contextlib.suppress(SQLAlchemyError, optuna_library().exceptions.OptunaError):
            self._trial.set_user_attr(ALIVE, datetime.now(UTC).isoformat())


def is_dead(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether nobody trains a trial that runs."""
    process = trial.user_attrs.get(PROCESS)
    if process is None:
        # Killed before it could say who it is, or about to say so on a storage that has no turns.
        begun = trial.datetime_start
        return begun is None or datetime.now() - begun > _ABOUT_TO_SAY
    host = str(process).rsplit(" ", 2)[0]
    return is_gone(str(process)) if host == platform.node() else _is_silent(trial.user_attrs.get(ALIVE))


def is_gone(process: str) -> bool:
    """Whether a process of this machine has ended."""
    import psutil

    _, pid, born = process.rsplit(" ", 2)
    try:
        # A number that was given to another process since is told by its birth.
        return bool(abs(psutil.Process(int(pid)).create_time() - float(born)) > 1)
    except psutil.NoSuchProcess:
        return True


def _is_silent(last: str | None) -> bool:
    """Without any sign it was begun by a version that gives none."""
    return last is not None and datetime.now(UTC) - datetime.fromisoformat(last) > _SILENCE
