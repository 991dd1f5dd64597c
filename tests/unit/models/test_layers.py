"""Shallower encoders: which layers stay, and that what is saved reads back."""

from __future__ import annotations

import pytest
import torch
import transformers

from pactag.errors import ConfigError
from pactag.models.pretrained import keep_layers


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
