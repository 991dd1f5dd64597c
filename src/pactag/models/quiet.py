"""Silence for libraries that talk: what matters in a run is told by pactag."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import datasets
import transformers


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, load reports and advice from transformers, datasets and accelerate inside; everything restored after."""
    accelerate = logging.getLogger("accelerate")
    levels = transformers.logging.get_verbosity(), accelerate.level
    bars = transformers.logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    accelerate.setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers.logging.set_verbosity(levels[0])
        accelerate.setLevel(levels[1])
        if bars[0]:
            transformers.logging.enable_progress_bar()
        if not bars[1]:
            datasets.enable_progress_bars()
