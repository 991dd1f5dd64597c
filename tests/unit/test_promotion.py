"""Who may become champion, what is recorded, and how it is taken back."""

from __future__ import annotations

import pytest

from pactag.errors import PactagError, TrackingError
from pactag.promotion import promote
from pactag.tracking import Tracker


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def good(tracker, trained):
    """A run with the model of another one, whose recorded predictions are all right."""
    return _run(tracker, trained["tfidf"], "good", wrong=False)


@pytest.fixture(scope="module")
def bad(tracker, trained):
    """The same, all wrong."""
    return _run(tracker, trained["tfidf"], "bad", wrong=True)


@pytest.fixture(scope="module")
def elsewhere(tracker, trained):
    """The same, measured on other test data."""
    return _run(tracker, trained["tfidf"], "elsewhere", wrong=False, digest="0123")


def test_first_promotion_needs_no_comparison(tracker, bad):
    done = promote(tracker, bad, name="first")
    assert (done.before, done.pair) == (None, None)
    assert tracker.registry.aliased("champion", name="first").run_id == bad


def test_worse_run_is_refused_and_nothing_moves(tracker, good, bad):
    promote(tracker, good, name="refuses")
    with pytest.raises(TrackingError, match=r"is worse than the champion, version 1 \(macro-F1 -1\.000 .*--force REASON"):
        promote(tracker, bad, name="refuses")
    assert tracker.registry.aliased("champion", name="refuses").run_id == good
    assert tracker.registry.aliased("previous", name="refuses") is None
    assert len(tracker.client.search_model_versions("name='refuses'")) == 1


def test_forced_promotion_records_the_reason(tracker, good, bad):
    promote(tracker, good, name="forced")
    done = promote(tracker, bad, force="  faster by half ", name="forced")
    tags = tracker.client.get_model_version("forced", done.version).tags
    assert tags["force.reason"] == "faster by half"
    assert "is worse than the champion, version 1" in tags["force.against"]
    assert tracker.registry.aliased("champion", name="forced").run_id == bad


def test_better_run_is_promoted_and_the_comparison_is_recorded(tracker, good, bad):
    promote(tracker, bad, name="better")
    done = promote(tracker, good, name="better")
    assert done.pair is not None
    assert done.pair.better
    tags = tracker.client.get_model_version("better", done.version).tags
    assert "better beyond chance (version 1)" in tags["against_champion"]
    assert "force.reason" not in tags


def test_force_that_was_not_needed_is_recorded_without_an_objection(tracker, good, bad):
    promote(tracker, bad, name="needless")
    tags = tracker.client.get_model_version("needless", promote(tracker, good, force="sure", name="needless").version).tags
    assert tags["force.reason"] == "sure"
    assert "force.against" not in tags


def test_champion_that_cannot_be_compared_is_told_and_can_be_forced(tracker, good, elsewhere):
    promote(tracker, elsewhere, name="apart")
    with pytest.raises(TrackingError, match=r"cannot be compared with the champion, version 1 .* on 0123"):
        promote(tracker, good, name="apart")
    assert promote(tracker, good, force="new test split", name="apart").version == "2"


def test_champion_is_not_registered_twice(tracker, good):
    promote(tracker, good, name="twice")
    again = promote(tracker, good, name="twice")
    assert (again.version, again.already) == ("1", True)
    assert tracker.registry.aliased("previous", name="twice") is None


@pytest.mark.parametrize("reason", ["", "  "])
def test_force_needs_a_reason(tracker, good, reason: str):
    with pytest.raises(PactagError, match="--force: gives no reason"):
        promote(tracker, good, force=reason, name="reasons")


def test_run_without_a_model_is_told(tracker, config_of):
    from pactag.training import train

    done = train(config_of("tfidf", save=False))
    with pytest.raises(TrackingError, match="saved no model"):
        promote(tracker, done.run_id, force="yes", name="modelless")


def test_rollback_makes_previous_the_champion_again(tracker, good, bad):
    promote(tracker, bad, name="back")
    promote(tracker, good, name="back")
    assert tracker.registry.rollback(name="back") == ("1", "2")
    assert tracker.registry.aliased("champion", name="back").run_id == bad
    assert tracker.registry.aliased("previous", name="back").run_id == good


def test_rollback_twice_is_as_before(tracker, good, bad):
    promote(tracker, bad, name="forth")
    promote(tracker, good, name="forth")
    tracker.registry.rollback(name="forth")
    tracker.registry.rollback(name="forth")
    assert tracker.registry.aliased("champion", name="forth").run_id == good


def test_rollback_without_a_previous_is_told(tracker, good):
    promote(tracker, good, name="alone")
    with pytest.raises(TrackingError, match="models:/alone@previous: is not in this store"):
        tracker.registry.rollback(name="alone")
    assert tracker.registry.aliased("champion", name="alone").run_id == good


def test_alias_names_the_run_behind_it(tracker, good):
    promote(tracker, good, name="named")
    assert tracker.run_id_of("models:/named@champion") == good
    with pytest.raises(TrackingError, match="models:/named@nobody: is not in this store"):
        tracker.run_id_of("models:/named@nobody")


def _run(tracker: Tracker, base, name: str, *, wrong: bool, digest: str | None = None) -> str:
    """A whole run on the test rows of `base`, with the model of `base` and predictions as asked for."""
    from pactag.corpus.rows import digest_of
    from pactag.evaluation import measured, predictions_table
    from pactag.tracking import LoggedInput, Table

    targets = base.test.targets
    scores = 1.0 - targets if wrong else targets * 1.0
    evaluation = measured(base.test.rows, scores, targets, dict.fromkeys(base.test.labels, 0.5), base.test.labels)
    tags = {"pactag.logged_model": tracker.get_run(base.run_id).data.tags["pactag.logged_model"]}
    with tracker.run(experiment="tests", name=name, params={}, tags=tags) as recorder:
        known = digest or digest_of({"test": evaluation.rows})
        recorder.inputs([LoggedInput("test", "corpus/test.jsonl", "testing", known, evaluation.rows)])
        recorder.table(Table("test_predictions", predictions_table(evaluation)))
    return recorder.run_id
