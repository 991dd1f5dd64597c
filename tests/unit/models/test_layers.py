"""Smaller encoders: which layers and neurons stay, and that what is saved reads back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from pactag.errors import ConfigError
from pactag.models.shrinking import keep_layers, keep_neurons
from pactag.models.tokens import Batch


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=6, num_attention_heads=2, intermediate_size=16)
    return transformers.BertModel(config).eval()


@pytest.mark.parametrize(("layers", "kept"), [(None, range(6)), (6, range(6)), (3, [0, 2, 5]), (1, [0]), ((1, 4), [1, 4])])
def test_these_layers_stay(encoder, layers, kept):
    before = list(encoder.encoder.layer)
    keep_layers(encoder, layers)
    assert [before.index(layer) for layer in encoder.encoder.layer] == list(kept)
    assert encoder.config.num_hidden_layers == len(list(kept))


def test_shallower_encoder_still_encodes_and_reads_back(encoder):
    keep_layers(encoder, 2)
    ids = torch.tensor([[1, 2, 3]])
    again = transformers.AutoModel.from_config(encoder.config).eval()
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        assert torch.equal(again(input_ids=ids).last_hidden_state, encoder(input_ids=ids).last_hidden_state)


@pytest.mark.parametrize("layers", [0, 7, (6,), (1, 1), ()])
def test_layers_that_are_not_there_are_refused(encoder, layers):
    with pytest.raises(ConfigError, match=r"model\.layers: is .* bert has 6: give 1 to 6"):
        keep_layers(encoder, layers)


def test_kinds_say_layer_by_layer_are_cut_as_well(encoder):
    encoder.config.layer_types = ["a", "b", "c", "d", "e", "f"]
    keep_layers(encoder, (0, 5))
    assert encoder.config.layer_types == ["a", "f"]


@pytest.fixture
def sentences():
    ids = np.random.default_rng(0).integers(1, 20, size=(30, 6))
    return [Batch(ids, np.ones_like(ids), np.ones_like(ids))]


def _encoded(encoder, batch):
    with torch.inference_mode():
        return encoder(input_ids=torch.from_numpy(batch.ids), attention_mask=torch.from_numpy(batch.attention)).last_hidden_state


def test_narrower_encoder_still_encodes_and_reads_back(encoder, sentences):
    keep_neurons(encoder, 5, sentences)
    again = transformers.AutoModel.from_config(encoder.config).eval()
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(_encoded(again, sentences[0]), _encoded(encoder, sentences[0]))


def test_neurons_that_do_not_vary_are_lost_without_a_trace(encoder, sentences):
    """Half of the neurons put out the same for every token: what they add is kept."""
    with torch.no_grad():
        for layer in encoder.encoder.layer:
            layer.intermediate.dense.weight[::2] = 0
            layer.intermediate.dense.bias[::2] = 0.7
    before = _encoded(encoder, sentences[0])
    keep_neurons(encoder, 8, sentences)
    assert torch.allclose(before, _encoded(encoder, sentences[0]), atol=1e-5)


def test_all_neurons_stay_when_none_is_named(encoder, sentences):
    before = _encoded(encoder, sentences[0])
    keep_neurons(encoder, None, sentences)
    assert torch.equal(before, _encoded(encoder, sentences[0]))


def test_more_neurons_than_there_are_are_refused(encoder, sentences):
    with pytest.raises(ConfigError, match=r"model\.feed_forward: is 17. bert has 16 in each layer"):
        keep_neurons(encoder, 17, sentences)


def test_feed_forward_of_another_build_is_refused(sentences):
    config = transformers.ModernBertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, pad_token_id=0
    )
    with pytest.raises(ConfigError, match=r"model\.feed_forward: cannot be used with modernbert"):
        keep_neurons(transformers.ModernBertModel(config), 4, sentences)


def _modern_bert():
    config = transformers.ModernBertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, pad_token_id=0
    )
    return transformers.ModernBertModel(config)


def test_first_layer_stays_where_it_is_built_otherwise():
    with pytest.raises(ConfigError, match=r"model\.layers: is \(1, 3\), of which no modernbert can be made"):
        keep_layers(_modern_bert(), (1, 3))
    assert keep_layers(_modern_bert(), (0, 3)).config.num_hidden_layers == 2
