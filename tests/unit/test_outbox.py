"""A tracking store that goes away in the middle of a run: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.figure
import pytest

from pactag.errors import TrackingError
from pactag.tracking import UNSENT, Table, Tracker, sending, sync
from pactag.tracking import recorder as recording
from pactag.tracking.outbox import Entry, Outbox
from pactag.tracking.reading import logged_table, logged_text
from pactag.training import train


class Line:
    """The way to the store, which can be cut, and can lose the answers of what arrived."""

    def __init__(self) -> None:
        self.cut = False
        self.loses_answers = False
        self.attempts = 0
        self._send = sending.send

    def send(self, client, uri: str, run_id: str, entry: Entry) -> None:
        self.attempts += 1
        if self.cut:
            raise sending.Unreachable("no answer")
        self._send(client, uri, run_id, entry)
        if self.loses_answers:
            raise sending.Unreachable("the answer was lost")


@pytest.fixture
def line(monkeypatch) -> Line:
    line = Line()
    for module in (recording, sync):
        monkeypatch.setattr(module, "send", line.send)
    return line


@pytest.fixture
def tracker(store) -> Tracker:
    return Tracker(store)


def _run(tracker: Tracker, runs: Path, **more):
    return tracker.run(experiment="tests", name="away", params={"a": "1"}, tags={}, unsent=runs / UNSENT, **more)


def _log_everything(recorder) -> None:
    for step in (1, 2):
        recorder.metrics({"dev/loss": 1 / step}, step=step)
    recorder.text("hello", "notes/note.txt")
    recorder.table(Table("figures", {"name": ["a", "b"], "value": [1.5, None]}))
    recorder.image(matplotlib.figure.Figure(figsize=(1, 1)), key="test/curve")
    recorder.tags({"last": "yes"})


def _check_everything(tracker: Tracker, run_id: str) -> None:
    run = tracker.get_run(run_id)
    assert [(m.step, m.value) for m in tracker.client.get_metric_history(run_id, "dev/loss")] == [(1, 1.0), (2, 0.5)]
    assert logged_text(tracker, run_id, "notes/note.txt") == "hello"
    assert logged_table(tracker, run_id, "figures").columns == {"name": ["a", "b"], "value": [1.5, None]}
    assert len(tracker.client.list_artifacts(run_id, "images")) == 2
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "tables/figures.json", "type": "table"}]
    assert (run.data.tags["last"], run.data.tags["status"], run.info.status) == ("yes", "completed", "FINISHED")


def test_store_that_stays_leaves_nothing_on_disk(tracker, tmp_path, line):
    with _run(tracker, tmp_path) as recorder:
        _log_everything(recorder)
    _check_everything(tracker, recorder.run_id)
    assert list(tmp_path.iterdir()) == []


def test_what_was_kept_is_sent_when_the_store_is_back(tracker, tmp_path, line, monkeypatch):
    monkeypatch.setattr(recording, "PAUSE_SECONDS", 0)
    with _run(tracker, tmp_path) as recorder:
        line.cut = True
        _log_everything(recorder)
        assert recorder.unsent == tmp_path / UNSENT / recorder.run_id
        line.cut = False
    _check_everything(tracker, recorder.run_id)
    assert recorder.unsent is None
    assert list((tmp_path / UNSENT).iterdir()) == []


def test_sync_sends_what_a_run_left(tracker, tmp_path, line, caplog):
    line.cut = True
    with _run(tracker, tmp_path) as recorder:
        _log_everything(recorder)
    kept = len(Outbox.of(recorder.unsent))
    assert f"is kept in {recorder.unsent} until: pactag sync {tmp_path}" in caplog.text
    assert tracker.get_run(recorder.run_id).info.status == "RUNNING"
    line.cut = False
    (done,) = sync.sync(tmp_path)
    assert (done.run_id, done.sent, done.left) == (recorder.run_id, kept, 0)
    _check_everything(tracker, recorder.run_id)
    assert list(sync.sync(tmp_path)) == []


def test_sync_passes_over_a_folder_that_keeps_nothing(tracker, tmp_path, line):
    (tmp_path / UNSENT / "0").mkdir(parents=True)
    (tmp_path / UNSENT / "0" / "lock").touch()
    line.cut = True
    with _run(tracker, tmp_path) as recorder:
        _log_everything(recorder)
    line.cut = False
    assert [(done.run_id, done.left) for done in sync.sync(tmp_path)] == [(recorder.run_id, 0)]


def test_sync_tells_entries_of_which_the_run_is_not_known(tmp_path):
    folder = tmp_path / UNSENT / "0"
    folder.mkdir(parents=True)
    (folder / "000000001.json").write_text("{}")
    (told,) = sync.sync(tmp_path)
    assert (told.run_id, told.left, "has no run.json that can be read" in told.why) == ("0", 1, True)


def test_sync_that_is_cut_off_goes_on(tracker, tmp_path, line, monkeypatch):
    line.cut = True
    with _run(tracker, tmp_path) as recorder:
        _log_everything(recorder)
    line.cut, sent = False, line.send

    def send_three(*arguments) -> None:
        line.cut = line.attempts >= cut_at
        sent(*arguments)

    cut_at = line.attempts + 3
    monkeypatch.setattr(sync, "send", send_three)
    (first,) = sync.sync(tmp_path)
    assert (first.sent, first.left > 0, first.why) == (3, True, "no answer")
    cut_at = 10**6
    (second,) = sync.sync(tmp_path)
    assert (second.sent, second.left) == (first.left, 0)
    _check_everything(tracker, recorder.run_id)


def test_what_arrived_without_an_answer_is_there_once(tracker, tmp_path, line):
    line.loses_answers = True
    with _run(tracker, tmp_path) as recorder:
        _log_everything(recorder)
    # Each attempt arrives and nobody knows: all of them are made again.
    assert [done.left > 0 for done in sync.sync(tmp_path)] == [True]
    line.loses_answers = False
    list(sync.sync(tmp_path))
    _check_everything(tracker, recorder.run_id)


def test_training_goes_on_and_its_run_is_whole_after_sync(tracker, config_of, tmp_path, line, pactag, trained):
    def cut(*_) -> None:
        line.cut = True

    done = train(config_of("encoder", output=str(tmp_path)), progress=cut)
    assert done.folder.is_dir()
    line.loses_answers, line.cut = True, False
    list(sync.sync(tmp_path))
    line.loses_answers = False
    result = pactag("sync", tmp_path)
    assert (result.returncode, "nothing is left to send" in result.stdout) == (0, True)
    ours, other = tracker.get_run(done.run_id), tracker.get_run(trained["encoder"].run_id)
    assert (ours.info.status, ours.data.tags["status"]) == ("FINISHED", "completed")
    for name, value in other.data.metrics.items():
        if not name.startswith(("system/", "speed/")):
            assert ours.data.metrics[name] == pytest.approx(value), name
            assert len(tracker.client.get_metric_history(done.run_id, name)) == 1, name
    models = tracker.client.search_logged_models([ours.info.experiment_id], filter_string=f"source_run_id = '{done.run_id}'")
    assert [model.model_id for model in models] == [ours.data.tags["pactag.logged_model"]]
    assert tracker.download_model(f"runs:/{done.run_id}").is_dir()


def test_store_that_is_away_is_not_asked_at_every_step(tracker, tmp_path, line):
    with _run(tracker, tmp_path) as recorder:
        line.cut, before = True, line.attempts
        for step in range(50):
            recorder.metrics({"dev/loss": 1.0}, step=step)
        assert line.attempts == before + 1
        line.cut = False


def test_sync_leaves_a_run_alone_that_still_sends_by_itself(tracker, tmp_path, line):
    with _run(tracker, tmp_path) as recorder:
        line.cut = True
        recorder.metrics({"dev/loss": 1.0}, step=1)
        line.cut = False
        (found,) = sync.sync(tmp_path)
        assert (found.sent, found.left, "still runs" in found.why) == (0, 1, True)


def test_sync_to_a_store_that_is_away_is_told(tmp_path, pactag):
    box = Outbox(tmp_path / UNSENT / "r1", run_id="r1", uri="http://127.0.0.1:9")
    box.add(Entry("tags", {"a": "b"}))
    box.leave()
    result = pactag("sync", tmp_path, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert result.returncode == 2
    assert "1 left" in result.stdout
    assert len(box) == 1


def test_model_folder_that_is_gone_is_told(tracker, tmp_path, line):
    line.cut = True
    with _run(tracker, tmp_path) as recorder:
        recorder.model(tmp_path / "gone", example={})
    line.cut = False
    (found,) = sync.sync(tmp_path)
    assert "gone: was to be logged, and is gone" in found.why


class _ClientError(Exception):
    """Named as a cloud's own: no MlflowException, no OSError."""

    __module__ = "botocore.exceptions"


