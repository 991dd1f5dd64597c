"""A training that was cut off goes on in the same run, and ends as one that never was."""

from __future__ import annotations

import pytest

from pactag import provenance, seeds, training
from pactag.errors import ModelFolderError, TrackingError
from pactag.models import checkpoints
from pactag.tracking import RunRecorder, Tracker
from pactag.training import train
from pactag.unfinished import CHECKPOINTS, Job, holding

# Dropout, a running average and early stopping: all that a state holds.
TRAINING = {"epochs": 4, "learning_rate": 1e-3, "weight_average": 0.9, "early_stopping": 3, "token_dropout": 0.1}


class Killed(BaseException):
    """Nothing expects it, as nothing expects the end of a process."""


def _killing(step: int):
    def kill(done: int, total: int, word: str) -> None:
        if done == step:
            raise Killed

    return kill


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def whole(config_of, tmp_path_factory):
    return train(config_of("encoder", training=TRAINING, output=str(tmp_path_factory.mktemp("whole"))))


def _unfinished(output) -> list:
    return [path for path in (output / CHECKPOINTS).glob("*") if path.is_dir()]


def _steps(tracker: Tracker, run_id: str, name: str = "dev/f1_macro") -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in tracker.client.get_metric_history(run_id, name)]


# One epoch has 10 steps or so: in the first, in the third, and at the last step of all.
@pytest.mark.parametrize("place", [0.1, 0.6, 1.0])
def test_resumed_training_ends_as_an_uninterrupted_one(config_of, tmp_path, tracker, whole, place):
    config = config_of("encoder", training=TRAINING, output=str(tmp_path))
    steps = _steps(tracker, whole.run_id)
    with pytest.raises(Killed):
        train(config, progress=_killing(max(1, round(place * steps[-1][0]))), resume=False)
    (cut,) = _unfinished(tmp_path)
    done = train(config, resume=True)
    assert done.run_id == cut.name
    assert done.outcome.figures() == whole.outcome.figures()
    assert _steps(tracker, done.run_id) == steps
    run = tracker.get_run(done.run_id)
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "completed")
    assert _unfinished(tmp_path) == []


@pytest.mark.parametrize("parts", [1, 2])
def test_resumed_within_an_epoch_it_ends_as_an_uninterrupted_one(config_of, tmp_path, tracker, parts):
    settings = {**TRAINING, "gradient_accumulation": parts}
    whole = train(config_of("encoder", training=settings, output=str(tmp_path / "whole")))
    last = _steps(tracker, whole.run_id)[-1][0]
    config = config_of("encoder", training={**settings, "checkpoint_steps": 3}, output=str(tmp_path))
    cut_at = last // 2 + 4
    with pytest.raises(Killed):
        train(config, progress=_killing(cut_at), resume=False)
    (folder,) = _unfinished(tmp_path)
    saved = checkpoints.Checkpoint(checkpoints.newest(folder)).step
    assert cut_at - 3 <= saved < cut_at
    assert saved % (last // TRAINING["epochs"]) != 0
    taken = []
    done = train(config, progress=lambda step, total, word: taken.append(step), resume=True)
    assert taken[0] == saved + 1
    assert done.outcome.figures() == whole.outcome.figures()


def test_time_up_to_a_state_within_an_epoch_counts(config_of, tmp_path):
    config = config_of("encoder", training={**TRAINING, "checkpoint_steps": 3}, output=str(tmp_path))
    with pytest.raises(Killed):
        train(config, progress=_killing(4), resume=False)
    (folder,) = _unfinished(tmp_path)
    history = Job(folder).history()
    assert history.steps == []
    assert history.seconds > 0


def test_time_before_it_was_cut_off_counts(config_of, tmp_path, tracker):
    config = config_of("encoder", training={**TRAINING, "epochs": 2}, output=str(tmp_path))
    with pytest.raises(Killed):
        train(config, progress=_killing(15), resume=False)
    (folder,) = _unfinished(tmp_path)
    Job(folder).history().took(1000)
    took = tracker.get_run(train(config, resume=True).run_id).data.metrics
    assert 1000 < took["speed/fit_seconds"] < took["speed/wall_seconds"] < 1500


def test_nothing_is_logged_twice_when_it_is_cut_off_at_the_very_end(config_of, tmp_path, tracker, whole, monkeypatch):
    config = config_of("encoder", training=TRAINING, output=str(tmp_path))

    def cut(self, folder, *, example) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunRecorder, "model", cut)
        with pytest.raises(Killed):
            train(config, resume=False)
    done = train(config, resume=True)
    run = tracker.get_run(done.run_id)
    assert done.outcome.figures() == whole.outcome.figures()
    for name in done.outcome.figures():
        assert len(_steps(tracker, done.run_id, name)) == 1, name
    assert len(run.inputs.dataset_inputs) == 3
    assert done.folder.is_dir()


def test_a_fit_without_steps_begins_again_in_the_same_run(config_of, tmp_path, tracker, monkeypatch):
    config = config_of("tfidf", output=str(tmp_path))

    def cut(*_, **__) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training, "log_outcome", cut)
        with pytest.raises(Killed):
            train(config, resume=False)
    (folder,) = _unfinished(tmp_path)
    assert train(config, resume=True).run_id == folder.name


