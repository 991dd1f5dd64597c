"""All that knows MLflow: where runs are recorded, what a run holds, and how models are found again.

`Tracker` is one store; `tracker.run` opens a run and hands out the `RunRecorder` that writes into it; `tracker.registry` promotes models;
`reading` gets back what a run holds; `sync` sends what a store that was away did not take. MLflow itself is imported on first use.
"""

from pactag.tracking.contents import TESTING, LoggedInput, Pruned, Table
from pactag.tracking.library import DEFAULT_STORE, is_missing, sqlite_file, store_uri
from pactag.tracking.logged_model import MODEL_TAG
from pactag.tracking.outbox import UNSENT
from pactag.tracking.recorder import RunRecorder
from pactag.tracking.registry import CHAMPION, PREVIOUS, REGISTERED_NAME
from pactag.tracking.tracker import Tracker

__all__ = [
    "CHAMPION",
    "DEFAULT_STORE",
    "MODEL_TAG",
    "PREVIOUS",
    "REGISTERED_NAME",
    "TESTING",
    "UNSENT",
    "LoggedInput",
    "Pruned",
    "RunRecorder",
    "Table",
    "Tracker",
    "is_missing",
    "sqlite_file",
    "store_uri",
]
