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
    loggers = [logging.getLogger(name) for name in ("accelerate", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    verbosity = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars[0]:
            transformers.logging.enable_progress_bar()
        if not bars[1]:
            datasets.enable_progress_bars()
