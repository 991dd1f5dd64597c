"""Smaller encoders, cut from larger ones: fewer layers, and narrower feed-forward parts within each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from pactag.errors import ConfigError
from pactag.models.tokens import Batch


def keep_layers(encoder: Any, layers: int | Sequence[int] | None) -> Any:
    """Drop layers of an encoder, in place.

    :param layers: how many to keep, spread evenly from the first to the last, or which, counted from 0; None keeps all.
    :raises ConfigError: for more layers than there are, for places that there are not, and for an encoder of an unknown build, or of which
        these layers make none.
    """
    if layers is None:
        return encoder
    depth = encoder.config.num_hidden_layers
    chosen = sorted({round(place) for place in np.linspace(0, depth - 1, layers)}) if isinstance(layers, int) else list(layers)
    if not chosen or len(set(chosen)) < (layers if isinstance(layers, int) else len(chosen)) or not all(0 <= i < depth for i in chosen):
        raise ConfigError(
            "model.layers", f"is {layers}", f"{encoder.config.model_type} has {depth}: give 1 to {depth}, or different places from 0"
        )
    stacks = [(module, name) for module in encoder.modules() for name, child in module.named_children() if _is_stack(child, depth)]
    if len(stacks) != 1:
        raise ConfigError(
            "model.layers", f"cannot be used with {encoder.config.model_type}", "Leave it out, or take an encoder such as BERT"
        )
    module, name = stacks[0]
    setattr(module, name, torch.nn.ModuleList(getattr(module, name)[i] for i in chosen))
    # Some architectures say layer by layer what kind each is.
    for setting, value in encoder.config.to_dict().items():
        if isinstance(value, list) and len(value) == depth:
            setattr(encoder.config, setting, [value[i] for i in chosen])
    encoder.config.num_hidden_layers = len(chosen)
    if not _can_be_made_again(encoder):
        kind = encoder.config.model_type
        found = f"is {layers}, of which no {kind} can be made: its layers differ in their build"
        raise ConfigError("model.layers", found, f"Keep the first, place 0, or give a number, such as {len(chosen)}")
    return encoder


def _can_be_made_again(encoder: Any) -> bool:
    """Whether an encoder that is made from the config has the same tensors; if not, what is trained could never be loaded."""
    with torch.device("meta"):
        again = type(encoder)(encoder.config)
    names = ({name for name in one.state_dict() if not name.startswith("pooler.")} for one in (encoder, again))
    return len(set(map(frozenset, names))) == 1


def _is_stack(module: Any, depth: int) -> bool:
    return isinstance(module, torch.nn.ModuleList) and len(module) == depth


def keep_neurons(encoder: Any, width: int | None, batches: Iterable[Batch]) -> Any:
    """Narrow the feed-forward part of every layer, in place, to the neurons whose output varies most.

    What a neuron adds on average is kept as a constant, so that only its variation is lost.

    :param width: neurons to keep in each layer; None keeps all.
    :param batches: sentences that show how the neurons vary, unpadded.
    :raises ConfigError: for more neurons than there are, and for an encoder of an unknown build.
    """
    if width is None:
        return encoder
    most = getattr(encoder.config, "intermediate_size", 0)
    pairs = _feed_forward(encoder, most)
    if len(pairs) != encoder.config.num_hidden_layers:
        fix = "Leave it out, or take an encoder such as BERT"
        raise ConfigError("model.feed_forward", f"cannot be used with {encoder.config.model_type}", fix)
    if width > most:
        raise ConfigError("model.feed_forward", f"is {width}", f"{encoder.config.model_type} has {most} in each layer: give 1 to {most}")
    mean, spread = _outputs(encoder, [second for _, second in pairs], batches)
    with torch.no_grad():
        for (first, second), average, deviation in zip(pairs, mean, spread, strict=True):
            kept = (deviation * second.weight.norm(dim=0)).topk(width).indices.sort().values
            lost = torch.ones(most, dtype=torch.bool)
            lost[kept] = False
            second.bias.add_(second.weight[:, lost] @ average[lost])
            first.weight, first.bias = torch.nn.Parameter(first.weight[kept]), torch.nn.Parameter(first.bias[kept])
            second.weight = torch.nn.Parameter(second.weight[:, kept])
            first.out_features = second.in_features = width
    encoder.config.intermediate_size = width
    return encoder


def _feed_forward(encoder: Any, width: int) -> list[tuple[torch.nn.Linear, torch.nn.Linear]]:
    """The two products of each feed-forward part, in order. Gated ones have another shape and are not found."""
    linear = [module for module in encoder.modules() if isinstance(module, torch.nn.Linear) and module.bias is not None]
    widening = [module for module in linear if module.out_features == width]
    narrowing = [module for module in linear if module.in_features == width]
    return list(zip(widening, narrowing, strict=False)) if len(widening) == len(narrowing) else []


def _outputs(encoder: Any, narrowing: Sequence[torch.nn.Linear], batches: Iterable[Batch]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Mean and standard deviation, over tokens, of each neuron that goes into `narrowing`, one tensor a layer."""
    count = 0
    total, squares = ([torch.zeros(module.in_features, dtype=torch.float64) for module in narrowing] for _ in range(2))

    def watch(i: int) -> Any:
        def hook(_module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            values = inputs[0].reshape(-1, inputs[0].shape[-1]).double()
            total[i] += values.sum(0)
            squares[i] += (values**2).sum(0)

        return hook

    hooks = [module.register_forward_pre_hook(watch(i)) for i, module in enumerate(narrowing)]
    training = encoder.training
    encoder.eval()
    with torch.inference_mode():
        for batch in batches:
            count += batch.ids.size
            encoder(input_ids=torch.from_numpy(batch.ids), attention_mask=torch.from_numpy(batch.attention))
    encoder.train(training)
    for hook in hooks:
        hook.remove()
    mean = [values / max(count, 1) for values in total]
    spread = [(values / max(count, 1) - average**2).clamp(min=0).sqrt() for values, average in zip(squares, mean, strict=True)]
    return [values.float() for values in mean], [values.float() for values in spread]
