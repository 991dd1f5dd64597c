"""Ray workers as the engine: the groups of a job as a Ray dataset, `map_batches` over an actor pool, each actor with its own tagger.

Workers read the inputs and write the parts themselves, so nothing but names and counts goes through Ray; on a cluster all machines must see
the model, the inputs and the folder under the same paths. A worker that dies is replaced, and what it had not written is done again.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pactag.bulk.folder import Job, is_there, other_extras
from pactag.bulk.plan import Group, Share
from pactag.bulk.run import Engine, Progress, Ready
from pactag.bulk.work import Count, tag_group
from pactag.errors import MissingExtraError, PactagError, Problem
from pactag.inputs.extras import lacking, needed
from pactag.inputs.paths import Source
from pactag.tagging import Tagger

# Tasks for each worker, so that none waits long for the last one, and the least bytes of a task that is worth its own reading.
_TASKS_EACH = 4
_WORTH = 250_000
# Ray keeps a store for objects on each machine; ours hold a few names. The least that it takes.
_STORE_BYTES = 80 * 1024 * 1024


def on_ray(folder: Path, *, backend: str | None = None, address: str | None = None, workers: int | None = None) -> Engine:
    """The engine for the model of a folder.

    :param backend: as `Tagger.load` takes it.
    :param address: of a cluster; by default Ray is started on this machine, and stopped afterwards.
    :param workers: how many; by default one for each core that Ray knows of.
    :raises MissingExtraError: without Ray.
    """
    try:
        import ray.data
    except ModuleNotFoundError:
        raise MissingExtraError("--engine ray", "ray") from None

    def engine(ready: Ready, progress: Progress) -> Count:
        with _connected(address, workers):
            size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            units = _units(ready, size)
            dataset = ray.data.from_items([{"unit": json.dumps(unit)} for unit in units], override_num_blocks=max(1, len(units)))
            dataset = dataset.map_batches(
                Worker,
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=min(size, max(1, len(units)))),
                fn_constructor_kwargs={
                    "model": str(folder.absolute()),
                    "backend": backend,
                    "job": ready.job.model_dump_json(),
                    "folder": str(ready.folder.absolute()),
                    "cwd": str(Path.cwd()),
                },
                num_cpus=1,
            )
            return _counted(dataset.iter_rows(), ready, progress)

    return engine


class Worker:
    """Tags groups in a process of its own. Units and results are JSON."""

    def __init__(self, *, model: str, backend: str | None, job: str, folder: str, cwd: str) -> None:
        # So that paths, also in what is told of files that cannot be read, are those that the user gave.
        os.chdir(cwd)
        self._tagger = Tagger.load(Path(model), backend=backend)
        self._job = Job.model_validate_json(job)
        self._folder = Path(folder)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        return {"result": [json.dumps(self._tag(json.loads(unit))) for unit in batch["unit"]]}

    def _tag(self, unit: dict[str, Any]) -> dict[str, Any]:
        group, share = _group_from(unit["group"]), Share(**unit["share"])
        if told := self._other_extras(group):
            return {"order": unit["order"], "refused": [asdict(problem) for problem in told]}
        try:
            count = tag_group(self._tagger, group, share, self._job, self._folder, is_there=is_there(self._folder))
        except OSError as bad:
            return {"order": unit["order"], "fatal": [bad.errno, bad.strerror, bad.filename and str(bad.filename)]}
        unread = [(index, part, [asdict(problem) for problem in error.problems]) for index, part, error in count.unread]
        return {"order": unit["order"], "bytes": unit["bytes"], "count": {**vars(count), "unread": unread}}

    def _other_extras(self, group: Group) -> list[Problem]:
        """On a cluster, other machines may have other extras than that which began the job."""
        wanted = needed(group.sources, self._job.input_format)
        before = [name for name in wanted if name in self._job.lacks]
        return other_extras(before, lacking(wanted), where=f"the worker on {socket.gethostname()}")


def _units(ready: Ready, workers: int) -> list[dict[str, Any]]:
    """The tasks of a job: its groups, and those of a large file several times, each time with another share of its parts."""
    units: list[dict[str, Any]] = []
    for group in ready.own:
        of = min(_TASKS_EACH * workers, max(1, group.size // _WORTH)) if group.large else 1
        for index in range(of):
            share = ready.share.divided(index, of) if group.large else ready.share
            units.append({"order": len(units), "group": _group_to(group), "share": asdict(share), "bytes": group.size / of})
    return units


def _group_to(group: Group) -> dict[str, Any]:
    sources = [[source.path and str(source.path), source.id, source.address] for source in group.sources]
    return {"index": group.index, "sources": sources, "size": group.size, "large": group.large}


def _group_from(data: dict[str, Any]) -> Group:
    sources = tuple(Source(Path(path) if path else None, name, address) for path, name, address in data["sources"])
    return Group(data["index"], sources, data["size"], data["large"])


def _counted(rows: Iterator[dict[str, Any]], ready: Ready, progress: Progress) -> Count:
    results: dict[int, Count] = {}
    read = 0.0
    for row in rows:
        result = json.loads(row["result"])
        if "fatal" in result:
            raise OSError(*result["fatal"])
        if "refused" in result:
            raise _error_from(result["refused"])
        unread = [(group, part, _error_from(problems)) for group, part, problems in result["count"].pop("unread")]
        results[result["order"]] = Count(**result["count"], unread=unread)
        read += result["bytes"]
        progress(round(read), ready.size, sum(count.sentences for count in results.values()))
    count = Count()
    for one in results.values():
        count.add(one)
    return count


def _error_from(problems: list[dict[str, str]]) -> PactagError:
    return PactagError.of(Problem(**problem) for problem in problems)


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[None]:
    import ray
    import ray.data

    # Nothing here reports usage to anybody, and pactag tells itself what goes wrong.
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    if address:
        _check_reachable(address)
    own = {} if address else {"num_cpus": workers, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, configure_logging=False, **own)
    except (ConnectionError, RuntimeError, ValueError) as bad:
        raise PactagError(f"--ray-address {address}", f"cannot be reached ({bad})", "Check it; `ray status` tells") from None
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    except ray.exceptions.RayError as bad:
        fix = "What is written stays: mend the cause, and go on with --resume"
        raise PactagError("--engine ray", f"a worker failed ({_cause(bad)})", fix) from None
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray ends the whole process, with a report of pages, when nobody is at an address."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return  # A word such as `auto`, which Ray looks up itself.
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as bad:
        raise PactagError(f"--ray-address {address}", f"cannot be reached ({bad})", "Check it; `ray status` tells") from None


def _cause(error: BaseException) -> str:
    """What went wrong in the worker, without Ray's report of several pages."""
    inner = getattr(error, "cause", None) or error.__cause__ or error
    lines = [line for line in str(inner).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(inner).__name__
