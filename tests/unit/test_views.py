"""The page that the UI opens: which experiment, and which columns."""

from __future__ import annotations

import json

import pytest

from pactag.tracking import Tracker
from pactag.tracking.views import columns, page_of_runs

VIEW = "mlflow.sharedViewState.pactag"


@pytest.fixture
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture
def seen(tracker):
    """An experiment with one run."""
    with tracker.run(experiment="seen", name="run", params={}, tags={}) as recorder:
        recorder.metrics({"test/f1_macro": 0.5, "test/threat/f1": 0.4, "mine/f1_macro": 0.3, "dev/f1_macro": 0.6, "sweep/best_f1_macro": 1})
    return tracker.experiment_id("seen")


def _view(tracker, experiment_id: str) -> dict:
    return json.loads(tracker.client.get_experiment(experiment_id).tags[VIEW])


def test_results_come_first_and_what_is_measured_while_training_not_at_all():
    found = columns(["dev/f1_macro", "best_dev/f1_macro", "mine/f1_macro", "test/f1_macro", "test/threat/f1", "test/threat/recall"])
    metrics = [name for name in found if name.startswith("metrics")]
    assert metrics[:4] == ["metrics.`test/f1_macro`", "metrics.`mine/f1_macro`", "metrics.`test/threat/f1`", "metrics.`best_dev/f1_macro`"]
    assert "metrics.`dev/f1_macro`" not in found
    assert "params.`model.kind`" in found


def test_page_is_that_of_the_experiment_with_the_newest_run(tracker, seen):
    assert page_of_runs(tracker).startswith(f"/#/experiments/{seen}/runs?viewStateShareKey=pactag")
    state = json.loads(_view(tracker, seen)["state"])
    assert state["selectedColumns"] == state["columnOrder"] == columns(["test/f1_macro", "test/threat/f1", "mine/f1_macro"])


def test_experiment_is_chosen_by_name(tracker, seen):
    with tracker.run(experiment="newer", name="run", params={}, tags={}):
        pass
    assert f"/experiments/{seen}/" in page_of_runs(tracker, experiment="seen")
    assert page_of_runs(tracker, experiment="none of this name") == ""


def test_view_that_a_person_changed_is_left(tracker, seen):
    page_of_runs(tracker, experiment="seen")
    changed = {**_view(tracker, seen), "state": "{}"}
    changed["updatedAt"] += 1
    tracker.client.set_experiment_tag(seen, VIEW, json.dumps(changed))
    page_of_runs(tracker, experiment="seen")
    assert _view(tracker, seen) == changed


@pytest.mark.parametrize("damaged", ["not JSON", "[]"])
def test_view_that_cannot_be_read_is_written_anew(tracker, seen, damaged: str):
    tracker.client.set_experiment_tag(seen, VIEW, damaged)
    page_of_runs(tracker, experiment="seen")
    assert _view(tracker, seen)["name"] == "pactag: results"


def test_runs_that_follow_each_other_differ_in_colour(tracker):
    colors = []
    for _ in range(3):
        with tracker.run(experiment="colours", name="run", params={}, tags={}) as recorder:
            colors.append(tracker.get_run(recorder.run_id).data.tags["mlflow.runColor"])
    assert len(set(colors)) == 3


def test_ui_says_that_an_experiment_has_no_run(pactag, store):
    done = pactag("ui", "--tracking-uri", store, "--experiment", "nothing")
    assert done.returncode == 2
    assert "--experiment 'nothing': has no run in this store" in done.stderr


@pytest.mark.parametrize("server", ["http://127.0.0.1:9", "http://[fe80::1]:9"])
def test_ui_of_a_server_is_an_address(pactag, tracker, seen, monkeypatch, server: str):
    """A server has its pages already: nothing is started."""
    from pactag.tracking import views

    monkeypatch.setattr(views, "page_of_runs", lambda *_, **__: "/#/page")
    done = pactag("ui", "--tracking-uri", f"{server}/", "--no-browser")
    assert (done.returncode, done.stderr.strip()) == (0, f"runs: {server}/#/page")
