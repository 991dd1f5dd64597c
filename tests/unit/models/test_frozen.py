"""`frozen`: what it computed once it does not compute again."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.corpus.rows import labelled_sentences, read_corpus
from pactag.model_folder import read_manifest
from pactag.models import classifier
from pactag.models.base import FitContext
from pactag.models.frozen import FrozenClassifier
from pactag.models.known_vectors import KnownVectors
from pactag.models.pooled import PooledClassifier
from pactag.sentences import SentenceInput

INPUTS = [SentenceInput("He left."), SentenceInput("They must go."), SentenceInput("He left.")]


class Lengths:
    """Stands for an encoder, and counts what it reads."""

    def __init__(self) -> None:
        self.read: list[SentenceInput] = []

    def __call__(self, inputs) -> np.ndarray:
        self.read += inputs
        return np.array([[float(len(one.text))] for one in inputs], dtype=np.float32).reshape(-1, 1)


def test_vectors_come_in_the_order_asked_for():
    assert KnownVectors().of(INPUTS, encoder="a", embed=Lengths()).tolist() == [[8.0], [13.0], [8.0]]


def test_a_list_is_read_once_and_so_is_each_of_its_sentences():
    known, embed = KnownVectors(), Lengths()
    for _ in range(2):
        known.of(INPUTS, encoder="a", embed=embed)
    assert embed.read == INPUTS[:2]


def test_a_part_of_a_list_is_read_in_batches_of_its_own():
    known, embed = KnownVectors(), Lengths()
    known.of(INPUTS, encoder="a", embed=embed)
    known.of(INPUTS[1:], encoder="a", embed=embed)
    assert embed.read == [*INPUTS[:2], *INPUTS[1:]]


def test_another_encoder_reads_anew():
    known, embed = KnownVectors(), Lengths()
    known.of(INPUTS, encoder="a", embed=embed)
    known.of(INPUTS, encoder="b", embed=embed)
    assert embed.read == INPUTS[:2] * 2


def test_no_more_are_kept_than_agreed():
    known, embed = KnownVectors(most=2), Lengths()
    known.of(INPUTS[:2], encoder="a", embed=embed)
    assert known.of([SentenceInput("Third."), INPUTS[1]], encoder="a", embed=embed).tolist() == [[6.0], [13.0]]
    assert len(embed.read) == 4


def test_sentences_that_are_known_take_no_further_room():
    known, embed = KnownVectors(most=2), Lengths()
    known.of(INPUTS, encoder="a", embed=embed)
    known.of(INPUTS, encoder="a", embed=embed)
    assert embed.read == INPUTS[:2]


def test_no_sentences_give_no_vectors():
    assert KnownVectors().of([], encoder="a", embed=Lengths()).shape == (0, 1)


def test_a_second_fit_reads_nothing_again(config_of, schema, monkeypatch):
    config = config_of("frozen")
    corpus = read_corpus(config.data.corpus, schema)
    train, validation = (labelled_sentences(corpus[name], schema) for name in ("train", "validation"))
    first = FrozenClassifier.fit(train, validation, config=config, labels=schema.names, context=FitContext())
    logits = first.predict_logits(validation.inputs)
    monkeypatch.setattr(PooledClassifier, "_run", lambda *_: pytest.fail("read again"))
    second = FrozenClassifier.fit(train, validation, config=config, labels=schema.names, context=FitContext())
    assert np.array_equal(second.predict_logits(validation.inputs), logits)


def test_a_loaded_model_scores_as_the_trained_one(config_of, schema, trained):
    folder = trained["frozen"].folder
    config = config_of("frozen")
    corpus = read_corpus(config.data.corpus, schema)
    train, validation = (labelled_sentences(corpus[name], schema) for name in ("train", "validation"))
    fitted = FrozenClassifier.fit(train, validation, config=config, labels=schema.names, context=FitContext())
    loaded = classifier("frozen").load(folder, read_manifest(folder))
    np.testing.assert_allclose(loaded.predict_logits(validation.inputs), fitted.predict_logits(validation.inputs), atol=1e-4)