def test_what_is_otherwise_when_it_goes_on_is_recorded(config_of, tmp_path, tracker, monkeypatch, caplog):
    config = config_of("encoder", training={**TRAINING, "epochs": 1}, output=str(tmp_path))
    with pytest.raises(Killed):
        train(config, progress=_killing(1), resume=False)
    real = provenance.provenance
    monkeypatch.setattr("pactag.tracking.tracker.provenance", lambda: {**real(), "threads": "64"})
    with tracker.run(experiment="tests", name="new parent", params={}, tags={}) as parent:
        run = tracker.get_run(train(config, resume=True, parent=parent.run_id).run_id)
    resumed = {name: value for name, value in run.data.tags.items() if name.startswith(provenance.RESUMED)}
    assert resumed == {"resumed.threads": "64"}
    assert run.data.tags["threads"] != "64"
    assert run.data.tags["mlflow.parentRunId"] == parent.run_id
    assert f"going on with run {run.info.run_id}" in caplog.text


def test_another_config_is_another_job(config_of, tmp_path):
    with pytest.raises(Killed):
        train(config_of("encoder", training=TRAINING, output=str(tmp_path)), progress=_killing(1), resume=False)
    (cut,) = _unfinished(tmp_path)
    other = train(config_of("encoder", training={**TRAINING, "epochs": 1}, output=str(tmp_path)), resume=True)
    assert other.run_id != cut.name
    assert _unfinished(tmp_path) == [cut]


def test_job_that_still_runs_is_left_alone(config_of, tmp_path):
    config = config_of("encoder", training=TRAINING, output=str(tmp_path))
    found = []

    def start_again(done: int, total: int, word: str) -> None:
        if done == 1:
            with pytest.raises(TrackingError, match="is being trained by another process") as error:
                train(config, resume=True)
            found.append(error)
            raise Killed

    with pytest.raises(Killed):
        train(config, progress=start_again, resume=False)
    assert found


def test_checkpoint_holds_no_pickle(config_of, tmp_path):
    with pytest.raises(Killed):
        train(config_of("encoder", training=TRAINING, output=str(tmp_path)), progress=_killing(15), resume=False)
    (folder,) = _unfinished(tmp_path)
    path = checkpoints.newest(folder)
    assert {item.suffix for item in path.iterdir()} == {".safetensors", ".json"}
    assert len(list(folder.glob("step-*"))) == 1


def test_seeds_that_are_done_are_not_trained_again(config_of, tmp_path, tracker, pactag, monkeypatch):
    config = config_of("tfidf", name="seeds", seeds=[1, 2, 3], save=False, output=str(tmp_path))
    trained = []
    real = seeds.train

    def train_two(one, **options):
        if len(trained) == 2:
            raise Killed
        trained.append(one.name)
        return real(one, **options)

    with monkeypatch.context() as patch:
        patch.setattr(seeds, "train", train_two)
        with pytest.raises(Killed):
            seeds.train_seeds(config, resume=False)
    (folder,) = _unfinished(tmp_path)
    path = tmp_path / "seeds.yaml"
    path.write_text(config.to_yaml())
    result = pactag("train", path, "--resume")
    assert result.returncode == 0, result.stderr
    assert f"parent runs:/{folder.name}" in result.stdout
    assert sorted(run.data.tags["seed"] for run in tracker.children(folder.name)) == ["1", "2", "3"]
    assert _unfinished(tmp_path) == []


def test_without_resume_a_new_run_begins_and_the_other_is_told(config_of, tmp_path, caplog):
    config = config_of("encoder", training={**TRAINING, "epochs": 1}, output=str(tmp_path))
    with pytest.raises(Killed):
        train(config, progress=_killing(1), resume=False)
    (cut,) = _unfinished(tmp_path)
    assert train(config, resume=False).run_id != cut.name
    assert str(cut) in caplog.text
    assert "--resume" in caplog.text


def test_damaged_checkpoint_is_told(tmp_path):
    (tmp_path / "step-000000001").mkdir()
    (tmp_path / "step-000000001/state.json").write_text("{")
    with pytest.raises(ModelFolderError, match="step-000000001: cannot be read"):
        checkpoints.Checkpoint(checkpoints.newest(tmp_path))


def test_run_goes_on_by_its_name(config_of, tmp_path, tracker, pactag):
    config = config_of("encoder", training={**TRAINING, "epochs": 1}, output=str(tmp_path))
    with pytest.raises(Killed):
        train(config, progress=_killing(1), resume=False)
    (cut,) = _unfinished(tmp_path)
    done = pactag("train", f"runs:/{cut.name}", "--resume", MLFLOW_TRACKING_URI=tracker.uri)
    assert done.returncode == 0, done.stderr
    assert f"run    runs:/{cut.name}" in done.stdout


def test_job_that_another_process_has_ended_meanwhile_is_told(tmp_path):
    with pytest.raises(TrackingError, match="was trained to the end by another process just now"), holding(Job(tmp_path / "gone")):
        pass
    assert list(tmp_path.iterdir()) == []
