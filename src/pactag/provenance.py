"""Where a run comes from: the command, the commit, the machine and the versions that are needed to repeat it."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from pactag.passwords import hidden
from pactag.processes import process_count

_ENVIRONMENT = ("pactag", "torch", "transformers", "datasets", "scikit-learn", "tokenizers", "numpy", "mlflow")
# What decides, besides config and data, whether a fit gives the same numbers to the last bit.
MACHINE = (
    "python",
    "platform",
    "cpu",
    "threads",
    "gpu",
    "processes",
    *(f"version.{name}" for name in ("pactag", "torch", "transformers", "scikit-learn", "numpy", "tokenizers")),
)
# Before the name of what was otherwise when a run that was cut off went on.
RESUMED = "resumed."
# A longer diff is cut: it is there to be read.
_DIFF_LIMIT = 1_000_000


def provenance() -> dict[str, str]:
    """What is needed to repeat a run, besides its config and data."""
    tags = {"command": command_line(), "python": platform.python_version(), "platform": platform.platform()}
    tags |= {"cpu": _cpu(), "cpu_count": str(os.cpu_count()), "threads": str(thread_count())}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        tags["gpu"] = torch.cuda.get_device_name()
    if process_count() > 1:
        tags["processes"] = str(process_count())
    for package in _ENVIRONMENT:
        with contextlib.suppress(PackageNotFoundError):
            tags[f"version.{package}"] = version(package)
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags |= {"git.commit": commit, "mlflow.source.git.commit": commit, "git.dirty": str(bool(_git("status", "--porcelain"))).lower()}
    return tags


def command_line() -> str:
    """The command of this process, as a shell would take it again once a password in an address is put back."""
    program, *arguments = sys.argv or ["python"]
    path = Path(program)
    name = "pactag" if path.stem in ("pactag", "__main__") and "pactag" in str(path) else path.name or "python"
    return hidden(shlex.join([name, *arguments]))


def thread_count() -> int:
    """Threads that the matrix products of this process use: torch's where it is loaded, else those that OMP_NUM_THREADS allows."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    # Of a machine that is shared, a process may have a part.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def installed_packages() -> str:
    """Every installed distribution with its version, a line each, sorted; read once, since the runs of a sweep or a study are many."""
    heads = [item.metadata for item in distributions()]
    found = {head["Name"]: head["Version"] for head in heads if head["Name"]}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def uncommitted_changes() -> str:
    """What the working tree has that the commit has not: the diff of tracked files, and the names of untracked ones. Empty when clean."""
    # A store may stand in a config that was changed.
    diff = hidden(_git("diff", "HEAD") or "")
    if len(diff) > _DIFF_LIMIT:
        diff = f"{diff[:_DIFF_LIMIT]}\n... cut at {_DIFF_LIMIT:,} characters"
    untracked = _git("ls-files", "--others", "--exclude-standard") or ""
    names = "".join(f"# untracked: {name}\n" for name in untracked.splitlines())
    return names + (f"{diff}\n" if diff else "")


def _cpu() -> str:
    """The model of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
