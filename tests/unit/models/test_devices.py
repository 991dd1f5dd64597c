"""What a fine-tuning runs on, in which precision, and how a step is shared out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pactag import processes
from pactag.config import TrainingConfig
from pactag.corpus.rows import LabelledSentences, labelled_sentences, read_corpus
from pactag.errors import ConfigError
from pactag.evaluation import evaluate
from pactag.models.base import FitContext
from pactag.models.devices import device_for, share_of_batch, text_of_main, told_by_main
from pactag.models.encoder import EncoderClassifier
from pactag.tagging import Tagger
from pactag.training import train

without_gpu = pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="a GPU is there")


@pytest.fixture
def second_of_two(monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)


@without_gpu
def test_auto_is_the_processor_where_there_is_no_gpu():
    assert device_for(TrainingConfig()) == torch.device("cpu")


@without_gpu
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda"}, r"training\.device: is cuda, which torch does not find here. It finds cpu"),
        ({"precision": "fp16"}, r"training\.precision: is fp16, in which a processor does not train"),
        ({"precision": "fp16", "device": "cpu"}, r"training\.precision: is fp16"),
    ],
)
def test_device_that_cannot_is_told(settings, message):
    with pytest.raises(ConfigError, match=message):
        device_for(TrainingConfig(**settings))


def test_batch_is_over_all_processes_and_parts(second_of_two):
    assert share_of_batch(TrainingConfig(batch_size=32, gradient_accumulation=4)) == 4


def test_batch_that_cannot_be_shared_out_is_told(second_of_two):
    with pytest.raises(ConfigError, match=r"training\.batch_size: is 32, to be shared out to 2 .* in 3 parts each\. .* multiple of 6"):
        share_of_batch(TrainingConfig(batch_size=32, gradient_accumulation=3))


def test_process_by_itself_is_the_main_one(monkeypatch):
    # Schedulers set some of these names as well.
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("RANK", "3")
    assert (processes.process_count(), processes.is_main()) == (1, True)
    assert (told_by_main(5), text_of_main("a")) == (5, "a")


def test_further_process_does_not_record(second_of_two, config_of):
    with pytest.raises(ConfigError, match="was started as one of several processes"):
        train(config_of("tfidf"))


def test_parts_of_a_step_add_up_to_the_step(config_of, schema, small_corpus, steady_base):
    found = labelled_sentences(read_corpus(small_corpus, schema)["train"], schema)
    # The last step is a short one, of parts that differ in size.
    count = len(found) // 16 * 16 - 10
    learnt = LabelledSentences(found.inputs[:count], found.targets[:count], found.groups[:count], found.ids[:count])
    logits = []
    for parts in (1, 4):
        training = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16, "gradient_accumulation": parts, "early_stopping": None}
        model = {"kind": "encoder", "base": str(steady_base), "max_tokens": 48, "dropout": 0.0}
        config = config_of("encoder", training=training, model=model)
        fitted = EncoderClassifier.fit(learnt, learnt, config=config, labels=schema.names, context=FitContext())
        logits.append(fitted.predict_logits(learnt.inputs))
    assert np.allclose(*logits, atol=1e-4)


def test_model_trained_in_bf16_is_measured_and_kept_in_fp32(config_of, schema, small_corpus, tmp_path):
    training = {"epochs": 1, "learning_rate": 1e-3, "precision": "bf16", "device": "cpu"}
    done = train(config_of("encoder", training=training, output=str(tmp_path)))
    again = evaluate(Tagger.load(done.folder), read_corpus(small_corpus, schema)["test"])
    assert np.allclose(again.scores, done.test.scores, atol=1e-6)
