"""The mean of the weights of trained encoders."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from pactag import Tagger
from pactag.errors import ConfigError, TrackingError
from pactag.model_folder import TORCH_WEIGHTS, read_manifest
from pactag.models.soup import mean_weights
from pactag.reproduction import plan, reproduce
from pactag.tracking import Tracker
from pactag.tracking.reading import input_digests
from pactag.training import train


@pytest.fixture(scope="module")
def second(config_of) -> Path:
    """An encoder trained as that of `trained`, with another seed."""
    folder = train(config_of("encoder", name="second", seed=2)).folder
    assert folder is not None
    return folder


@pytest.fixture(scope="module")
def soup_config(config_of):
    """Makes the config of a soup of these folders."""

    def make(*models: Path, **changes):
        context = config_of("encoder").model.context.model_dump()
        return config_of(
            "tfidf", name="soup", model={"kind": "soup", "models": [str(model) for model in models], "context": context}, **changes
        )

    return make


@pytest.fixture(scope="module")
def soup(soup_config, trained, second):
    return train(soup_config(trained["encoder"].folder, second))


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / TORCH_WEIGHTS)


def test_weights_are_the_mean_of_the_parts(soup, trained, second):
    parts = [_weights(trained["encoder"].folder), _weights(second)]
    mean = _weights(soup.folder)
    assert mean.keys() == parts[0].keys()
    for name, value in mean.items():
        torch.testing.assert_close(value, (parts[0][name] + parts[1][name]) / 2)


def test_parts_differ(trained, second):
    # Or the test above would hold for any of them.
    first, other = _weights(trained["encoder"].folder), _weights(second)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_soup_is_saved_as_an_encoder_and_tags_as_it_was_measured(soup, small_corpus, schema):
    from pactag.corpus.rows import read_rows
    from pactag.evaluation import evaluate

    assert read_manifest(soup.folder).kind == "encoder"
    found = evaluate(Tagger.load(soup.folder), read_rows(small_corpus / "test.jsonl", schema))
    np.testing.assert_array_equal(found.scores, soup.test.scores)


def test_mean_weights_keeps_what_is_no_floating_point_number():
    states = [{"at": torch.tensor([1, 2]), "w": torch.tensor([0.0])}, {"at": torch.tensor([3, 4]), "w": torch.tensor([1.0])}]
    found = mean_weights(states)
    assert found["at"].tolist() == [1, 2]
    assert found["w"].tolist() == [0.5]


def test_folder_without_an_encoder_is_refused(soup_config, trained):
    with pytest.raises(ConfigError, match="holds no encoder with torch weights"):
        train(soup_config(trained["encoder"].folder, trained["frozen"].folder))


def test_models_with_other_inputs_are_refused(config_of, soup_config, trained):
    settings = config_of("encoder").model.model_dump()
    other = train(config_of("encoder", name="shorter", model={**settings, "max_tokens": 32}, training={"epochs": 0.1})).folder
    with pytest.raises(ConfigError, match="reads its input otherwise"):
        train(soup_config(trained["encoder"].folder, other))


def test_models_of_another_base_are_refused(soup_config, trained, second, monkeypatch):
    real = read_manifest
    other = {"base_model": real(second).base_model.model_copy(update={"sha256": "0" * 64})}
    monkeypatch.setattr(
        "pactag.models.soup.read_manifest", lambda folder: real(folder).model_copy(update=other if folder == second else {})
    )
    with pytest.raises(ConfigError, match="started from another encoder"):
        train(soup_config(trained["encoder"].folder, second))


def test_card_names_the_parts(soup, trained, second):
    card = (soup.folder / "README.md").read_text(encoding="utf-8")
    assert f"| mean of the weights of | {trained['encoder'].folder.name}, {second.name} |" in card


def test_another_context_is_refused(config_of, trained, second):
    model = {"kind": "soup", "models": [str(trained["encoder"].folder), str(second)]}
    with pytest.raises(ConfigError, match=r"model\.context"):
        train(config_of("tfidf", name="soup", model=model))


def test_soup_has_no_scores_out_of_fold(soup_config, trained, second, schema, small_corpus):
    from pactag.annotation.out_of_fold import out_of_fold
    from pactag.corpus.rows import read_rows

    rows = read_rows(small_corpus / "train.jsonl", schema)
    with pytest.raises(ConfigError, match="whose parts have learnt already"):
        out_of_fold(rows, schema, config=soup_config(trained["encoder"].folder, second), folds=2)


def test_run_says_of_which_weights_it_is_made(soup, store, trained, second):
    digests = [read_manifest(folder).files[TORCH_WEIGHTS] for folder in (trained["encoder"].folder, second)]
    assert Tracker(store).get_run(soup.run_id).data.tags["parts.sha256"] == " ".join(digests)


def test_run_names_no_training_data(soup, store):
    assert set(input_digests(Tracker(store), soup.run_id)) == {"validation", "test"}


def test_soup_of_the_same_parts_can_be_made_again(soup, store):
    done = reproduce(Tracker(store), plan(Tracker(store), soup.run_id))
    assert done.identical


def test_soup_is_not_reproduced_from_other_parts(soup_config, trained, second, store, tmp_path):
    part = tmp_path / "part"
    shutil.copytree(second, part)
    run = train(soup_config(trained["encoder"].folder, part, save=False))
    shutil.rmtree(part)
    shutil.copytree(trained["encoder"].folder, part)
    with pytest.raises(TrackingError, match="weights of its parts was"):
        plan(Tracker(store), run.run_id)