@pytest.mark.parametrize(
    ("raised", "expected", "told"),
    [
        (_ClientError("AccessDenied"), sending.Unreachable, "AccessDenied"),
        (ModuleNotFoundError("No module named 'boto3'", name="boto3"), TrackingError, "pip install boto3"),
        (ZeroDivisionError("a mistake of ours"), ZeroDivisionError, "a mistake of ours"),
    ],
)
def test_errors_of_a_place_for_artifacts(tracker, tmp_path, monkeypatch, raised, expected, told: str):
    def fail(*_):
        raise raised

    monkeypatch.setitem(sending._KINDS, "file", fail)
    with pytest.raises(expected, match=told):
        sending.send(tracker.client, tracker.uri, "run", Entry("file", {"path": "a.txt"}, b"x"))


def test_a_hundred_tables_are_all_there(tracker, tmp_path):
    with _run(tracker, tmp_path) as recorder:
        for number in range(100):
            recorder.table(Table(f"a table with a name as long as those of comparisons have {number}", {"value": [number]}))
    tables = [item.path for item in tracker.client.list_artifacts(recorder.run_id, "tables")]
    assert len(tables) == 100
    assert json.loads(tracker.get_run(recorder.run_id).data.tags["mlflow.loggedArtifacts"])


def test_what_the_store_never_takes_is_an_error_at_once(tracker, tmp_path, line):
    with pytest.raises(TrackingError, match="dev/loss"), _run(tracker, tmp_path) as recorder:
        recorder.metrics({"dev/loss?": 1.0}, step=1)


def test_entry_that_was_cut_off_while_it_was_written_is_no_entry(tmp_path):
    box = Outbox(tmp_path / "r1", run_id="r1", uri="sqlite://")
    box.add(Entry("file", {"path": "a"}, b"whole"))
    (tmp_path / "r1/000000002.data").write_bytes(b"cut")
    assert [(name, entry.content) for name, entry in box.entries()] == [("000000001", b"whole")]


def test_folder_that_is_not_there_is_told(tmp_path, pactag):
    result = pactag("sync", tmp_path / "nowhere")
    assert (result.returncode, "no such folder" in result.stderr) == (2, True)
