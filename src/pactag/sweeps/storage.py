"""Where a sweep stands: its storage, opened or told why not, and used by one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pactag.errors import MissingExtraError, PactagError
from pactag.tracking import sqlite_file

if TYPE_CHECKING:
    import optuna
    from sqlalchemy import Connection, TextClause

_PATIENCE_SECONDS = 600
# Locks that end with their connection, so that none is left by a process that was killed. In the dialects of SQLAlchemy.
_LOCKS = {
    "postgresql": ("SELECT pg_advisory_lock(hashtext(:name))", "SELECT pg_advisory_unlock(hashtext(:name))"),
    "mysql": (f"SELECT GET_LOCK(:name, {_PATIENCE_SECONDS})", "SELECT RELEASE_LOCK(:name)"),
}
_LOCKS["mariadb"] = _LOCKS["mysql"]


def optuna_library() -> Any:
    """Optuna, quiet.

    :raises MissingExtraError: when it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        raise MissingExtraError("A sweep", "train") from None
    # It tells of every trial; so does the progress of the caller.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """The storage at an address, made where it is new; its errors are those of `told`."""
    path = sqlite_file(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    options = {"connect_args": {"timeout": 60}} if path is not None else {}
    storage: optuna.storages.RDBStorage = optuna_library().storages.RDBStorage(url, engine_kwargs=options)
    return storage


@contextlib.contextmanager
def told(url: str) -> Iterator[None]:
    """What databases raise, as an error that says which storage it is.

    :raises PactagError: for a storage that cannot be reached, read or written, and where its driver is not installed.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ImportError, optuna_library().exceptions.StorageInternalError) as error:
        found = f"cannot be opened ({str(error).splitlines()[0][:200]})"
        raise PactagError(f"storage {url}", found, "Check the address and that it can be written") from None


@contextlib.contextmanager
def in_turn(url: str, name: str) -> Iterator[None]:
    """What processes of one sweep do in turn: making its storage and its parent run, giving up the dead, and taking a trial.

    By a file beside an SQLite storage, by a lock of the server on PostgreSQL, MySQL and MariaDB; on other servers there are no turns.

    :raises PactagError: as `told`, and when another process has kept the turn for ten minutes (MySQL).
    """
    path = sqlite_file(url)
    if path is None:
        yield from _on_a_server(url, name)
        return
    from filelock import FileLock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PactagError(f"storage {url}", f"cannot be made ({error.strerror})", "Check the address and that it can be written") from None
    with FileLock(path.with_name(f"{path.name}.lock")):
        yield


def _on_a_server(url: str, name: str) -> Iterator[None]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    # No longer than MySQL takes.
    lock = {"name": f"pactag {hashlib.sha256(name.encode()).hexdigest()[:32]}"}
    with contextlib.ExitStack() as held:
        with told(url):
            engine = create_engine(url, poolclass=NullPool)
            take, give = _LOCKS.get(engine.dialect.name, ("", ""))
            if take:
                connection = held.enter_context(engine.connect())
                if connection.execute(text(take), lock).scalar() == 0:
                    raise PactagError(f"storage {url}", f"has been busy for {_PATIENCE_SECONDS} s", "Look for a process that hangs")
                held.callback(_give_back, connection, text(give), lock)
        yield


def _give_back(connection: Connection, give: TextClause, lock: dict[str, str]) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    # With a connection that is gone the lock is, too.
    with contextlib.suppress(SQLAlchemyError):
        connection.execute(give, lock)
