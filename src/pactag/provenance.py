"""Where a run comes from: the command, the commit, the machine and the versions that are needed to repeat it."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

_ENVIRONMENT = ("pactag", "torch", "transformers", "datasets", "scikit-learn", "tokenizers", "numpy", "mlflow")


def provenance() -> dict[str, str]:
    """What is needed to repeat a run, besides its config and data."""
    commit = _git("rev-parse", "HEAD")
    tags = {"command": " ".join(["pactag", *sys.argv[1:]]), "python": platform.python_version(), "platform": platform.platform()}
    tags["cpu_count"] = str(os.cpu_count())
    for package in _ENVIRONMENT:
        with contextlib.suppress(PackageNotFoundError):
            tags[f"version.{package}"] = version(package)
    if commit:
        tags |= {"git.commit": commit, "mlflow.source.git.commit": commit, "git.dirty": str(bool(_git("status", "--porcelain"))).lower()}
    return tags


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
