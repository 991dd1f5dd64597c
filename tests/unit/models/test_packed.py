"""Weights in few bits: packed without loss, rounded where it matters least, as small as asked for, and computing what torch computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pactag.errors import PactagError
from pactag.model_folder import PACKED_WEIGHTS
from pactag.models import packed, rounding
from pactag.models.onnx import INPUTS, OUTPUT, _packed_session
from pactag.models.packed import PackedTable, pack, unpack
from pactag.models.packed_export import write_packed_network
from pactag.models.pooled import PooledNetwork
from pactag.models.pretrained import without_pooler
from pactag.models.restored import restored_weights
from pactag.models.rounding import LARGEST, Rounder
from pactag.models.sensitivities import Sensitivity, sensitivities, tables_of
from pactag.models.tokens import Batch

WIDTHS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
# For these small networks; the rest of them, which is not rounded, takes 17,000 bytes or so.
KILOBYTES = 45


def bert() -> PooledNetwork:
    return _network(transformers.BertModel(transformers.BertConfig(vocab_size=300, **WIDTHS)))


def mpnet() -> PooledNetwork:
    return _network(transformers.MPNetModel(transformers.MPNetConfig(vocab_size=300, **WIDTHS)))


def _network(encoder: torch.nn.Module) -> PooledNetwork:
    torch.manual_seed(0)
    network = PooledNetwork(without_pooler(encoder), 4).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # The exporter writes equal tables once, and without training all biases are equal.
            parameter.normal_(std=0.3)
    return network


def some_batches() -> list[Batch]:
    random = np.random.default_rng(0)
    ids = [random.integers(2, 300, size=(4, length)) for length in range(5, 25)]
    return [Batch(found, np.ones_like(found), np.ones_like(found)) for found in ids]


@pytest.fixture(autouse=True)
def small_tables_count(monkeypatch) -> None:
    monkeypatch.setattr("pactag.models.sensitivities.SMALLEST_TABLE", 500)


def logits_of(network: PooledNetwork, batch: Batch) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = network(*(torch.from_numpy(part) for part in (batch.ids, batch.attention, batch.pool))).numpy()
    return found


@given(arrays.arrays(np.int8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(-127, 127)), st.booleans())
def test_packing_loses_nothing(numbers: np.ndarray, in_parts: bool):
    factors = [np.linspace(1, 2, size).astype(np.float16)[::-1] for size in numbers.shape]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_SMALLEST_TO_PART", 0 if in_parts else 100_000)
        found = unpack(pack(PackedTable(numbers, *factors)), numbers.shape)
    for part, expected in zip((found.numbers, found.columns, found.rows), (numbers, *factors), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_rare_large_numbers_do_not_widen_the_others():
    numbers = np.random.default_rng(0).choice(np.array([-1, 0, 1], np.int8), p=[0.025, 0.95, 0.025], size=(300, 400))
    numbers[::50, ::50] = 100
    ones = [np.ones(size, np.float16) for size in numbers.shape]
    # The entropy is .34 bits; a code for each number by itself would take one at the least.
    assert len(pack(PackedTable(numbers, *ones))) < numbers.size * 0.7 / 8


def _moments(spread: float) -> torch.Tensor:
    values = torch.randn(500, 40, generator=torch.Generator().manual_seed(1)) * torch.logspace(-spread, spread, 40)
    # Inputs that go together, as those of a layer do.
    values += values.mean(1, keepdim=True) * 5
    return values.T @ values / len(values)


def test_rounding_with_feedback_changes_what_comes_out_less_than_plain_rounding():
    weights, moments = torch.randn(30, 40, generator=torch.Generator().manual_seed(2)), _moments(0.5)
    found = Rounder(weights, Sensitivity(moments, torch.eye(30))).at(1.0)
    factors = found.rows[:, None] * found.columns
    plain = (weights / factors).round() * factors
    lost, lost_plain = (((other - weights) @ moments * (other - weights)).sum() for other in (found.values(), plain))
    assert lost < lost_plain * 0.8


def test_inputs_that_vary_most_get_the_finest_steps():
    columns = Rounder(torch.randn(30, 40), Sensitivity(_moments(1.0), torch.eye(30))).at(1.0).columns
    assert columns[:10].min() > columns[-10:].max()


def test_outputs_that_matter_most_get_the_finest_steps():
    gains = torch.logspace(-2, 2, 30)
    rows = Rounder(torch.randn(30, 40), Sensitivity(_moments(0.1), gains.diag())).at(1.0).rows
    assert (rows.diff() <= 0).all()
    assert rows[0] > 2 * rows[-1]


@pytest.mark.parametrize("one_hot", [False, True])
def test_outputs_make_up_for_each_other(one_hot, monkeypatch):
    monkeypatch.setattr(rounding, "_ROWS_AT_ONCE", 5)
    inputs = torch.rand(40, generator=torch.Generator().manual_seed(4)) if one_hot else _moments(0.3)
    weights, products = torch.randn(30, 40, generator=torch.Generator().manual_seed(2)), _moments(0.1)[:30, :30]
    alone, together = (Rounder(weights, Sensitivity(inputs, matrix)) for matrix in (products.diag().diag(), products))
    # A step at which both take about as many bits.
    step = next(step for step in np.geomspace(4, 0.25, 60) if together.bits(step) >= alone.bits(1.0))
    columns = inputs.diag() if one_hot else inputs
    lost, lost_alone = (
        float((products @ (found.values() - weights) @ columns @ (found.values() - weights).T).trace())
        for found in (together.at(float(step)), alone.at(1.0))
    )
    assert lost < lost_alone * 0.8


def test_no_weight_is_cut_at_the_largest_number():
    weights = torch.randn(30, 40, generator=torch.Generator().manual_seed(3))
    weights[3, 5] = 1000.0
    found = Rounder(weights, Sensitivity(_moments(0.5), torch.eye(30))).at(0.1)
    assert int(found.numbers.abs().max()) < LARGEST
    assert abs(float(found.values()[3, 5]) - 1000) < 10


def test_sensitivities_know_how_often_each_word_comes():
    network, batches = bert(), some_batches()
    found = sensitivities(network, batches)["encoder.embeddings.word_embeddings"].inputs
    tokens = np.concatenate([batch.ids.reshape(-1) for batch in batches])
    np.testing.assert_allclose(found, np.bincount(tokens, minlength=300) / len(tokens), rtol=1e-5)


def test_more_sentences_may_say_how_often_each_word_comes():
    often = torch.arange(300.0)
    found = sensitivities(bert(), some_batches(), frequencies=often)
    torch.testing.assert_close(found["encoder.embeddings.word_embeddings"].inputs, often / often.sum())
    assert found["encoder.embeddings.position_embeddings"].inputs.shape == (512,)


def test_sensitivities_leave_padding_out():
    network, (batch, *_) = bert(), some_batches()
    padded = Batch(*(np.pad(part, ((0, 0), (0, 3))) for part in (batch.ids, batch.attention, batch.pool)))
    plain, same = sensitivities(network, [batch]), sensitivities(network, [padded])
    for name in tables_of(network):
        torch.testing.assert_close(same[name].outputs, plain[name].outputs, rtol=1e-3, atol=1e-6)
        torch.testing.assert_close(same[name].inputs[:200], plain[name].inputs[:200], rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module", params=[bert, mpnet], ids=["bert", "mpnet"])
def written(request, tmp_path_factory) -> tuple[Callable[[], PooledNetwork], Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pactag.models.sensitivities.SMALLEST_TABLE", 500)
        path = tmp_path_factory.mktemp("packed") / PACKED_WEIGHTS
        write_packed_network(request.param(), some_batches(), path, megabytes=KILOBYTES / 1000)
    return request.param, path


def test_the_file_is_as_large_as_asked_for(written):
    _, path = written
    assert 0.7 * KILOBYTES < path.stat().st_size / 1000 <= KILOBYTES


def test_a_packed_network_gives_about_what_torch_gives(written):
    network, path = written
    batch = some_batches()[7]
    expected = logits_of(network(), batch)
    found = _packed_session(path).run([OUTPUT], dict(zip(INPUTS, (batch.ids, batch.attention, batch.pool), strict=True)))[0]
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_training_can_go_on_from_a_packed_network(written):
    network, path = written
    batch = some_batches()[7]
    restored = network()
    restored.load_state_dict(restored_weights(path))
    found = _packed_session(path).run([OUTPUT], dict(zip(INPUTS, (batch.ids, batch.attention, batch.pool), strict=True)))[0]
    # The network itself computes in 8 bits.
    np.testing.assert_allclose(logits_of(restored, batch), found, atol=0.02)


def test_a_size_into_which_a_network_does_not_fit_is_refused(tmp_path):
    with pytest.raises(PactagError, match=r"--megabytes: is 0\.01, into which this network does not fit"):
        write_packed_network(bert(), some_batches(), tmp_path / PACKED_WEIGHTS, megabytes=0.01)
    assert not list(tmp_path.iterdir())


def test_attention_over_distances_is_not_packed(tmp_path):
    network = SimpleNamespace(encoder=SimpleNamespace(config=SimpleNamespace(model_type="deberta-v2")))
    with pytest.raises(PactagError, match="packed: is not written for a deberta-v2"):
        write_packed_network(network, some_batches(), tmp_path / PACKED_WEIGHTS, megabytes=1)
