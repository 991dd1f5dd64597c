"""What a run in MLflow holds, and how it ends."""

from __future__ import annotations

import json

import pytest

from pactag.errors import ConfigError, TrackingError
from pactag.tracking import Tracker, store_uri
from pactag.training import train


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def runs(trained, tracker):
    return {kind: tracker.get_run(done.run_id) for kind, done in trained.items()}


def test_params_are_the_flat_config_and_nothing_else(runs, config_of):
    assert runs["encoder"].data.params == config_of("encoder").flat()


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "encoder"])
def test_final_metrics_are_those_of_the_evaluation(runs, trained, kind: str):
    for name, value in trained[kind].test.figures.items():
        assert runs[kind].data.metrics[f"test/{name}"] == pytest.approx(value)


def test_dev_metrics_come_by_step(tracker, trained):
    history = tracker.client.get_metric_history(trained["encoder"].run_id, "dev/f1_macro")
    assert [metric.step > 0 for metric in history] == [True]


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "encoder"])
def test_whole_run_is_finished_and_completed(runs, kind: str):
    assert runs[kind].info.status == "FINISHED"
    assert runs[kind].data.tags["status"] == "completed"


def test_run_says_what_is_needed_to_repeat_it(runs, trained):
    tags = runs["encoder"].data.tags
    assert {"corpus_digest", "command", "python", "platform", "version.torch", "version.pactag", "git.commit", "git.dirty"} <= set(tags)
    assert "macro-F1" in tags["mlflow.note.content"]


def test_data_are_logged_inputs_with_digests(runs):
    inputs = runs["tfidf"].inputs.dataset_inputs
    assert {tag.value for item in inputs for tag in item.tags} == {"training", "validation", "testing"}
    assert len({item.dataset.digest for item in inputs}) == 3


def test_config_schema_and_card_are_artifacts(tracker, trained, config_of):
    run_id = trained["encoder"].run_id
    names = {item.path for item in tracker.client.list_artifacts(run_id)}
    assert {"config.yaml", "schema.yaml", "README.md", "tables"} <= names


def test_tables_hold_predictions_and_counts(tracker, trained):
    path = tracker.client.download_artifacts(trained["tfidf"].run_id, "tables/test_predictions.json")
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        data = json.load(file)
    assert data["columns"][:5] == ["id", "text", "gold", "predicted", "right"]
    assert len(data["data"]) == len(trained["tfidf"].test.rows)


def test_model_is_loadable_by_pyfunc(trained, tracker, monkeypatch):
    import mlflow
    import pandas as pd

    model_id = tracker.get_run(trained["tfidf"].run_id).data.tags["pactag.logged_model"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)
    model = mlflow.pyfunc.load_model(f"models:/{model_id}")
    frame = model.predict(pd.DataFrame({"id": ["x"], "text": ["He said no. They offered talks."]}))
    assert list(frame["id"]) == ["x", "x"]
    assert list(frame["text"]) == ["He said no.", "They offered talks."]
    assert {"start", "end", "labels", "score_threat"} <= set(frame.columns)


def test_logged_model_holds_no_pickle(trained, tracker):
    folder = tracker.download_model(f"runs:/{trained['encoder'].run_id}")
    names = [path.name for path in folder.parents[1].rglob("*") if path.is_file()]
    assert "model.safetensors" in names
    assert [name for name in names if name.endswith((".pkl", ".pickle", ".bin", ".pt"))] == []


def test_failed_run_ends_as_failed(tracker, config_of):
    config = config_of("tfidf", name="fails", operating_point={"objective": "precision", "precision": 0.99999})
    with pytest.raises(ConfigError, match="out of reach"):
        train(config)
    run = _newest(tracker, "fails")
    assert run.info.status == "FAILED"
    assert run.data.tags["status"] == "running"


def test_failed_run_leaves_no_model_folder(tracker, config_of):
    config = config_of("tfidf", name="leaves-nothing", operating_point={"objective": "precision", "precision": 0.99999})
    with pytest.raises(ConfigError):
        train(config)
    assert list(config.output.glob("*leaves-nothing*")) == []


def test_interrupted_run_ends_as_killed(tracker, config_of):
    def interrupt(done: int, total: int, word: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config_of("encoder", name="interrupted"), progress=interrupt)
    assert _newest(tracker, "interrupted").info.status == "KILLED"


def test_latest_is_the_newest_whole_run(tracker, trained):
    run = tracker.get_run(tracker.run_id_of("latest"))
    assert run.data.tags["status"] == "completed"


def test_promotion_moves_champion_and_keeps_previous(tracker, trained):
    first, _ = tracker.promote(trained["tfidf"].run_id, name="moves")
    second, before = tracker.promote(trained["encoder"].run_id, name="moves")
    assert before == first
    assert tracker.registry.alias_version("champion", name="moves") == second
    assert tracker.registry.alias_version("previous", name="moves") == first


def test_run_that_is_not_whole_cannot_be_promoted(tracker):
    experiment = tracker.experiment_id("tests")
    run_id = tracker.client.create_run(experiment).info.run_id
    with pytest.raises(TrackingError, match="is not whole"):
        tracker.promote(run_id)


def test_file_store_is_refused(tmp_path):
    with pytest.raises(TrackingError, match="is a file store"):
        _ = Tracker(str(tmp_path / "mlruns")).client


def test_store_is_the_argument_then_the_environment_then_sqlite(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store_uri() == "sqlite:///experiments/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:1")
    assert store_uri() == "http://localhost:1"
    assert store_uri("sqlite:///x.db") == "sqlite:///x.db"


def test_artifacts_stand_beside_the_store(tracker, store):
    experiment = tracker.client.get_experiment(tracker.experiment_id("tests"))
    assert experiment.artifact_location.endswith("/artifacts/tests")
    assert experiment.artifact_location.removeprefix("file://").startswith(store.removeprefix("sqlite:///").rpartition("/")[0])


def _newest(tracker: Tracker, name: str):
    found = tracker.client.search_runs([tracker.experiment_id("tests")], filter_string=f"attributes.run_name = '{name}'", max_results=1)
    return found[0]
