"""What a model says of itself once it is passed on: nothing of the folders of the machine that trained it."""

from __future__ import annotations

from pathlib import Path

from pactag.config import RunConfig, SoupModel, TfidfModel
from pactag.model_folder import BaseModelInfo, Manifest


def portable_config(config: RunConfig) -> RunConfig:
    """A config in which folders elsewhere on this machine are told by their last name only.

    Further files to measure on, and the address of the store, are left out.
    """
    data = config.data.model_copy(
        update={"also_measure": {}, "corpus": _last(config.data.corpus), "schema_file": _last(config.data.schema_file)}
    )
    changes = {"data": data, "tracking": config.tracking.model_copy(update={"uri": None}), "output": _last(config.output)}
    if isinstance(config.model, SoupModel):
        changes["model"] = config.model.model_copy(update={"models": tuple(map(_last, config.model.models))})
    elif not isinstance(config.model, TfidfModel):
        changes["model"] = config.model.model_copy(update={"base": str(_last(Path(config.model.base)))})
    if config.training is not None:
        changes["training"] = config.training.model_copy(update={"teachers": tuple(map(_last, config.training.teachers))})
    return config.model_copy(update=changes)


def portable_manifest(manifest: Manifest) -> Manifest:
    """A manifest that tells base models from folders by the folder's last name; their SHA-256 says which they were."""
    return manifest.model_copy(update={"base_model": _portable_base(manifest.base_model)})


def portable_card(card: str, manifest: Manifest) -> str:
    """A card that tells base models from folders by the folder's last name."""
    base = manifest.base_model
    while base is not None:
        card = card.replace(base.name, str(_last(Path(base.name))))
        base = base.origin
    return card


def _portable_base(base: BaseModelInfo | None) -> BaseModelInfo | None:
    if base is None:
        return None
    return base.model_copy(update={"name": str(_last(Path(base.name))), "origin": _portable_base(base.origin)})


def _last(path: Path) -> Path:
    return Path(path.name) if path.is_absolute() else path
