"""Token ids: what is kept when room is short, what is pooled, and batches that lose nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from pactag.model_folder import Tokens
from pactag.models.tokens import Encoded, SentenceTokenizer, batches, pad
from pactag.sentences import SentenceInput

CLS, SEP, PAD, UNKNOWN = 1, 2, 0, 3


def _word_tokenizer() -> Tokenizer:
    """Word `w7` is id 107."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": UNKNOWN, **{f"w{n}": 100 + n for n in range(200)}}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return tokenizer


def _settings(max_tokens: int = 64, pooling: str = "mean") -> Tokens:
    return Tokens(max_tokens=max_tokens, preceding=0, title=False, cls_id=CLS, sep_id=SEP, pad_id=PAD, pooling=pooling)


def _words(start: int, count: int) -> str:
    return " ".join(f"w{n}" for n in range(start, start + count))


def _ids(start: int, count: int) -> list[int]:
    return list(range(100 + start, 100 + start + count))


def _encode(text: str, *before: str, title: str | None = None, **settings) -> Encoded:
    (encoded,) = SentenceTokenizer(_word_tokenizer(), _settings(**settings)).encode([SentenceInput(text, before, title)])
    return encoded


# One input


def test_sentence_alone_is_pooled_whole():
    assert _encode("w1 w2") == Encoded([CLS, 101, 102, SEP], 0, 4)


def test_context_comes_first_oldest_to_nearest_and_is_not_pooled():
    assert _encode("w1", "w2 w3", "w4") == Encoded([CLS, 102, 103, 104, SEP, 101, SEP], 5, 7)


def test_title_stands_before_the_context():
    encoded = _encode("w1", "w2", title="w8 w9")
    assert encoded.ids == [CLS, 108, 109, SEP, 102, SEP, 101, SEP]
    assert (encoded.start, encoded.end) == (6, 8)


def test_title_of_one_word_is_kept():
    assert _encode("w1", title="w9").ids == [CLS, 109, SEP, 101, SEP]


def test_first_token_is_pooled_when_asked():
    assert _encode("w1", "w2", pooling="first") == Encoded([CLS, 102, SEP, 101, SEP], 0, 1)


def test_empty_title_and_context_leave_no_separator():
    assert _encode("w1", "", title="").ids == [CLS, 101, SEP]


def test_sentence_without_tokens_can_be_encoded():
    assert _encode(" ") == Encoded([CLS, SEP], 0, 2)


def test_sentence_that_is_too_long_loses_its_end():
    assert _encode(_words(0, 20), "w50", title="w60", max_tokens=10).ids == [CLS, *_ids(0, 8), SEP]


def test_context_loses_its_oldest_tokens_first():
    assert _encode(_words(0, 4), _words(50, 3), _words(60, 3), max_tokens=10).ids == [CLS, *_ids(60, 3), SEP, *_ids(0, 4), SEP]


def test_context_goes_before_the_title_loses_anything():
    encoded = _encode(_words(0, 4), "w90", title=_words(50, 5), max_tokens=12)
    assert encoded.ids == [CLS, *_ids(50, 5), SEP, *_ids(0, 4), SEP]


def test_title_loses_its_last_tokens():
    encoded = _encode(_words(0, 4), "w90", title=_words(50, 20), max_tokens=12)
    assert encoded.ids == [CLS, *_ids(50, 5), SEP, *_ids(0, 4), SEP]


def test_context_of_exactly_the_room_is_whole():
    assert _encode(_words(0, 4), _words(50, 3), max_tokens=10).ids == [CLS, *_ids(50, 3), SEP, *_ids(0, 4), SEP]


def test_room_for_one_token_and_its_separator_is_used():
    assert _encode(_words(0, 6), _words(50, 3), max_tokens=10).ids == [CLS, 152, SEP, *_ids(0, 6), SEP]


def test_room_for_a_separator_only_stays_empty():
    assert _encode(_words(0, 7), "w50", max_tokens=10).ids == [CLS, *_ids(0, 7), SEP]


def test_only_the_start_of_a_very_long_text_is_tokenised():
    # 16 characters for each of 8 tokens: the word behind them is not reached.
    assert _encode(" " * 128 + "w1", max_tokens=8).ids == [CLS, SEP]
    assert _encode("w1 " * 1_000_000, max_tokens=8).ids == [CLS, *[101] * 6, SEP]


LENGTHS = st.integers(0, 40)


@settings(max_examples=200)
@given(sentence=LENGTHS, title=LENGTHS, before=st.lists(LENGTHS, max_size=3), max_tokens=st.integers(8, 60))
def test_parts_fit_and_keep_what_matters_most(sentence, title, before, max_tokens):
    context = [_words(50 + 40 * i, count) for i, count in enumerate(before)]
    encoded = _encode(_words(0, sentence), *context, title=_words(50, title), max_tokens=max_tokens)
    kept = min(sentence, max_tokens - 2)
    assert len(encoded.ids) <= max_tokens
    assert encoded.ids[0] == CLS
    assert encoded.ids[len(encoded.ids) - 1 - kept :] == [*_ids(0, kept), SEP]
    assert encoded.end == len(encoded.ids)
    assert encoded.start in (0, len(encoded.ids) - 1 - kept)


