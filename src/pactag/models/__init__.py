"""The kinds of classifier, and the forms in which a trained one runs. Each lives in its own module and is imported only when it is used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pactag.errors import MissingExtraError, ModelFolderError
from pactag.model_folder import (
    ONNX_INT4_WEIGHTS,
    ONNX_INT8_DYNAMIC_WEIGHTS,
    ONNX_INT8_WEIGHTS,
    ONNX_WEIGHTS,
    PACKED_WEIGHTS,
    SKOPS_WEIGHTS,
    TORCH_WEIGHTS,
    Manifest,
)
from pactag.telemetry import switch_off_telemetry

if TYPE_CHECKING:
    from pactag.models.base import SentenceClassifier, SentenceScorer

# At import, for that is when ONNX Runtime begins to report: the module of a kind imports its libraries.
switch_off_telemetry()

KINDS: dict[str, str] = {
    "tfidf": "pactag.models.tfidf:TfidfClassifier",
    "frozen": "pactag.models.frozen:FrozenClassifier",
    "encoder": "pactag.models.encoder:EncoderClassifier",
    "soup": "pactag.models.soup:SoupClassifier",
}

# What runs a model, best first, and the file that it reads.
# Fewer bits and arithmetic in 8 bits stand last: they change more labels, and the latter pays on some processors only.
BACKENDS: dict[str, str] = {
    "int8": ONNX_INT8_WEIGHTS,
    "onnx": ONNX_WEIGHTS,
    "torch": TORCH_WEIGHTS,
    "int4": ONNX_INT4_WEIGHTS,
    "int8-dynamic": ONNX_INT8_DYNAMIC_WEIGHTS,
    "packed": PACKED_WEIGHTS,
}


# The top of what modules of the kinds import.
_OF_TRAIN = {"torch", "transformers", "datasets", "tokenizers", "sklearn", "skops", "safetensors", "accelerate"}


def backends_of(manifest: Manifest) -> tuple[str, ...]:
    """The backends that can run a model, best first; none for a kind that has one form only."""
    return tuple(name for name, file in BACKENDS.items() if file in manifest.files)


def id_of(manifest: Manifest, *, backend: str | None = None) -> str:
    """The short name of what runs: that of the folder, with the form where it holds several, whose scores are not quite the same.

    :param backend: as of `load_scorer`.
    """
    there = backends_of(manifest)
    return f"{manifest.model_id}-{backend or there[0]}" if len(there) > 1 else manifest.model_id


def load_scorer(folder: Path, manifest: Manifest, *, backend: str | None = None) -> SentenceScorer:
    """The model of a folder that has been checked, ready to predict.

    :param backend: `int8`, `onnx`, `torch`, `int4`, `int8-dynamic` or `packed`; by default the first of them that the folder holds.
    :raises ModelFolderError: when the folder does not hold it.
    :raises MissingExtraError: when the libraries that it is built on are not installed.
    """
    there = backends_of(manifest)
    if backend is not None and backend not in there:
        found = f"cannot be run by the backend {backend!r}; it holds {', '.join(there) or f'a model of the kind {manifest.kind!r} alone'}"
        known = "" if backend in BACKENDS else f"Backends: {', '.join(BACKENDS)}. "
        raise ModelFolderError(str(folder), found, f"{known}`pactag export` adds onnx and int8 to a model that torch runs")
    chosen = backend or next(iter(there), None)
    if chosen is None and SKOPS_WEIGHTS not in manifest.files:
        raise ModelFolderError(str(folder), "holds no network", "Restore the whole folder")
    if chosen is None or chosen == "torch":
        return classifier(manifest.kind).load(folder, manifest)
    from pactag.models.onnx import OnnxClassifier

    return OnnxClassifier.load(folder, manifest, weights=BACKENDS[chosen])


def classifier(kind: str) -> type[SentenceClassifier]:
    """The class of a kind.

    :raises MissingExtraError: when the libraries that it is built on are not installed.
    """
    module, _, name = KINDS[kind].partition(":")
    try:
        return getattr(import_module(module), name)  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in _OF_TRAIN:
            raise MissingExtraError(f"A model of the kind {kind!r}", "train") from None
        raise
