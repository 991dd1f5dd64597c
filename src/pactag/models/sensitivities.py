"""How much each weight of an encoder matters to the logits, measured on sentences: what rounding to few bits has to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from pactag.models.pooled import PooledNetwork
from pactag.models.tokens import Batch

# Smaller tables are left as they are: they hold next to nothing of the weights.
SMALLEST_TABLE = 20_000
# Derivatives cost twice as much as inputs.
_SHARE_FOR_DERIVATIVES = 0.5


@dataclass(frozen=True)
class Sensitivity:
    """Of one table of weights, shape `(outputs, inputs)`; a table of vectors counts as the weights on a one-hot input.

    `inputs` is the mean product of each two inputs, shape `(inputs, inputs)`, or `(inputs,)` where inputs are one-hot: how often each
    comes. `outputs`, shape `(outputs, outputs)`, is the mean product of the derivatives by each two outputs: of a random sum of the logits
    for one half, of a random sum of the sentence vector for the other. Logits alone say too little: a network is sure of the sentences that
    it was trained on, and what it does not need for them other sentences may.
    """

    inputs: torch.Tensor
    outputs: torch.Tensor


def tables_of(network: PooledNetwork) -> dict[str, torch.nn.Linear | torch.nn.Embedding]:
    """The layers of an encoder whose weights are worth rounding, by their names in `network`."""
    found = {name: module for name, module in network.named_modules() if isinstance(module, torch.nn.Linear | torch.nn.Embedding)}
    return {name: module for name, module in found.items() if name.startswith("encoder.") and module.weight.numel() >= SMALLEST_TABLE}


def weights_of(module: torch.nn.Linear | torch.nn.Embedding) -> torch.Tensor:
    """The weights as `(outputs, inputs)`."""
    return module.weight.data.T if isinstance(module, torch.nn.Embedding) else module.weight.data


def sensitivities(
    network: PooledNetwork, batches: Iterable[Batch], *, frequencies: torch.Tensor | None = None, seed: int = 0
) -> dict[str, Sensitivity]:
    """By the names of `tables_of`; the network is left as it was.

    :param frequencies: how often each word piece comes, where more sentences than those of `batches` say it.
    """
    all_batches = [tuple(torch.from_numpy(part) for part in (batch.ids, batch.attention, batch.pool)) for batch in batches]
    tables = tables_of(network)
    training = network.training
    network.eval()
    try:
        inputs = _inputs(network, tables, all_batches)
        # Every second batch or so: of all lengths, since batches are sorted by length.
        outputs = _outputs(network, tables, all_batches[:: max(1, round(1 / _SHARE_FOR_DERIVATIVES))], seed)
    finally:
        network.train(training)
    if frequencies is not None:
        words = network.encoder.get_input_embeddings()
        inputs.update({name: frequencies / frequencies.sum() for name, module in tables.items() if module is words})
    return {name: Sensitivity(inputs[name], outputs[name]) for name in tables}


def _inputs(network: PooledNetwork, tables: dict[str, Any], batches: list[Any]) -> dict[str, torch.Tensor]:
    sums: dict[str, torch.Tensor] = {}
    same: dict[str, str] = {}
    seen: dict[str, Any] = {"input": None, "name": "", "mask": None}

    def look(name: str, module: Any, values: torch.Tensor) -> None:
        if isinstance(module, torch.nn.Embedding):
            counts = torch.bincount(values.expand_as(seen["mask"])[seen["mask"]], minlength=module.num_embeddings).float()
            _add(sums, name, counts)
        elif values is seen["input"]:
            # Query, key and value look at one input.
            same[name] = seen["name"]
        else:
            seen.update(input=values, name=name)
            used = values[seen["mask"]]
            _add(sums, name, used.T @ used)

    hooks = [
        module.register_forward_pre_hook(lambda module, values, name=name: look(name, module, values[0])) for name, module in tables.items()
    ]
    tokens = 0
    try:
        with torch.no_grad():
            for ids, attention, pool in batches:
                seen.update(input=None, mask=attention.bool())
                tokens += int(attention.sum())
                network(ids, attention, pool)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: sums[same.get(name, name)] / max(tokens, 1) for name in tables}


def _outputs(network: PooledNetwork, tables: dict[str, Any], batches: list[Any], seed: int) -> dict[str, torch.Tensor]:
    by_logits: dict[str, torch.Tensor] = {}
    by_vector: dict[str, torch.Tensor] = {}
    sums, mask = by_logits, torch.zeros(0)

    def look(name: str, slopes: torch.Tensor) -> None:
        # Positions are looked up once for all sentences.
        used = slopes[mask if len(slopes) == len(mask) else mask.any(0, keepdim=True)]
        _add(sums, name, used.T @ used)

    def wait(name: str, output: torch.Tensor) -> None:
        output.register_hook(lambda slopes: look(name, slopes))  # type: ignore[no-untyped-call]

    hooks = [module.register_forward_hook(lambda module, _, output, name=name: wait(name, output)) for name, module in tables.items()]
    draw = torch.Generator().manual_seed(seed)
    tokens = 0
    try:
        for ids, attention, pool in batches:
            mask = attention.bool()
            tokens += int(attention.sum())
            logits, vector = network(ids, attention, pool, vectors=True)
            sums = by_logits
            (logits * (torch.randint(0, 2, logits.shape, generator=draw) * 2 - 1)).sum().backward(retain_graph=True)
            sums = by_vector
            (vector * torch.randn(vector.shape, generator=draw)).sum().backward()
            network.zero_grad(set_to_none=True)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: _half_and_half(by_logits[name], by_vector[name]) / max(tokens, 1) for name in tables}


def _half_and_half(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The mean of both, the second made as large as the first."""
    return (first + second * (first.diag().mean() / second.diag().mean())) / 2


def _add(sums: dict[str, torch.Tensor], name: str, values: torch.Tensor) -> None:
    sums[name] = sums[name].add_(values) if name in sums else values
