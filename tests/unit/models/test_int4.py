"""Weights in 4 bits: packed without loss, rounded as well as can be, and had back as torch weights that compute the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pactag.models.int4 import pack, rounded, unpack, write_int4
from pactag.models.int8 import write_int8
from pactag.models.onnx import INPUTS, OUTPUT
from pactag.models.onnx_export import write_onnx
from pactag.models.pooled import PooledNetwork
from pactag.models.pretrained import without_pooler
from pactag.models.restored import restored_weights

FOUR_BITS = arrays.arrays(np.int8, st.tuples(st.integers(1, 3), st.integers(1, 8).map(lambda half: 2 * half)), elements=st.integers(-8, 7))


def mpnet() -> PooledNetwork:
    torch.manual_seed(0)
    config = transformers.MPNetConfig(vocab_size=30_000, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    network = PooledNetwork(without_pooler(transformers.MPNetModel(config)), 4).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # The exporter writes equal tables once, and without training all biases are equal.
            parameter.normal_(std=0.3)
    return network


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A tiny MPNet as `onnx`, `int8` and `int4`."""
    folder = tmp_path_factory.mktemp("mpnet")
    write_onnx(mpnet(), folder / "onnx")
    write_int8(folder / "onnx", folder / "int8")
    write_int4(folder / "onnx", folder / "int4")
    return folder


@given(FOUR_BITS, st.booleans())
def test_packing_loses_nothing(numbers: np.ndarray, pairs: bool):
    packed = pack(numbers, pairs=pairs)
    assert packed.nbytes * 2 == numbers.nbytes
    np.testing.assert_array_equal(unpack(packed, pairs=pairs), numbers)


@given(arrays.arrays(np.float32, (2, 32), elements=st.floats(-4, 4, width=16)))
def test_rounding_loses_no_more_than_the_scale_of_the_largest_value_does(values: np.ndarray):
    numbers, scales = rounded(values, 16)
    restored = (numbers.reshape(2, 2, 16) * scales.astype(np.float32)).reshape(2, 32)
    step = np.maximum(np.abs(values.reshape(2, 2, 16)).max(-1, keepdims=True) / 7, 2.0**-14).astype(np.float16).astype(np.float32)
    plain = (np.clip(np.round(values.reshape(2, 2, 16) / step), -8, 7) * step).reshape(2, 32)
    assert ((restored - values) ** 2).sum() <= ((plain - values) ** 2).sum() * 1.0001 + 1e-12


def test_the_file_is_a_quarter_of_fp32_or_less(written):
    # Scales, biases and what is too small to be packed come on top of an eighth.
    assert (written / "int4").stat().st_size < (written / "onnx").stat().st_size / 4


@pytest.mark.parametrize("form", ["int8", "int4"])
def test_an_mpnet_is_restored_to_weights_that_compute_the_same(written, form: str):
    network = mpnet()
    network.load_state_dict(restored_weights(written / form))
    ids = np.random.default_rng(0).integers(2, 30_000, size=(3, 12))
    ones = np.ones_like(ids)
    session = onnxruntime.InferenceSession(str(written / form), providers=["CPUExecutionProvider"])
    exported = session.run([OUTPUT], dict(zip(INPUTS, (ids, ones, ones), strict=True)))[0]
    with torch.inference_mode():
        logits = network(*(torch.from_numpy(part) for part in (ids, ones, ones))).numpy()
    np.testing.assert_allclose(logits, exported, atol=1e-5)
