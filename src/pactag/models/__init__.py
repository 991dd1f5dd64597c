"""The kinds of classifier. Each lives in its own module and is imported only when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pactag.errors import MissingExtraError

if TYPE_CHECKING:
    from pactag.models.base import SentenceClassifier

KINDS: dict[str, str] = {
    "tfidf": "pactag.models.tfidf:TfidfClassifier",
    "frozen": "pactag.models.frozen:FrozenClassifier",
    "encoder": "pactag.models.encoder:EncoderClassifier",
}


def classifier(kind: str) -> type[SentenceClassifier]:
    """The class of a kind.

    :raises MissingExtraError: when the libraries that it is built on are not installed.
    """
    module, _, name = KINDS[kind].partition(":")
    try:
        return getattr(import_module(module), name)  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in {"torch", "transformers", "sklearn", "skops", "safetensors", "accelerate"}:
            raise MissingExtraError(f"A model of the kind {kind!r}", "train") from None
        raise
