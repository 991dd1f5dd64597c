"""`soup`: the mean of the weights of several encoders that were fine-tuned alike.

Networks that start from one pretrained encoder often end in one basin, so that the mean of their weights is about as good as the mean of
their scores (Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference
time, 2022); `experiments/soup` says where that paid here. What comes out is an encoder like the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, cast

import torch

from pactag.config import RunConfig, SoupModel
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError
from pactag.model_folder import TORCH_WEIGHTS, Manifest, read_manifest
from pactag.models.base import FitContext
from pactag.models.encoder import EncoderClassifier

_WHERE = "model.models"


class SoupClassifier(EncoderClassifier):
    """See the module. It is saved, and loaded again, as the encoder that it is."""

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        """Average; nothing is learnt from the sentences.

        :raises ConfigError: for a folder that holds no encoder with torch weights, and for models that differ in labels, inputs, base or
            build.
        """
        settings = cast(SoupModel, config.model)
        manifests = [_manifest(folder, labels) for folder in settings.models]
        models = []
        for number, (folder, manifest) in enumerate(zip(settings.models, manifests, strict=True)):
            context.progress(number, len(manifests), f"reading {folder.name}")
            if manifest.tokens != manifests[0].tokens:
                raise ConfigError(_WHERE, f"{folder} reads its input otherwise than {settings.models[0]}", "Average models of one recipe")
            if _base(manifest) != _base(manifests[0]):
                raise ConfigError(
                    _WHERE, f"{folder} started from another encoder than {settings.models[0]}", "Average models of one recipe"
                )
            models.append(cls.load(folder, manifest))
        tokens = models[0].tokens
        if (tokens.preceding, tokens.title) != (settings.context.preceding, settings.context.title):
            found = f"is {settings.context.model_dump()}, the models have preceding {tokens.preceding}, title {tokens.title}"
            raise ConfigError("model.context", found, "Give the context that they were trained with")
        states = [model.network.state_dict() for model in models]
        for folder, state in zip(settings.models, states, strict=True):
            if {name: part.shape for name, part in state.items()} != {name: part.shape for name, part in states[0].items()}:
                raise ConfigError(_WHERE, f"{folder} is built otherwise than {settings.models[0]}", "Average models of one recipe")
        models[0].network.load_state_dict(mean_weights(states))
        context.progress(len(models), len(models), "")
        return models[0]


def weights_digests(settings: SoupModel) -> list[str]:
    """SHA-256 of the weights of each part, as its manifest has them; `none` for one without torch weights.

    :raises ModelFolderError: for a folder that is no whole model.
    """
    return [read_manifest(folder).files.get(TORCH_WEIGHTS, "none") for folder in settings.models]


def mean_weights(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of several states of one network, by name; what is no floating-point number is taken from the first."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if first.is_floating_point() else first.clone()
        for name, first in states[0].items()
    }


def _base(manifest: Manifest) -> str | None:
    return manifest.base_model.sha256 if manifest.base_model is not None else None


def _manifest(folder: Path, labels: Sequence[str]) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.kind != "encoder" or TORCH_WEIGHTS not in manifest.files:
        raise ConfigError(_WHERE, f"{folder} holds no encoder with torch weights", "Name folders that `pactag train` wrote for an encoder")
    if manifest.labels != tuple(labels):
        raise ConfigError(_WHERE, f"{folder} has the labels {list(manifest.labels)}", f"They must be {list(labels)}")
    return manifest
