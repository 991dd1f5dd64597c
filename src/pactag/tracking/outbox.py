"""What a tracking server did not take: entries on disk, in order, until it takes them.

One folder a run, `run.json` and two files an entry at most. An entry is removed once the server has it. One that is sent a second time,
since nobody saw that it had arrived, changes nothing: each says its own time, place and name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pactag.errors import TrackingError
from pactag.whole_files import write_whole

# Below the folder of the runs.
UNSENT = "unsent"
_ABOUT = "run.json"


def entries_in(folder: Path) -> list[str]:
    """The names of the entries that a folder keeps, oldest first."""
    return sorted(path.stem for path in folder.glob("*.json") if path.stem.isdigit())


@dataclass(frozen=True)
class Entry:
    """Something to log: what it is, its values as JSON takes them, and the bytes of a file."""

    kind: str
    values: Mapping[str, Any]
    content: bytes | None = None


class Outbox:
    """The entries of one run. Nothing is on disk before the first one."""

    def __init__(self, folder: Path, *, run_id: str, uri: str) -> None:
        """:param folder: that of this run alone."""
        self.folder = folder
        self.run_id = run_id
        self.uri = uri
        # Imported here: an installation that only tags has the package, and not this.
        from filelock import FileLock

        self._lock = FileLock(folder / "lock", thread_local=False)

    @classmethod
    def of(cls, folder: Path) -> Outbox:
        """The outbox that stands in a folder.

        :raises TrackingError: when the folder is none.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            return cls(folder, run_id=about["run_id"], uri=about["uri"])
        except (OSError, ValueError, KeyError, TypeError):
            raise TrackingError(str(folder), f"has no {_ABOUT} that can be read", "Restore it, or remove the folder") from None

    def __len__(self) -> int:
        return len(self._names())

    def take(self) -> bool:
        """Keep other processes from adding and sending; false when one of them has it. It ends with `leave`, and with the process."""
        from filelock import Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def leave(self) -> None:
        """Let others have it; an empty folder goes."""
        if not self._lock.is_locked:
            return
        if not len(self):
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def add(self, entry: Entry) -> None:
        """Keep an entry behind those that are there.

        :raises TrackingError: when another process is sending them.
        """
        if not self._lock.is_locked:
            if not self.take():
                raise TrackingError(str(self.folder), "is in use by another process", "Wait until `pactag sync` is done, and start again")
            write_whole(self.folder / _ABOUT, json.dumps({"run_id": self.run_id, "uri": self.uri}) + "\n")
        names = self._names()
        name = f"{int(names[-1]) + 1 if names else 1:09d}"
        # An entry is there as soon as its JSON is: the bytes come first.
        if entry.content is not None:
            write_whole(self.folder / f"{name}.data", entry.content)
        write_whole(self.folder / f"{name}.json", json.dumps({"kind": entry.kind, "values": entry.values}) + "\n")

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Names and entries, oldest first."""
        for name in self._names():
            read = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            data = self.folder / f"{name}.data"
            yield name, Entry(read["kind"], read["values"], data.read_bytes() if data.is_file() else None)

    def sent(self, name: str) -> None:
        """Remove an entry that the server has."""
        (self.folder / f"{name}.json").unlink()
        (self.folder / f"{name}.data").unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return entries_in(self.folder)
