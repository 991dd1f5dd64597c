"""A model read in another way: its network stays, scales and thresholds come from other sentences, and what to expect is out of fold."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pactag import recalibration
from pactag.calibration import Calibration, fit_platt
from pactag.config import OperatingPoint, load_config
from pactag.corpus.rows import read_rows
from pactag.errors import ConfigError, CorpusError, MissingExtraError, ModelFolderError
from pactag.evaluation import evaluate
from pactag.export import export
from pactag.model_folder import CARD, CONFIG, LabelScale, read_manifest
from pactag.models.first_stage import SETTLED
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


def test_what_to_expect_is_measured_on_articles_without_part_in_the_choice(model, own, tmp_path, schema, monkeypatch):
    choices = []
    real = recalibration._chosen

    def choose(logits, targets, point, present, kept):
        choices.append((logits, real(logits, targets, point, present, kept)))
        return choices[-1][1]

    monkeypatch.setattr(recalibration, "_chosen", choose)
    expected = recalibrate(model, own, tmp_path / "own").out_of_fold
    (logits, _), *folds = choices
    articles = np.array([row.article_id for row in expected.rows])
    seen = np.zeros(len(articles), dtype=int)
    for learnt, chosen in folds:
        # Sentences have logits of their own, by which those of a fold are known.
        held = ~(logits[:, None] == learnt[None]).all(2).any(1)
        seen += held
        assert not set(articles[held]) & set(articles[~held])
        np.testing.assert_allclose(expected.scores[held], chosen.scores(logits[held]))
        np.testing.assert_array_equal(expected.predicted[held], expected.scores[held] >= np.array(list(chosen.thresholds.values())))
    assert len(folds) == recalibration.FOLDS
    assert (seen <= 1).all()
    assert seen.mean() > 0.9


def test_few_sentences_are_enough_in_each_fold_where_they_are_in_all(model, own, tmp_path, monkeypatch):
    kept = []
    real = recalibration._chosen

    def choose(logits, targets, point, present, names):
        kept.append(set(names))
        return real(logits, targets, point, present, names)

    monkeypatch.setattr(recalibration, "_chosen", choose)
    recalibrate(model, _without(own, "threat", tmp_path / "own.jsonl", but=recalibration.FEWEST), tmp_path / "model")
    assert kept == [set()] * (1 + recalibration.FOLDS)


def test_before_is_the_model_as_it_was(model, own, tmp_path, trained):
    done = recalibrate(model, own, tmp_path / "own")
    assert done.before.figures == pytest.approx(trained["tfidf"].test.figures)


def _without(path, label: str, place, *, but: int = 0):
    """A copy of a file in which a label stands in its first few sentences only."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in [row for row in rows if label in row["labels"]][but:]:
        row["labels"].remove(label)
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
    assert f"## {count} sentences of test.jsonl, each fold of their articles read as was chosen on the others" in card
    assert f"## {count} sentences of test.jsonl (thresholds and calibration were chosen on them)" in card


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


def test_a_threshold_needs_no_sentences(model, own, tmp_path):
    data = tmp_path / "few.jsonl"
    data.write_text("".join(own.read_text(encoding="utf-8").splitlines(keepends=True)[:8]), encoding="utf-8")
    done = recalibrate(model, data, tmp_path / "model", threshold=0.7)
    before, after = read_manifest(model), read_manifest(done.folder)
    assert (after.calibration, set(after.thresholds.values()), set(after.margins.values())) == (before.calibration, {0.7}, {0.0})
    told = f"| operating point | 0.7 for every label; scales from the 8 sentences of few.jsonl; as before for {', '.join(after.labels)} |"
    assert told in (done.folder / CARD).read_text(encoding="utf-8")


def test_the_training_split_is_refused(model, small_corpus, tmp_path):
    with pytest.raises(CorpusError, match="is what the model learnt from"):
        recalibrate(model, small_corpus / "train.jsonl", tmp_path / "model")


def test_a_file_that_only_lies_where_the_training_split_lay_is_taken(model, own, tmp_path, monkeypatch):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "train.jsonl").write_bytes(own.read_bytes())
    real = recalibration.load_config
    elsewhere = real(model / CONFIG)
    elsewhere = elsewhere.model_copy(update={"data": elsewhere.data.model_copy(update={"corpus": corpus})})
    monkeypatch.setattr(recalibration, "load_config", lambda path: elsewhere)
    assert recalibrate(model, corpus / "train.jsonl", tmp_path / "model").folder.is_dir()


def test_precision_and_threshold_together_are_refused(model, own, tmp_path):
    with pytest.raises(ConfigError, match="Leave one of them out"):
        recalibrate(model, own, tmp_path / "model", precision=0.9, threshold=0.5)


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_a_precision_is_between_nothing_and_all(model, own, tmp_path, value: float):
    with pytest.raises(ConfigError, match="Give a number between 0 and 1"):
        recalibrate(model, own, tmp_path / "model", precision=value)


def test_without_scikit_learn_the_extra_is_named(own, tmp_path, monkeypatch):
    monkeypatch.setattr(recalibration, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pactag\[train\]"):
        recalibrate("built-in-small", own, tmp_path / "model")


def test_sentences_that_a_first_stage_settles_have_no_part_in_the_scales():
    logits = np.array([[-2.0], [-1], [0], [1], [2], [SETTLED], [SETTLED], [SETTLED]])
    targets = np.array([[0], [0], [1], [0], [1], [1], [1], [1]])
    present = Calibration({"offer": LabelScale()}, {"offer": 0.5}, {})
    chosen = recalibration._chosen(logits, targets, OperatingPoint(), present, ())
    assert chosen.scales["offer"] == fit_platt(logits[:5, 0], targets[:5, 0])


def test_label_that_only_settled_sentences_do_without_is_too_rare():
    logits = np.array([[1.0]] * 20 + [[SETTLED]] * 20)
    targets = np.array([[1]] * 20 + [[0]] * 20)
    assert recalibration._too_rare(logits, targets, ["offer"], fewest=10) == ("offer",)


def test_the_model_itself_is_no_place_for_it(model, own):
    with pytest.raises(ModelFolderError, match="Name a folder apart from it"):
        recalibrate(model, own, model, replace=True)


def test_packing_would_undo_it(trained, own, tmp_path):
    folder = recalibrate(trained["encoder"].folder, own, tmp_path / "own").folder
    with pytest.raises(ModelFolderError, match=r"is calibrated on test\.jsonl, which packed"):
        export(folder, output=tmp_path / "packed", forms=["packed"])


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
    assert "out of fold the precision is below 0.99 for " in done.stderr


def test_command_tells_labels_that_are_kept_or_absent(pactag, model, own, tmp_path):
    done = pactag("calibrate", model, "--data", _without(own, "threat", tmp_path / "own.jsonl"), "-o", tmp_path / "model")
    assert "fewer than 10 sentences with these labels, or without: threat; they are read as before" in done.stderr
    assert "no sentence carries threat" in done.stderr


def test_command_gives_programs_both_evaluations(pactag, model, own, tmp_path, trained):
    data = json.loads(pactag("calibrate", model, "--data", own, "-o", tmp_path / "model", "--json").stdout)
    assert data["before"]["f1_macro"] == pytest.approx(trained["tfidf"].test.figures["f1_macro"])
    low, high = data["out_of_fold"]["intervals"]["f1_macro"]
    assert low <= data["out_of_fold"]["f1_macro"] <= high
    assert (data["kept"], data["out_of_reach"], data["absent_labels"]) == ([], [], [])