@settings(max_examples=100)
@given(sentence=st.integers(1, 10), title=st.integers(1, 10), before=st.integers(1, 10))
def test_nothing_is_cut_when_there_is_room(sentence, title, before):
    encoded = _encode(_words(0, sentence), _words(50, before), title=_words(80, title), max_tokens=64)
    assert encoded.ids == [CLS, *_ids(80, title), SEP, *_ids(50, before), SEP, *_ids(0, sentence), SEP]


# Many inputs


def test_company_does_not_change_an_encoding():
    tokenizer = SentenceTokenizer(_word_tokenizer(), _settings(max_tokens=10))
    inputs = [SentenceInput("w1 w2"), SentenceInput(_words(0, 30), ("w1 w2",)), SentenceInput("w3", ("w1 w2",), "w1 w2")]
    assert tokenizer.encode(inputs) == [tokenizer.encode([each])[0] for each in inputs]


def test_company_does_not_change_an_encoding_of_a_text_without_end():
    tokenizer = SentenceTokenizer(_word_tokenizer(), _settings(max_tokens=8))
    endless = _words(0, 100)
    inputs = [SentenceInput("w150", (endless,), "w151"), SentenceInput(endless), SentenceInput("w152", (), endless)]
    assert tokenizer.encode(inputs) == [tokenizer.encode([each])[0] for each in inputs]
    assert [encoded.ids[1:-1] for encoded in tokenizer.encode(inputs)] == [
        [251, SEP, 198, 199, SEP, 250],
        _ids(0, 6),
        [*_ids(0, 4), SEP, 252],
    ]


def test_no_inputs_give_no_encodings():
    assert SentenceTokenizer(_word_tokenizer(), _settings()).encode([]) == []


def test_truncation_and_padding_of_the_file_are_not_used(tmp_path):
    tokenizer = _word_tokenizer()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = SentenceTokenizer.from_file(tmp_path / "tokenizer.json", _settings())
    assert [encoded.ids for encoded in loaded.encode([SentenceInput(_words(0, 5))])] == [[CLS, *_ids(0, 5), SEP]]


def test_saved_tokenizer_gives_the_same_ids(tmp_path):
    tokenizer = SentenceTokenizer(_word_tokenizer(), _settings())
    tokenizer.save(tmp_path / "tokenizer.json")
    inputs = [SentenceInput("w1 strange w2", ("w3",), "w4 w5")]
    assert SentenceTokenizer.from_file(tmp_path / "tokenizer.json", _settings()).encode(inputs) == tokenizer.encode(inputs)


# Batches


def _encoded(lengths: list[int]) -> list[Encoded]:
    return [Encoded([100 + i] * length, min(1, length - 1), length) for i, length in enumerate(lengths)]


@settings(max_examples=100)
@given(lengths=st.lists(st.integers(1, 30), max_size=40), max_sentences=st.integers(1, 8), max_tokens=st.integers(1, 60))
def test_batches_hold_every_input_once_within_the_limits(lengths, max_sentences, max_tokens):
    encoded = _encoded(lengths)
    seen = []
    for positions, batch in batches(encoded, PAD, max_sentences=max_sentences, max_tokens=max_tokens):
        assert len(positions) <= max_sentences
        assert len(positions) == 1 or batch.ids.size <= max_tokens
        for position, ids, attention in zip(positions, batch.ids, batch.attention, strict=True):
            assert ids[attention == 1].tolist() == encoded[position].ids
        seen += positions.tolist()
    assert sorted(seen) == list(range(len(encoded)))


def test_inputs_of_like_length_share_a_batch():
    found = [sorted(positions.tolist()) for positions, _ in batches(_encoded([9, 2, 8, 3]), PAD, max_sentences=2)]
    assert found == [[1, 3], [0, 2]]


def test_batches_are_filled_up_to_the_limit():
    assert [len(positions) for positions, _ in batches(_encoded([4] * 7), PAD, max_tokens=12)] == [3, 3, 1]
    assert [len(positions) for positions, _ in batches(_encoded([4] * 7), PAD, max_sentences=2)] == [2, 2, 2, 1]


def test_padding_is_masked():
    batch = pad([Encoded([CLS, 7, SEP], 1, 3), Encoded([CLS, SEP], 0, 1)], 99)
    np.testing.assert_array_equal(batch.ids, [[CLS, 7, SEP], [CLS, SEP, 99]])
    np.testing.assert_array_equal(batch.attention, [[1, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(batch.pool, [[0, 1, 1], [1, 0, 0]])
    assert {array.dtype for array in (batch.ids, batch.attention, batch.pool)} == {np.dtype(np.int64)}


@pytest.mark.parametrize("part", ["ids", "attention", "pool"])
def test_arrays_of_a_batch_have_one_shape(part: str):
    ((_, batch),) = batches(_encoded([2, 5, 3]), PAD)
    assert getattr(batch, part).shape == (3, 5)
