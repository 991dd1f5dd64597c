"""Several processes that train one model. `torchrun` and `accelerate launch` start them, and say by the environment which is which."""

from __future__ import annotations

import os


def process_count() -> int:
    """How many processes train together; 1 for one that was started by itself."""
    return _number("WORLD_SIZE", 1) if "LOCAL_RANK" in os.environ else 1


def process_index() -> int:
    """Which of them this is, from 0; on several machines over all of them."""
    return _number("RANK", 0) if "LOCAL_RANK" in os.environ else 0


def local_index() -> int:
    """Which of those on this machine it is, from 0."""
    return _number("LOCAL_RANK", 0)


def is_main() -> bool:
    """Whether this process is the one that measures, writes and prints."""
    return process_index() == 0


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else default
