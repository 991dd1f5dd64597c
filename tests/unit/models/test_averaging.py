"""The running average of weights."""

from __future__ import annotations

import pytest
import torch

from pactag.models.averaging import WeightAverage


def _at(value: float) -> torch.nn.Linear:
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(value)
    return layer


def test_average_lies_between_old_and_new_weights():
    layer = _at(0.0)
    average = WeightAverage(layer, decay=0.9)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    average.update(layer)
    with average.applied(layer):
        assert 0 < layer.weight.item() < 1


def test_own_weights_come_back():
    layer = _at(0.0)
    average = WeightAverage(layer, decay=0.9)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    average.update(layer)
    with average.applied(layer):
        pass
    assert layer.weight.item() == 1.0


def test_average_settles_where_the_weights_stay():
    layer = _at(0.0)
    average = WeightAverage(layer, decay=0.9)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    for _ in range(200):
        average.update(layer)
    with average.applied(layer):
        assert layer.weight.item() == pytest.approx(1.0, abs=1e-3)


def test_weights_that_are_not_trained_are_left_alone():
    layer = _at(0.0)
    layer.weight.requires_grad_(False)
    average = WeightAverage(layer, decay=0.9)
    layer.weight.fill_(1.0)
    with average.applied(layer):
        assert layer.weight.item() == 1.0


def test_average_follows_the_network_to_its_device():
    layer = _at(0.0)
    average = WeightAverage(layer, decay=0.9)
    # No GPU here; between this device and the processor torch computes as little as between the two.
    layer.to("meta")
    average.update(layer)
    assert average.weights["weight"].device.type == "meta"
