"""What a run in MLflow holds, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from pactag.errors import ConfigError, TrackingError
from pactag.model_folder import CARD, read_manifest
from pactag.run_contents import log_start
from pactag.tagging import Tagger
from pactag.tracking import Pruned, Tracker, store_uri
from pactag.tracking.reading import logged_table, logged_text
from pactag.tracking.registry import Registry
from pactag.training import train


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def runs(trained, tracker):
    return {kind: tracker.get_run(done.run_id) for kind, done in trained.items()}


def test_params_are_the_flat_config_and_nothing_else(runs, config_of):
    assert runs["encoder"].data.params == {**config_of("encoder").flat(), "tracking.pictures": "True"}


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "encoder"])
def test_final_metrics_are_those_of_the_evaluation(runs, trained, kind: str):
    for name, value in trained[kind].test.figures.items():
        assert runs[kind].data.metrics[f"test/{name}"] == pytest.approx(value)


@pytest.mark.parametrize("name", ["loss", "f1_macro", "threat/f1"])
def test_dev_metrics_come_by_step(tracker, trained, name: str):
    history = tracker.client.get_metric_history(trained["encoder"].run_id, f"dev/{name}")
    assert [metric.step > 0 for metric in history] == [True]


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "encoder"])
def test_whole_run_is_finished_and_completed(runs, kind: str):
    assert runs[kind].info.status == "FINISHED"
    assert runs[kind].data.tags["status"] == "completed"


def test_run_says_what_is_needed_to_repeat_it(runs, trained):
    tags = runs["encoder"].data.tags
    assert {"corpus_digest", "command", "python", "platform", "version.torch", "version.pactag", "git.commit", "git.dirty"} <= set(tags)
    assert "macro-F1" in tags["mlflow.note.content"]


def test_environment_command_and_changes_are_artifacts(tracker, trained):
    run_id = trained["tfidf"].run_id
    packages = logged_text(tracker, run_id, "environment/packages.txt")
    assert "\nscikit-learn==" in packages
    assert logged_text(tracker, run_id, "environment/command.txt").strip() == tracker.get_run(run_id).data.tags["command"]
    names = {item.path for item in tracker.client.list_artifacts(run_id, "environment")}
    assert ("environment/uncommitted.diff" in names) == (tracker.get_run(run_id).data.tags["git.dirty"] == "true")


def test_pictures_have_keys_that_are_the_same_in_every_run(tracker, trained):
    paths = [item.path for item in tracker.client.list_artifacts(trained["encoder"].run_id, "images")]
    keys = {path.removeprefix("images/").partition("+")[0] for path in paths}
    wanted = ["test~confusion", "test~precision recall", "test~reliability", "dev~learning curve", "data~input length"]
    assert keys == set(wanted)


def test_each_picture_is_logged_once(config_of, monkeypatch):
    logged = []
    monkeypatch.setattr("pactag.tracking.RunRecorder.image", lambda self, figure, *, key, step=0: logged.append((key, step)))
    config = config_of("encoder", save=False)
    train(config.model_copy(update={"tracking": config.tracking.model_copy(update={"pictures": True})}))
    assert logged
    assert len(logged) == len(set(logged))


def test_run_without_pictures_has_none(tracker, trained):
    assert tracker.client.list_artifacts(trained["tfidf"].run_id, "images") == []


def test_fit_without_steps_stands_in_the_charts_of_dev(runs, trained):
    metrics = runs["tfidf"].data.metrics
    assert metrics["dev/f1_macro"] == pytest.approx(trained["tfidf"].validation.figures["f1_macro"])
    assert {f"dev/{name}/f1" for name in trained["tfidf"].test.labels} <= set(metrics)


def test_epochs_that_early_stopping_left_out_are_not_counted(tracker, config_of):
    run = train(config_of("encoder", training={"epochs": 9, "learning_rate": 1e-9, "head_learning_rate": 1e-9, "early_stopping": 1}))
    recorded = tracker.get_run(run.run_id).data
    done = len(tracker.client.get_metric_history(run.run_id, "dev/f1_macro"))
    sentences = done * int(recorded.tags["sentences.train"])
    assert done < 9
    assert recorded.metrics["speed/fit_sentences_per_second"] == pytest.approx(sentences / recorded.metrics["speed/fit_seconds"])


def test_min_count_that_leaves_no_ngram_is_told(config_of):
    with pytest.raises(ConfigError, match=r"model\.min_count: is 99999, with"):
        train(config_of("tfidf", model={"kind": "tfidf", "min_count": 99999}))


def test_file_in_the_place_of_the_output_is_told_before_a_run_is_opened(tracker, config_of, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        train(config_of("tfidf", name="in-the-way", output=str(tmp_path / "file" / "runs")))
    assert not tracker.search(tracker.experiment_id("tests"), "attributes.run_name = 'in-the-way'")


def test_model_has_the_schema_that_it_learnt_from(config_of, tmp_path, monkeypatch):
    """Training takes long, and people go on writing."""
    usual = config_of("tfidf")
    schema = tmp_path / "schema.yaml"
    shutil.copy(usual.data.schema_file, schema)
    before = schema.read_bytes()

    def edited_meanwhile(*arguments, **options):
        schema.write_text("version: half-written")
        return log_start(*arguments, **options)

    monkeypatch.setattr("pactag.training.log_start", edited_meanwhile)
    run = train(config_of("tfidf", data={**usual.data.model_dump(), "schema_file": schema}, output=str(tmp_path / "runs")))
    assert (run.folder / "schema.yaml").read_bytes() == before
    Tagger.load(run.folder)


def test_longest_name_gives_a_model_and_a_longer_one_is_told(config_of):
    assert (train(config_of("tfidf", name="n" * 200)).folder / "config.yaml").is_file()
    with pytest.raises(ConfigError, match="name: has 201 characters"):
        train(config_of("tfidf", name="n" * 201))


def test_system_metrics_are_logged(runs):
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= set(runs["encoder"].data.metrics)


def test_worst_errors_are_wrong_and_the_surest_first(tracker, trained):
    table = logged_table(tracker, trained["encoder"].run_id, "test_worst_errors").columns
    assert table["distance"] == sorted(table["distance"], reverse=True)
    for label, error, gold, predicted in zip(table["label"], table["error"], table["gold"], table["predicted"], strict=True):
        assert (label in gold.split(), label in predicted.split()) == ((True, False) if error == "missed" else (False, True))


def test_further_data_have_tables_figures_and_an_input_of_their_own(tracker, config_of, small_corpus):
    data = {**config_of("tfidf").data.model_dump(), "also_measure": {"mine": small_corpus / "validation.jsonl"}}
    run = train(config_of("tfidf", data=data))
    found = tracker.get_run(run.run_id)
    assert found.data.metrics["mine/f1_macro"] == pytest.approx(run.others["mine"].figures["f1_macro"])
    assert {item.dataset.name for item in found.inputs.dataset_inputs} == {"train", "validation", "test", "mine"}
    assert len(logged_table(tracker, run.run_id, "mine_predictions").columns["id"]) == len(run.others["mine"].rows)
    assert "## Measured on further sentences: mine" in (run.folder / CARD).read_text(encoding="utf-8")


def test_child_has_the_tags_of_its_family(tracker):
    own = {"kind": "parent", "best_trial": "0"}
    with tracker.run(experiment="tests", name="parent", params={}, tags={"study": "x", **own}) as parent:
        pass
    with tracker.run(experiment="tests", name="child", params={}, tags={"kind": "child"}, parent=parent.run_id) as child:
        tags = tracker.get_run(child.run_id).data.tags
    assert (tags["study"], tags["kind"], tags["mlflow.parentRunId"], tags["status"]) == ("x", "child", parent.run_id, "running")
    assert "best_trial" not in tags


def test_store_that_does_not_answer_is_not_one_without_a_champion():
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    class Client:
        def get_model_version_by_alias(self, name: str, alias: str) -> None:
            raise MlflowException("not for you", error_code=PERMISSION_DENIED)

    with pytest.raises(TrackingError, match="not for you"):
        Registry(Client(), "http://store").aliased("champion")


def test_two_first_runs_have_one_experiment(tracker, monkeypatch):
    made, looked = tracker.client.create_experiment("raced"), tracker.client.get_experiment_by_name
    seen = iter([None])
    monkeypatch.setattr(tracker.client, "get_experiment_by_name", lambda name: next(seen, looked(name)))
    assert tracker.experiment_id("raced") == made


def test_password_of_a_store_is_in_no_config(config_of):
    tracking = {"uri": "postgresql+psycopg://me:hunter2@host/runs", "experiment": "tests"}
    config = config_of("tfidf", tracking=tracking)
    assert "hunter2" not in config.to_yaml() + str(config.flat())
    assert "postgresql+psycopg://me:***@host/runs" in config.to_yaml()


def test_pruned_run_is_finished_and_not_whole(tracker):
    with pytest.raises(Pruned), tracker.run(experiment="tests", name="pruned", params={}, tags={}) as recorder:
        raise Pruned
    run = tracker.get_run(recorder.run_id)
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "pruned")


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


def test_model_stands_beside_its_run_and_not_in_the_working_folder(runs, tracker):
    model = tracker.client.get_logged_model(runs["tfidf"].data.tags["pactag.logged_model"])
    assert model.experiment_id == runs["tfidf"].info.experiment_id
    assert model.artifact_location.startswith(tracker.client.get_experiment(model.experiment_id).artifact_location)


def test_logged_model_holds_no_pickle(trained, tracker):
    folder = tracker.download_model(f"runs:/{trained['encoder'].run_id}")
    names = [path.name for path in folder.parents[1].rglob("*") if path.is_file()]
    assert "model.safetensors" in names
    assert [name for name in names if name.endswith((".pkl", ".pickle", ".bin", ".pt"))] == []


@pytest.fixture
def failing(monkeypatch):
    """Training fails after the fit."""

    def fail(*_):
        raise ConfigError("training", "made to fail", "Nothing")

    monkeypatch.setattr("pactag.calibration.fit_scales", fail)


@pytest.mark.usefixtures("failing")
def test_failed_run_ends_as_failed(tracker, config_of):
    with pytest.raises(ConfigError, match="made to fail"):
        train(config_of("tfidf", name="fails"))
    run = _newest(tracker, "fails")
    assert run.info.status == "FAILED"
    assert run.data.tags["status"] == "running"


@pytest.mark.usefixtures("failing")
def test_failed_run_leaves_no_model_folder(config_of):
    config = config_of("tfidf", name="leaves-nothing")
    with pytest.raises(ConfigError):
        train(config)
    assert list(config.output.glob("*leaves-nothing*")) == []


def test_model_is_there_whatever_fails_when_it_is_logged(config_of, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("pactag.training.log_outcome", fail)
    config = config_of("tfidf", name="not-logged")
    with pytest.raises(ZeroDivisionError):
        train(config)
    (folder,) = config.output.glob("not-logged-*")
    read_manifest(folder)


def test_precision_out_of_reach_stands_in_the_card_of_the_model(config_of):
    config = config_of("tfidf", name="short-of-it", operating_point={"objective": "precision", "precision": 0.99999})
    card = (train(config).folder / CARD).read_text(encoding="utf-8")
    assert "| operating point | precision 0.99999 on the validation split; out of reach for " in card


def test_interrupted_run_ends_as_killed(tracker, config_of):
    def interrupt(done: int, total: int, word: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config_of("encoder", name="interrupted"), progress=interrupt)
    assert _newest(tracker, "interrupted").info.status == "KILLED"


def test_latest_is_the_newest_whole_run(tracker, trained):
    run = tracker.get_run(tracker.run_id_of("latest"))
    assert run.data.tags["status"] == "completed"


def test_latest_model_is_that_of_the_newest_run_that_saved_one(tracker, trained, config_of):
    saved = train(config_of("tfidf", name="saved")).run_id
    measured = train(config_of("tfidf", name="measured", save=False)).run_id
    assert tracker.run_id_of("latest") == measured
    assert tracker.run_id_of("latest", with_model=True) == saved


def test_run_that_was_only_measured_says_why_it_has_no_model(tracker, config_of):
    run_id = train(config_of("tfidf", name="measured", save=False)).run_id
    with pytest.raises(TrackingError, match="its config has save: false"):
        tracker.download_model(f"runs:/{run_id}")
    with pytest.raises(TrackingError, match="its config has save: false"):
        tracker.promote(run_id)


def test_promotion_moves_champion_and_keeps_previous(tracker, trained):
    first, _ = tracker.promote(trained["tfidf"].run_id, name="moves")
    second, before = tracker.promote(trained["encoder"].run_id, name="moves")
    assert before == first
    assert tracker.registry.aliased("champion", name="moves").version == second
    assert tracker.registry.aliased("previous", name="moves").version == first


LOOK_UPS = {
    "latest": lambda tracker: tracker.run_id_of("latest"),
    "a run": lambda tracker: tracker.get_run("0123"),
    "a model": lambda tracker: tracker.download_model("models:/pactag@champion"),
    "the registry": lambda tracker: tracker.registry,
    "a file of a run": lambda tracker: logged_text(tracker, "0123", "environment/command.txt"),
}


@pytest.mark.parametrize("look_up", LOOK_UPS.values(), ids=LOOK_UPS)
def test_looking_something_up_makes_no_store(tmp_path, look_up):
    with pytest.raises(TrackingError, match=f"{tmp_path}/none.db"):
        look_up(Tracker(f"sqlite:///{tmp_path}/none.db"))
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize("place", ["words.db", "words.db/below.db"])
def test_store_that_cannot_be_opened_is_told(tmp_path, place: str):
    (tmp_path / "words.db").write_text("no database")
    with pytest.raises(TrackingError, match="cannot be opened"):
        _ = Tracker(f"sqlite:///{tmp_path / place}").client


def test_address_that_is_none_is_told():
    with pytest.raises(TrackingError, match="cannot be opened"):
        _ = Tracker("http://[").client


def test_store_whose_driver_is_missing_is_told():
    with pytest.raises(TrackingError, match="needs the package MySQLdb"):
        _ = Tracker("mysql://127.0.0.1/runs").client


def test_run_that_was_deleted_does_not_go_on(tracker):
    recorder = tracker.start(experiment="tests", name="deleted", tags={})
    tracker.client.delete_run(recorder.run_id)
    with pytest.raises(TrackingError, match="was deleted"):
        recorder.resume()


@pytest.mark.parametrize("name", ["../../elsewhere", "..", "/Users/me/talks", "a" * 300, "50% of it?", " "])
def test_artifacts_stay_below_those_of_the_store_whatever_an_experiment_is_called(tmp_path, name: str):
    tracker = Tracker(f"sqlite:///{tmp_path}/store/mlflow.db")
    location = tracker.client.get_experiment(tracker.experiment_id(name)).artifact_location
    path = Path(url2pathname(urlparse(location).path))
    assert path.parent == tmp_path / "store" / "artifacts"
    path.mkdir(parents=True)


def test_artifacts_of_an_experiment_stand_under_its_name(tmp_path):
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db")
    location = tracker.client.get_experiment(tracker.experiment_id("talks of May")).artifact_location
    assert location.endswith("/artifacts/talks%20of%20May")
