"""A running average of the weights while they are trained: steadier than the last step, at no cost when tagging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch


class WeightAverage:
    """Exponential moving average of a network's trainable weights, kept on the device where these are at the last step.

    The first steps are averaged over a shorter memory, (1 + step) / (10 + step), so that the start leaves no trace.
    """

    def __init__(self, network: torch.nn.Module, *, decay: float) -> None:
        self._decay = decay
        self._step = 0
        self._weights = {name: parameter.detach().clone() for name, parameter in network.named_parameters() if parameter.requires_grad}

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The averages by the names of the parameters."""
        return self._weights

    @property
    def steps(self) -> int:
        """How many steps were taken in."""
        return self._step

    @torch.no_grad()
    def restore(self, weights: Mapping[str, torch.Tensor], *, steps: int) -> None:
        """Go on from averages that were saved."""
        self._step = steps
        for name, value in weights.items():
            self._weights[name].copy_(value)

    @torch.no_grad()
    def update(self, network: torch.nn.Module) -> None:
        """Take in the weights after a step."""
        self._step += 1
        decay = min(self._decay, (1 + self._step) / (10 + self._step))
        parameters = dict(network.named_parameters())
        # The network is on the processor when the average begins: the Trainer moves it to a GPU later.
        self._weights = {name: value.to(parameters[name].device) for name, value in self._weights.items()}
        torch._foreach_lerp_(list(self._weights.values()), [parameters[name].detach() for name in self._weights], 1 - decay)

    @contextmanager
    @torch.no_grad()
    def applied(self, network: torch.nn.Module) -> Iterator[None]:
        """The network with the averaged weights; what it had before comes back at the end."""
        parameters = dict(network.named_parameters())
        own = {name: parameters[name].detach().clone() for name in self._weights}
        try:
            for name, value in self._weights.items():
                parameters[name].copy_(value)
            yield
        finally:
            for name, value in own.items():
                parameters[name].copy_(value)
