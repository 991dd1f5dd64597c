"""What a run learns from beside its settings, as digests: a path says where that is, and not that it is what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pactag.config import RunConfig, SoupModel
from pactag.corpus.rows import SPLITS
from pactag.model_folder import BUILT_IN_FOLDERS, MANIFEST, file_sha256

_WEIGHTS = "model.safetensors"


def models_digest(config: RunConfig) -> str:
    """Of the models and files of scores that a config names by their paths: its base, teachers, and the parts of a soup."""
    return _digest(_models(config))


def teachers_digest(config: RunConfig) -> str | None:
    """Of the teachers of a config, models and files of scores; None where it has none."""
    teachers = config.training.teachers if config.training is not None else ()
    return _digest(_named(map(str, teachers))) if teachers else None


def inputs_digest(config: RunConfig) -> str:
    """Of these, the three splits and the schema, byte by byte. Files that are not there count as such."""
    splits = (config.data.corpus / f"{name}.jsonl" for name in SPLITS)
    return _digest([*splits, config.data.schema_file, *_models(config)])[:12]


def _models(config: RunConfig) -> list[Path]:
    named = [str(getattr(config.model, "base", ""))]
    if isinstance(config.model, SoupModel):
        named += map(str, config.model.models)
    if config.training is not None:
        named += map(str, config.training.teachers)
    return _named(named)


def _named(names: Iterable[str]) -> list[Path]:
    return [file for name in names if name for file in _files(BUILT_IN_FOLDERS.get(name, Path(name)))]


def _files(place: Path) -> Iterator[Path]:
    """The file that stands for a model: its manifest, which has the digests of all others, or the weights of an untrained encoder."""
    if place.is_file():
        yield place
        return
    yield from (file for file in (place / MANIFEST, place / _WEIGHTS) if file.is_file())


def _digest(files: list[Path]) -> str:
    found = (file_sha256(file) if file.is_file() else "" for file in files)
    return hashlib.sha256(" ".join(found).encode()).hexdigest()
