"""A job from its inputs to its folder, by one of the engines."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pactag.bulk.folder import FORMATS, JOB, Job, begin, finish, is_there, read_job, writable
from pactag.bulk.plan import PART_SIZE, Group, Share, fingerprint, groups_of, read_once
from pactag.bulk.work import Count, tag_group
from pactag.errors import PactagError
from pactag.inputs import check_kind, once_for_each_extra, read_source
from pactag.inputs.extras import lacking, needed
from pactag.inputs.paths import Source, is_address, sources
from pactag.outputs import ENDINGS
from pactag.tagging import Tagger

# Called with the bytes that were read, those that there are, and the sentences that were tagged.
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Ready:
    """A job whose folder is there: what an engine needs besides the model."""

    job: Job
    folder: Path
    share: Share
    groups: tuple[Group, ...]
    unread: tuple[PactagError, ...]

    @property
    def own(self) -> tuple[Group, ...]:
        """The groups of which this share has something."""
        return tuple(group for group in self.groups if self.share.has_any_of(group))

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(group.size for group in self.own)


@dataclass(frozen=True)
class Done:
    """What a run did, and what it could not read."""

    count: Count
    unread: tuple[PactagError, ...]


class Engine(Protocol):
    """Tags the own groups of a job, in any order, and counts."""

    def __call__(self, ready: Ready, progress: Progress) -> Count: ...


def prepare(
    inputs: Sequence[Path | str],
    folder: Path,
    *,
    model: str,
    backend: str | None = None,
    kind: str | None = None,
    output_format: str | None = None,
    part_size: int | None = None,
    share: Share = Share(),
    resume: bool = False,
    by_workers: bool = False,
) -> Ready:
    """Cut a job, and make its folder or go on in it.

    :param model: the id of the model, as outputs name it.
    :param backend: what runs the model, whose forms differ in the last digits of scores.
    :param kind: one of `pactag.inputs.READERS`; by default the endings decide.
    :param output_format: one of `FORMATS`; by default the first, or what the job was begun with.
    :param part_size: articles in a part; by default `PART_SIZE`, or what the job was begun with.
    :param share: the part of the job that is done here; the other ones may write to the same folder.
    :param resume: keep the parts that are there.
    :param by_workers: other processes will read the inputs, so that each must be one that they can open.
    :raises PactagError: for a folder of another job, model or input, or that was begun with other extras; for one that holds an input, for
        inputs none of which is there, and for options that do not go together.
    """
    check_kind(kind)
    if output_format is not None and output_format not in FORMATS:
        raise PactagError(f"--format {output_format}", "cannot be written in parts", f"Allowed: {', '.join(FORMATS)}")
    _check_apart(folder, inputs)
    found = list(sources(inputs, leave_out=[folder]))
    named = [source for source in found if isinstance(source, Source)]
    unread = tuple(error for error in found if isinstance(error, PactagError))
    if all(source.address is None and source.path is not None and not os.path.exists(source.path) for source in named):  # noqa: PTH110
        # Else the folder would say that a job of nothing is finished.
        told = [*unread, *(item for source in named for item in read_source(source, kind) if isinstance(item, PactagError))]
        if told:
            raise PactagError.of([problem for error in told for problem in error.problems])
    once = next((source for source in named if read_once(source)), None)
    if once is not None:
        what = "standard input" if once.path is None else f"the pipe {once.path}"
        if resume or share.of > 1:
            raise PactagError("--resume and --shard", f"cannot tell what {what} holds", "Name files")
        if by_workers:
            raise PactagError("--engine ray", f"has workers, which cannot read {what}", "Name files, or leave it out")
    groups = groups_of(named)
    go_on = resume or share.of > 1
    before = read_job(folder) if go_on and (folder / JOB).exists() else None
    if output_format is None and before is None:
        _check_ending(folder)
    job = Job(
        inputs=tuple(writable(str(name)) for name in inputs),
        files=sum(len(group.sources) for group in groups),
        bytes=sum(group.size for group in groups),
        input_digest=fingerprint(groups),
        input_format=kind,
        model=model,
        backend=backend,
        output_format=output_format or (before.output_format if before else FORMATS[0]),
        articles_per_part=part_size or (before.articles_per_part if before else PART_SIZE),
        lacks=lacking(needed(named, kind)),
    )
    begin(folder, job, go_on=go_on)
    return Ready(job, folder, share, tuple(groups), unread)


def _check_apart(folder: Path, inputs: Sequence[Path | str]) -> None:
    """What is named one by one is read wherever it lies, so that a job could read its own parts."""
    place = Path(os.path.realpath(folder))
    for name in map(str, inputs):
        if name != "-" and not is_address(name) and place in Path(os.path.realpath(name)).parents:
            raise PactagError(f"output {folder}", f"holds {name}, which is one of the inputs", "Name another folder")


def _check_ending(folder: Path) -> None:
    name = ENDINGS.get(folder.suffix.lower())
    if name is not None and name not in FORMATS:
        fix = f"Leave out the / for {name}, or name the parts otherwise: they are {', '.join(FORMATS)}"
        raise PactagError(f"output {folder}/", f"ends like {name}, which cannot be written in parts", fix)


def run(ready: Ready, engine: Engine, *, progress: Progress = lambda read, size, sentences: None) -> Done:
    """Do the share of a job that is not done yet. Returns what was counted, and what could not be read in the order of the inputs.

    :raises PactagError: when the disk refuses a part; what is written stays, and the job can be resumed.
    """
    unread: list[PactagError] = []
    tell = once_for_each_extra(unread.append)
    try:
        count = engine(ready, progress)
        for error in [*ready.unread, *(error for _, _, error in sorted(count.unread, key=lambda found: found[:2]))]:
            tell(error)
        finish(ready.folder, ready.share, ready.groups, articles=count.articles, parts=count.parts, unread=unread)
    except OSError as bad:
        fix = "Mend that, and go on with --resume"
        raise PactagError(f"output {bad.filename or ready.folder}", f"cannot be written ({bad.strerror})", fix) from None
    return Done(count, tuple(unread))


def local(tagger: Tagger) -> Engine:
    """The engine that tags in this process, group after group."""

    def engine(ready: Ready, progress: Progress) -> Count:
        count, place = Count(), 0
        there = is_there(ready.folder)
        for group in ready.own:

            def show(read: int, sentences: int, place: int = place, before: int = count.sentences) -> None:
                progress(place + read, ready.size, before + sentences)

            count.add(tag_group(tagger, group, ready.share, ready.job, ready.folder, is_there=there, progress=show))
            place += group.size
        return count

    return engine
