"""What the machine does during a run: processor, memory, disk, network, and GPUs where there are some.

MLflow's monitors measure; its thread that sends is not used: it has a client of its own, loses what it cannot send, and a run shorter than
ten seconds gets nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pactag.tracking.library import quiet_mlflow

SECONDS_BETWEEN = 10.0

Sink = Callable[[Mapping[str, float], int], None]
"""Receives metrics by name, and the number of the sample."""


@contextlib.contextmanager
def watched(sink: Sink, *, every: float = SECONDS_BETWEEN, since: float = 0.0) -> Iterator[None]:
    """Measure every so many seconds while the block runs, and once at its end. The names are those of the UI's system metrics.

    :param since: seconds from the start of the run, when it began before; samples are numbered on from there.
    :param sink: called from another thread while the block runs, and from this one at its end.
    """
    monitors = _monitors()
    done = threading.Event()
    samples = itertools.count(int(since / every))

    def sample() -> None:
        found: dict[str, float] = {}
        for monitor in monitors:
            monitor.collect_metrics()
            found |= {f"system/{name}": float(value) for name, value in monitor.aggregate_metrics().items()}
            monitor.clear_metrics()
        sink(found, next(samples))

    def watch() -> None:
        while not done.wait(every):
            sample()

    thread = threading.Thread(target=watch, name="system metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    sample()


def _monitors() -> list[Any]:
    import psutil
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    # The load of the processors is measured from one call to the next.
    psutil.cpu_percent()
    monitors: list[Any] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    # It raises without nvidia-ml-py, and where there is no such card.
    with quiet_mlflow(), contextlib.suppress(ImportError, OSError, RuntimeError):
        monitors.append(GPUMonitor())
    return monitors
