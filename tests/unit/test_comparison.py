"""Runs side by side: what is counted, what is refused, and what is logged."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from pactag.comparison import RecordedRun, compare, read_runs
from pactag.comparison_log import log_comparison
from pactag.comparison_page import check_replaceable, comparison_page
from pactag.errors import PactagError, TrackingError
from pactag.tracking import Tracker
from pactag.tracking.reading import logged_table, logged_text

LABELS = ("offer", "threat")


def recorded(run_id: str, predicted, *, scores=None, **changes) -> RecordedRun:
    """A run on six sentences of three articles; sentence 0 is an offer, 2 and 4 are threats."""
    targets = np.array([[1, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]], dtype=bool)
    predicted = np.array(predicted, dtype=bool)
    ids = tuple(f"a{i // 2}:{i % 2}" for i in range(6))
    texts = tuple(f"Sentence {i}." for i in range(6))
    scores = np.where(predicted, 0.9, 0.1) if scores is None else np.array(scores)
    run = RecordedRun(run_id * 32, f"run-{run_id}", ord(run_id), "d" * 32, LABELS, ids, texts, targets, predicted, scores, {"seed": "1"})
    return replace(run, **changes)


RIGHT = [[1, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]]
POOR = [[1, 0], [0, 1], [0, 0], [1, 0], [0, 1], [0, 0]]
OTHER = [[0, 0], [0, 0], [0, 1], [0, 1], [0, 1], [0, 0]]


def many(run_id: str, error_rate: float, seed: int) -> RecordedRun:
    """A run on 40 articles of five sentences with errors of its own."""
    targets = np.random.default_rng(0).random((200, 2)) < 0.3
    predicted = targets ^ (np.random.default_rng(seed).random((200, 2)) < error_rate)
    ids = tuple(f"a{i // 5}:{i % 5}" for i in range(200))
    return recorded(run_id, predicted, targets=targets, ids=ids, texts=tuple(f"Text {i}" for i in range(200)))


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def pair_of_runs(trained, tracker):
    return read_runs(tracker, [trained["tfidf"].run_id, trained["encoder"].run_id])


def test_changed_sentences_are_counted_by_direction():
    pair = compare([recorded("1", POOR), recorded("2", OTHER)]).pairs[0]
    assert (pair.mended, pair.broken, pair.still_wrong) == (2, 1, 1)


def test_difference_is_the_run_less_the_baseline():
    pair = compare([recorded("1", POOR), recorded("2", RIGHT)]).pairs[0]
    assert (pair.macro.baseline, pair.macro.run) == (pytest.approx((2 / 3 + 1 / 2) / 2), 1.0)
    assert [figure.name for figure in pair.figures] == ["f1_macro", "offer/f1", "threat/f1"]


def test_clearly_worse_run_is_worse_and_never_better():
    pair = compare([many("1", 0.05, 1), many("2", 0.3, 2)]).pairs[0]
    assert (pair.worse, pair.better) == (True, False)
    assert pair.macro.high < 0


def test_clearly_better_run_is_better():
    pair = compare([many("1", 0.3, 1), many("2", 0.05, 2)]).pairs[0]
    assert (pair.worse, pair.better) == (False, True)


def test_runs_alike_do_not_differ_beyond_chance():
    pair = compare([many("1", 0.2, 1), many("2", 0.2, 2)]).pairs[0]
    assert pair.verdict == "no difference beyond chance"


def test_every_run_is_compared_with_the_first():
    runs = [recorded("1", POOR), recorded("2", RIGHT), recorded("3", OTHER)]
    assert [(pair.baseline.run_id[0], pair.run.run_id[0]) for pair in compare(runs).pairs] == [("1", "2"), ("1", "3")]


def test_changed_parameters_are_told_and_the_same_ones_are_not():
    first = recorded("1", POOR, params={"seed": "1", "epochs": "3", "c": "8"})
    second = recorded("2", POOR, params={"seed": "2", "epochs": "3", "rate": "0.1"})
    params = compare([first, second]).pairs[0].params
    assert [(p.name, p.baseline, p.run) for p in params] == [("c", "8", None), ("rate", None, "0.1"), ("seed", "1", "2")]


def test_sentences_stand_by_the_score_that_moved_most():
    scores = [[0.5, 0.5]] * 6
    moved = [[0.5, 0.5], [0.5, 0.9], [0.6, 0.5], [0.5, 0.5], [0.1, 0.2], [0.5, 0.5]]
    pair = compare([recorded("1", RIGHT, scores=scores), recorded("2", RIGHT, scores=moved)]).pairs[0]
    assert [(s.id, s.label) for s in pair.sentences] == [("a0:1", "threat"), ("a2:0", "offer"), ("a1:0", "offer")]


def test_no_more_than_twenty_sentences_are_shown():
    assert len(compare([many("1", 0.3, 1), many("2", 0.3, 2)]).pairs[0].sentences) == 20


def test_other_test_data_are_refused_with_both_digests():
    with pytest.raises(TrackingError) as caught:
        compare([recorded("1", POOR), recorded("2", POOR, digest="e" * 32), recorded("3", POOR, digest="f" * 32)])
    assert ["d" * 32 in str(p) and digest * 32 in str(p) for p, digest in zip(caught.value.problems, "ef", strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run_id": "1" * 32}, "is compared with itself"),
        ({"labels": ("offer", "menace")}, "has the labels offer, menace"),
        ({"ids": tuple(f"b{i}:0" for i in range(6))}, "though the digests agree"),
        ({"targets": np.zeros((6, 2), dtype=bool)}, "though the digests agree"),
    ],
    ids=["itself", "labels", "sentences", "gold"],
)
def test_runs_that_do_not_match_are_refused(change, message: str):
    with pytest.raises(TrackingError, match=message):
        compare([recorded("1", POOR), replace(recorded("2", POOR), **change)])


def test_run_that_is_given_twice_is_told():
    with pytest.raises(TrackingError, match=f"run '{'2' * 32}': is given twice"):
        compare([recorded("1", POOR), recorded("2", RIGHT), recorded("2", RIGHT)])


def test_one_run_is_not_a_comparison():
    with pytest.raises(PactagError, match="1 given"):
        compare([recorded("1", POOR)])


def test_one_article_tells_nothing_of_chance():
    ids = tuple(f"a:{i}" for i in range(6))
    with pytest.raises(PactagError, match="measured on one article"):
        compare([recorded("1", POOR, ids=ids), recorded("2", RIGHT, ids=ids)])


def test_recorded_run_has_the_figures_of_its_training(pair_of_runs, trained):
    figures = compare(pair_of_runs).pairs[0].figures
    for figure in figures:
        assert figure.baseline == pytest.approx(trained["tfidf"].test.figures[figure.name])
        assert figure.run == pytest.approx(trained["encoder"].test.figures[figure.name])


def test_recorded_run_holds_predictions_and_params(pair_of_runs, trained, config_of):
    test = trained["encoder"].test
    run = pair_of_runs[1]
    assert np.array_equal(run.predicted, test.predicted)
    assert np.array_equal(run.targets, test.targets.astype(bool))
    assert run.scores == pytest.approx(test.scores, abs=1e-4)
    assert run.params == {**config_of("encoder").flat(), "tracking.pictures": "True"}


def test_every_unusable_run_is_told(tracker, trained):
    unfinished = tracker.client.create_run(tracker.experiment_id("tests")).info.run_id
    with pytest.raises(TrackingError) as caught:
        read_runs(tracker, ["0123", trained["tfidf"].run_id, unfinished])
    assert [p.found for p in caught.value.problems] == ["is not in this store", "is not whole (no tag status=completed)"]


def test_whole_run_without_predictions_is_told(tracker):
    with tracker.run(experiment="tests", name="study", params={}, tags={}) as parent:
        pass
    with pytest.raises(TrackingError, match="holds no table test_predictions"):
        read_runs(tracker, [parent.run_id])


def test_run_on_other_data_is_refused(tracker, trained, config_of, small_corpus, tmp_path):
    from pactag.training import train

    for split in ("train", "validation", "test"):
        lines = (small_corpus / f"{split}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / f"{split}.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")
    schema = config_of("tfidf").data.schema_file
    other = train(config_of("tfidf", data={"corpus": str(tmp_path), "schema_file": str(schema)}, save=False))
    runs = read_runs(tracker, [trained["tfidf"].run_id, other.run_id])
    with pytest.raises(TrackingError, match=f"{runs[1].digest}, run .* on {runs[0].digest}"):
        compare(runs)


def test_table_is_logged_to_the_later_run_and_replaced_the_next_time(tracker, pair_of_runs):
    first, second = pair_of_runs
    comparison = compare([second, first], resamples=200)
    assert log_comparison(tracker, comparison) == log_comparison(tracker, comparison)
    ((run_id, name),) = log_comparison(tracker, comparison)
    later = max(pair_of_runs, key=lambda run: run.started)
    columns = logged_table(tracker, run_id, name).columns
    assert run_id == later.run_id
    assert columns["figure"] == ["macro-F1", *first.labels]
    assert columns["difference"] == pytest.approx([figure.difference for figure in comparison.pairs[0].figures])


def test_sentences_params_and_page_are_kept_as_well(tracker, pair_of_runs):
    comparison = compare(pair_of_runs, resamples=200)
    ((run_id, name),) = log_comparison(tracker, comparison)
    pair = comparison.pairs[0]
    assert logged_table(tracker, run_id, f"{name}_sentences").columns["id"] == [item.id for item in pair.sentences]
    assert logged_table(tracker, run_id, f"{name}_params").columns["name"] == [param.name for param in pair.params]
    assert logged_text(tracker, run_id, f"comparisons/with_{name[-8:]}.html") == comparison_page(comparison)


def test_damaged_table_is_told(tracker, trained):
    with tracker.run(experiment="tests", name="damaged", params={}, tags={}) as recorder:
        recorder.text('{"columns": ["id"]', "tables/test_predictions.json")
    with pytest.raises(TrackingError, match="is damaged"):
        logged_table(tracker, recorder.run_id, "test_predictions")


def test_dict_is_json(pair_of_runs):
    data = json.loads(json.dumps(compare(pair_of_runs, resamples=200).to_dict()))
    assert data["runs"][0]["figures"][0]["name"] == "f1_macro"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.opened.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def hostile_page() -> str:
    bad = '<script>alert("x")</script>&'
    texts = tuple(f"{bad} {i}" for i in range(6))
    first = recorded("1", POOR, name=bad, texts=texts, digest=bad, params={bad: bad})
    return comparison_page(compare([first, replace(recorded("2", RIGHT), texts=texts, digest=bad, params={bad: "2"})]))


def test_page_escapes_all_that_runs_say(hostile_page):
    tags = _Tags()
    tags.feed(hostile_page)
    assert "script" not in tags.opened
    assert any('<script>alert("x")</script>& 1' in word for word in tags.words)


def test_page_needs_nothing_else(hostile_page):
    tags = _Tags()
    tags.feed(hostile_page)
    assert {"src", "href", "onclick"} & set(tags.attributes) == set()
    assert {"link", "img", "iframe"} & set(tags.opened) == set()
    assert "url(" not in hostile_page


def test_page_is_for_light_and_dark(hostile_page):
    assert "color-scheme: light dark" in hostile_page
    assert "prefers-color-scheme: dark" in hostile_page


def test_page_shows_every_run():
    page = comparison_page(compare([recorded("1", POOR), recorded("2", RIGHT), recorded("3", POOR)]))
    assert page.count("<h2>") == 2
    assert "Both runs give every sentence the same scores." in page


def test_page_takes_the_place_of_an_earlier_one_and_of_no_other(tmp_path):
    place = tmp_path / "page.html"
    check_replaceable(place)
    runs = [replace(recorded("1", POOR), name="long " * 300), recorded("2", RIGHT)]
    place.write_text(comparison_page(compare(runs)), encoding="utf-8")
    check_replaceable(place)
    place.write_text("<!DOCTYPE html>\n<h1>My thesis</h1>")
    with pytest.raises(PactagError, match=r"page\.html: exists already and holds no comparison of runs\. Choose another name"):
        check_replaceable(place)
