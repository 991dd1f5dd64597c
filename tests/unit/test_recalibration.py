"""A model read in another way: its network stays, scales and thresholds come from other sentences, and what to expect is out of fold."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pactag.config import load_config
from pactag.corpus.rows import read_rows
from pactag.errors import ConfigError, CorpusError, ModelFolderError
from pactag.evaluation import evaluate
from pactag.model_folder import CARD, CONFIG, read_manifest
from pactag.recalibration import recalibrate
from pactag.tagging import Tagger


@pytest.fixture(scope="module")
def model(trained):
    return trained["tfidf"].folder


@pytest.fixture(scope="module")
def validation(small_corpus):
    return small_corpus / "validation.jsonl"


@pytest.fixture(scope="module")
def own(small_corpus):
    """Sentences that had no part in the training."""
    return small_corpus / "test.jsonl"


def test_the_validation_split_gives_what_training_chose(model, validation, tmp_path):
    again = read_manifest(recalibrate(model, validation, tmp_path / "again").folder)
    before = read_manifest(model)
    assert again.thresholds == pytest.approx(before.thresholds)
    assert again.margins == pytest.approx(before.margins)
    assert {name: scale.slope for name, scale in again.calibration.items()} == pytest.approx(
        {name: scale.slope for name, scale in before.calibration.items()}
    )


def test_the_network_stays_as_it_is(model, own, tmp_path):
    read_otherwise = read_manifest(recalibrate(model, own, tmp_path / "own", precision=0.8).folder)
    before = read_manifest(model)
    changed = {name for name in before.files if before.files[name] != read_otherwise.files[name]}
    assert changed == {CONFIG, CARD}
    assert read_otherwise.model_id != before.model_id


def test_a_precision_is_reached_on_the_sentences_it_was_asked_for(model, own, tmp_path, schema):
    done = recalibrate(model, own, tmp_path / "strict", precision=0.8)
    found = evaluate(Tagger.load(done.folder), read_rows(own, schema))
    below = [name for name in found.labels if found.figures[f"{name}/precision"] < 0.8]
    assert tuple(below) == done.short


def test_a_threshold_is_taken_as_it_is(model, own, tmp_path):
    folder = recalibrate(model, own, tmp_path / "fixed", threshold=0.7).folder
    assert set(read_manifest(folder).thresholds.values()) == {0.7}


def test_what_was_asked_for_stands_in_the_config(model, own, tmp_path):
    folder = recalibrate(model, own, tmp_path / "strict", precision=0.8).folder
    point, before = (load_config(place / CONFIG).operating_point for place in (folder, model))
    assert (point.objective, point.precision, point.uncertain_error) == ("precision", 0.8, before.uncertain_error)


def test_what_to_expect_is_measured_on_articles_without_part_in_the_choice(model, own, tmp_path, monkeypatch):
    from pactag import recalibration

    seen = []
    chosen = recalibration._chosen

    def choose(logits, targets, point, manifest):
        seen.append(len(targets))
        return chosen(logits, targets, point, manifest)

    monkeypatch.setattr(recalibration, "_chosen", choose)
    done = recalibrate(model, own, tmp_path / "own")
    whole, *folds = seen
    assert len(folds) == recalibration.FOLDS
    # Each sentence is held out once.
    assert sum(whole - fold for fold in folds) == whole == len(done.out_of_fold.rows)


def test_before_is_the_model_as_it_was(model, own, tmp_path, trained):
    done = recalibrate(model, own, tmp_path / "own")
    assert done.before.figures == pytest.approx(trained["tfidf"].test.figures)


def _without(path, label: str, place):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["labels"] = [name for name in row["labels"] if name != label]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return place


@pytest.mark.parametrize("precision", [None, 0.8])
def test_label_with_too_few_sentences_is_read_as_before(model, own, tmp_path, precision):
    done = recalibrate(model, _without(own, "threat", tmp_path / "own.jsonl"), tmp_path / "model", precision=precision)
    before, after = read_manifest(model), read_manifest(done.folder)
    assert done.kept == ("threat",)
    for field in ("thresholds", "calibration", "margins"):
        assert getattr(after, field)["threat"] == getattr(before, field)["threat"]
    assert after.thresholds["proposal"] != before.thresholds["proposal"]
    assert "; as before for threat |" in (done.folder / CARD).read_text(encoding="utf-8")


def test_card_says_where_the_thresholds_come_from(model, own, tmp_path):
    card = (recalibrate(model, own, tmp_path / "own").folder / CARD).read_text(encoding="utf-8")
    count = len(own.read_text(encoding="utf-8").splitlines())
    assert f"| operating point | f1 on the {count} sentences of test.jsonl |" in card
    assert "Measured on further sentences: test.jsonl, each fold of its articles read as was chosen on the others" in card


def test_sentences_of_one_article_tell_nothing_of_others(model, own, tmp_path):
    rows = [json.loads(line) | {"article_id": "one", "index": i} for i, line in enumerate(own.read_text(encoding="utf-8").splitlines())]
    data = tmp_path / "one.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert recalibrate(model, data, tmp_path / "model").out_of_fold is None


def test_too_few_sentences_are_told(model, own, tmp_path):
    data = tmp_path / "few.jsonl"
    data.write_text("".join(own.read_text(encoding="utf-8").splitlines(keepends=True)[:8]), encoding="utf-8")
    with pytest.raises(CorpusError, match="fewer than 10 sentences with each label"):
        recalibrate(model, data, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_training_split_is_refused(model, small_corpus, tmp_path):
    with pytest.raises(CorpusError, match="is what the model learnt from"):
        recalibrate(model, small_corpus / "train.jsonl", tmp_path / "model")


def test_precision_and_threshold_together_are_refused(model, own, tmp_path):
    with pytest.raises(ConfigError, match="Leave one of them out"):
        recalibrate(model, own, tmp_path / "model", precision=0.9, threshold=0.5)


def test_the_model_itself_is_no_place_for_it(model, own):
    with pytest.raises(ModelFolderError, match="Name a folder apart from it"):
        recalibrate(model, own, model, replace=True)


def test_encoder_sees_its_context(trained, own, tmp_path):
    done = recalibrate(trained["encoder"].folder, own, tmp_path / "encoder")
    np.testing.assert_allclose(done.before.scores, trained["encoder"].test.scores, atol=1e-5)


def test_command_shows_the_model_before_and_out_of_fold(pactag, model, own, tmp_path):
    done = pactag("calibrate", model, "--data", own, "-o", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    assert "test.jsonl: as it was" in done.stdout
    assert "test.jsonl: calibrated, out of fold" in done.stdout
    assert "pactag tag" in done.stdout


def test_command_tells_what_is_out_of_reach(pactag, model, own, tmp_path):
    done = pactag("calibrate", model, "--data", own, "--precision", "0.99", "-o", tmp_path / "model")
    assert "a precision of 0.99 is out of reach for " in done.stderr


def test_command_gives_programs_both_evaluations(pactag, model, own, tmp_path, trained):
    data = json.loads(pactag("calibrate", model, "--data", own, "-o", tmp_path / "model", "--json").stdout)
    assert data["before"]["f1_macro"] == pytest.approx(trained["tfidf"].test.figures["f1_macro"])
    low, high = data["out_of_fold"]["intervals"]["f1_macro"]
    assert low <= data["out_of_fold"]["f1_macro"] <= high
