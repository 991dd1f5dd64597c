"""The folder of a job: what made it (`job.json`), its parts, and what says that it is whole (`finished.json`)."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pactag.bulk.plan import Group, Share
from pactag.errors import PactagError, Problem
from pactag.whole_files import whole, write_whole

JOB = "job.json"
# Formats whose parts, one after the other, are the whole: others have a frame around all articles.
FORMATS = ("jsonl", "csv", "parquet")
_LEFTOVER = re.compile(r"\.part-(\d+)-(\d+)\..*\.new")
# What must be the same for a job to go on, and how to say that it is not.
_SAME = {
    "model": "the model",
    "backend": "the backend",
    "input_digest": "the input (names, order or content of the files)",
    "input_format": "the input format",
    "output_format": "the output format",
    "articles_per_part": "the number of articles in a part",
}


class Job(BaseModel):
    """`job.json`: which input and which model the parts of a folder come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    inputs: tuple[str, ...]
    files: int
    bytes: int
    input_digest: str
    input_format: str | None
    model: str
    backend: str | None = None
    output_format: str
    articles_per_part: int
    # Extras that the inputs need and that were not installed: what only they can read is in no part.
    lacks: tuple[str, ...] = ()


def writable(name: str) -> str:
    """A name, or what is told of one, as JSON in UTF-8 can hold it: bytes that are no UTF-8 look as they do on standard error."""
    return name.encode(errors="backslashreplace").decode()


def part_name(group: Group, part: int, job: Job) -> str:
    """Names of parts sort in the order of the articles."""
    return f"part-{group.index:06d}-{part:06d}.{job.output_format}"


def begin(folder: Path, job: Job, *, go_on: bool) -> None:
    """Make the folder of a job, or go on in one.

    :param go_on: whether the parts that are there already are to be kept.
    :raises PactagError: when the folder holds another job or other files, with every difference; when it holds this job and `go_on` is
        false; and when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # One look for all: another share may begin the job between two.
        names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        if JOB not in names:
            if names:
                raise PactagError(
                    str(folder), f"holds other files, such as {names[0]}", "Name a new folder, so that nothing is written over"
                )
            with whole(folder / JOB, mark=f".{uuid.uuid4().hex}") as place:
                place.write_text(job.model_dump_json(indent=1) + "\n", encoding="utf-8")
        elif not go_on:
            raise PactagError(str(folder), "holds a job already", "Go on with it: --resume; or name another folder")
    except OSError as bad:
        raise PactagError(str(folder), f"cannot be made a folder of parts ({bad.strerror})", "Name another folder") from None
    _check_same(folder, job)


def read_job(folder: Path) -> Job:
    """The job that a folder was made for.

    :raises PactagError: when its file is missing or was altered.
    """
    try:
        return Job.model_validate_json((folder / JOB).read_bytes())
    except (OSError, ValidationError):
        raise PactagError(str(folder / JOB), "is not what pactag wrote", "Restore it, or name another folder") from None


def _check_same(folder: Path, job: Job) -> None:
    before = read_job(folder)
    problems = []
    for name, words in _SAME.items():
        was, now = getattr(before, name), getattr(job, name)
        if was != now:
            told = f"was begun with another one: {words}" if name == "input_digest" else f"was begun with {words} {was}, now it is {now}"
            problems.append(Problem(str(folder / JOB), told, "Give what it was begun with, or name another folder"))
    problems += other_extras(before.lacks, job.lacks, where=str(folder / JOB))
    if problems:
        raise PactagError.of(problems)


def other_extras(before: Collection[str], now: Collection[str], *, where: str) -> list[Problem]:
    """What to tell of extras that a job was begun with or without, and that are not so here.

    Parts count the articles that could be read: with other extras some would be in two parts, and some in none.
    """
    gone = [
        Problem(where, f"was begun with the extra {name!r}, which is not installed here", f"Install it with: pip install 'pactag[{name}]'")
        for name in now
        if name not in before
    ]
    fix = "Name another folder, to have what it reads as well; or go on where it is not installed"
    more = [Problem(where, f"was begun without the extra {name!r}, which is installed here", fix) for name in before if name not in now]
    return gone + more


@contextmanager
def part(folder: Path, name: str) -> Iterator[Path]:
    """The place to write a part to. Two processes may write the same part: both write the same bytes."""
    with whole(folder / name, mark=f".{uuid.uuid4().hex[:8]}") as place:
        yield place


def finish(folder: Path, share: Share, groups: Sequence[Group], *, articles: int, parts: int, unread: Sequence[PactagError]) -> None:
    """Say that a share is whole, and take away what killed processes left of it.

    The file says the same however often the job was interrupted.
    """
    by_index = {group.index: group for group in groups}
    for path in folder.iterdir():
        found = _LEFTOVER.fullmatch(path.name)
        if found and int(found[1]) in by_index and share.has(by_index[int(found[1])], int(found[2])):
            path.unlink(missing_ok=True)
    name = "finished.json" if share.of == 1 else f"finished-{share.index + 1}-of-{share.of}.json"
    told = [writable(str(problem)) for error in unread for problem in error.problems]
    content = {"format": 1, "articles": articles, "parts": parts, "unread": told}
    write_whole(folder / name, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def is_there(folder: Path) -> Callable[[str], bool]:
    """Whether a part was written before. One listing answers for a folder of many thousand parts."""
    names = set(os.listdir(folder))  # noqa: PTH208
    return lambda name: name in names
