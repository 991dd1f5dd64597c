"""How MLflow is called: its import, its stores, its loggers and its errors."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pactag.errors import MissingExtraError, TrackingError
from pactag.telemetry import switch_off_telemetry

DEFAULT_STORE = Path("experiments/mlflow.db")
# What MLflow calls its errors (mlflow.protos.databricks_pb2).
ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"
# The second is for ids that none can have, and for aliases that are not set.
_NOTHING_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def store_uri(uri: str | None = None) -> str:
    """The tracking store: the argument, else MLFLOW_TRACKING_URI, else SQLite in `experiments/`."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DEFAULT_STORE}"


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for a store of another kind, and for one in memory."""
    name = uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(name) if uri.startswith("sqlite:///") and name and not name.startswith((":", "file:")) else None


def is_missing(uri: str) -> bool:
    """Whether a store is a SQLite file that is not there. MLflow makes it as soon as it is asked anything."""
    file = sqlite_file(uri)
    return file is not None and not file.is_file()


def _patience() -> None:
    """A store that is away is told after some seconds, where MLflow waits for minutes; the environment overrules it.

    The timeout is for an answer, which after the upload of a large model takes its time.
    """
    for name, value in (("MAX_RETRIES", "2"), ("BACKOFF_FACTOR", "1"), ("TIMEOUT", "60")):
        os.environ.setdefault(f"MLFLOW_HTTP_REQUEST_{name}", value)


def _no_bars() -> None:
    """Its bars for files that come and go stand between the lines of ours, in logs as well; the environment overrules it."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def import_mlflow() -> Any:
    switch_off_telemetry()
    _patience()
    _no_bars()
    try:
        import mlflow
    except ModuleNotFoundError:
        raise MissingExtraError("Tracking, and addresses such as models:/ and runs:/", "train") from None
    return mlflow


@contextlib.contextmanager
def fluent_store(mlflow: Any, uri: str) -> Iterator[None]:
    """MLflow's fluent functions on one store; what the process used before comes back after."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    environment = {name: os.environ.get(name) for name in names}
    chosen = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_registry_uri(None)
        mlflow.set_tracking_uri(chosen)
        # MLflow writes what it is set to into the environment as well, where child processes would find it.
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Its advice on inferred types and paths is no concern of somebody who trains a pactag model."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def opening(uri: str) -> Iterator[None]:
    """Around the first use of a store: what its database says is told as an error of the store, and processes make a fresh one in turn.

    :raises TrackingError: when it cannot be opened.
    """
    import_mlflow()
    from filelock import FileLock
    from sqlalchemy.exc import SQLAlchemyError

    file = sqlite_file(uri)
    try:
        if file is None or file.exists():
            yield
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f"{file.name}.lock")):
            yield
    except ModuleNotFoundError as error:
        raise TrackingError(f"store {uri}", f"needs the package {error.name}", "Install it beside pactag") from None
    except (SQLAlchemyError, OSError, ValueError) as error:
        found = f"cannot be opened ({str(error).splitlines()[0][:300]})"
        raise TrackingError(f"store {uri}", found, "Check the address, and that the store is there and can be written") from None


def says_nothing_there(error: Any) -> bool:
    """Whether MLflow says that what was asked for is not in the store, and not that the store cannot be asked."""
    return error.error_code in _NOTHING_THERE


@contextlib.contextmanager
def mlflow_errors(
    uri: str, *, about: str | None = None, fix: str = "Check the address, and that the store is there and can be written"
) -> Iterator[None]:
    mlflow = import_mlflow()
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        found = str(error).splitlines()[0][:300]
        raise TrackingError(about or f"store {uri}", found, fix) from None
