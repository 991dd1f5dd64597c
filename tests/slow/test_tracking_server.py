"""Training against a real `mlflow server`, one that goes away in the middle, and PostgreSQL behind it: `make test-slow`."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from servers import MlflowServer, free_port

from pactag.tagging import Tagger
from pactag.tracking import Tracker
from pactag.tracking import recorder as recording
from pactag.tracking.sync import sync
from pactag.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_server(tmp_path_factory):
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture
def server(one_server):
    """A server that answers when the test begins."""
    if not one_server.running:
        one_server.start()
    return one_server


@pytest.fixture
def postgres(tmp_path_factory):
    """A PostgreSQL of its own on loopback; it refuses to run as root, so that a test that is root runs it as nobody."""
    binaries = shutil.which("initdb") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)
    if binaries is None or find_spec("psycopg") is None:
        pytest.skip("PostgreSQL or psycopg is not installed")
    folder, port = tmp_path_factory.mktemp("postgres"), free_port()
    user = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(folder, account.pw_uid, account.pw_gid)
        for parent in list(folder.parents)[:2]:
            parent.chmod(0o755)
    data, programs = folder / "data", Path(binaries).parent
    subprocess.run([programs / "initdb", "-D", data, "-U", "pactag", "-A", "trust"], check=True, capture_output=True, cwd="/", **user)
    options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([programs / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd="/", **user)
    try:
        import psycopg

        for _ in range(120):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(host="127.0.0.1", port=port, user="pactag", dbname="postgres").close()
                break
            time.sleep(0.25)
        yield f"postgresql+psycopg://pactag@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(30)


def _config(config_of, uri: str, tmp_path: Path, *, kind: str = "tfidf", **more):
    tracking = {"uri": uri, "experiment": "served", "pictures": kind == "encoder"}
    return config_of(kind, tracking=tracking, output=str(tmp_path / "runs"), **more)


def _check_whole(tracker: Tracker, done) -> None:
    run = tracker.get_run(done.run_id)
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "completed")
    for name, value in done.outcome.figures().items():
        assert run.data.metrics[name] == pytest.approx(value), name
    twice = {name for name in run.data.metrics if "system/" not in name and len(tracker.client.get_metric_history(done.run_id, name)) != 1}
    assert {name for name in twice if not name.startswith("dev/")} == set()
    steps = [metric.step for metric in tracker.client.get_metric_history(done.run_id, "dev/f1_macro")]
    assert steps == sorted(set(steps))
    models = tracker.client.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id = '{done.run_id}'")
    assert [model.model_id for model in models] == [run.data.tags["pactag.logged_model"]]
    tagger = Tagger.load(f"runs:/{done.run_id}", tracking_uri=tracker.uri)
    assert tagger.tag("They will strike.").sentences


def test_training_through_a_server(server, config_of, tmp_path):
    done = train(_config(config_of, server.uri, tmp_path))
    tracker = Tracker(server.uri)
    _check_whole(tracker, done)
    version, _ = tracker.promote(done.run_id)
    assert tracker.run_id_of("models:/pactag@champion") == done.run_id
    assert version == "1"


def test_server_that_is_back_before_the_end_gets_all_of_the_run(server, config_of, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "PAUSE_SECONDS", 0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    epochs = []

    def stop_and_start(done: int, total: int, word: str) -> None:
        if done in (2, 20):
            epochs.append(done)
            server.stop() if done == 2 else server.start()

    training = {"epochs": 4, "learning_rate": 1e-3, "early_stopping": None}
    done = train(_config(config_of, server.uri, tmp_path, kind="encoder", training=training), progress=stop_and_start)
    assert epochs == [2, 20]
    assert done.unsent is None
    _check_whole(Tracker(server.uri), done)
    assert len(Tracker(server.uri).client.get_metric_history(done.run_id, "dev/f1_macro")) == 4


def test_server_that_stays_away_gets_the_run_by_sync(server, config_of, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = train(_config(config_of, server.uri, tmp_path, kind="encoder"), progress=lambda *_: server.stop())
    assert done.unsent is not None
    assert [found.left > 0 for found in sync(tmp_path / "runs")] == [True]
    server.start()
    assert [(found.run_id, found.left) for found in sync(tmp_path / "runs")] == [(done.run_id, 0)]
    _check_whole(Tracker(server.uri), done)


def test_postgresql_behind_the_server(postgres, config_of, tmp_path):
    server = MlflowServer(tmp_path, store=postgres)
    server.start()
    try:
        _check_whole(Tracker(server.uri), train(_config(config_of, server.uri, tmp_path, kind="encoder")))
    finally:
        server.stop()


def test_postgresql_itself(postgres, config_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _check_whole(Tracker(postgres), train(_config(config_of, postgres, tmp_path)))
