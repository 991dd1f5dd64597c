"""The logged model behind a web server and inside Spark: `make test-slow`."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pactag.outputs.base import Maker, sentence_rows
from pactag.tagging import Tagger
from pactag.tracking import Tracker

pytestmark = pytest.mark.slow

ARTICLES = [{"id": "a", "text": "He said no. Unless they pay, we will strike. \U0001f6aa"}, {"id": "b", "text": "She left."}]


@pytest.fixture(scope="module")
def run(config_of):
    from pactag.training import train

    return train(config_of("tfidf"))


@pytest.fixture(scope="module")
def logged(run, store) -> str:
    """The folder of a logged model, with its MLmodel file."""
    return str(Tracker(store).download_model(f"runs:/{run.run_id}").parents[1])


def _expected(run) -> list[dict]:
    tagger = Tagger.load(run.folder)
    maker = Maker(tagger.schema, "")
    return [row for one in ARTICLES for row in sentence_rows(tagger.tag(one["text"], id=one["id"]), maker)]


@pytest.fixture(scope="module")
def server(logged, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        logged,
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    # MLflow starts its server by name, as in an environment that is activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as file:
        # A group of its own, so that the workers of the server end with it.
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True, env={**os.environ, "PATH": path})
    try:
        for _ in range(240):
            if process.poll() is not None:
                pytest.fail(log.read_text())
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping"):
                    break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _post(address: str, body: dict) -> dict:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_server_tags_what_is_posted(server, run):
    rows = _post(server, {"dataframe_records": ARTICLES})["predictions"]
    expected = _expected(run)
    assert [(row["id"], row["start"], row["end"], row["text"]) for row in rows] == [
        (row["article_id"], row["start"], row["end"], row["text"]) for row in expected
    ]
    assert [row["labels"] for row in rows] == [row["labels"] for row in expected]
    assert [row["score_threat"] for row in rows] == [row["scores"]["threat"] for row in expected]


def test_server_gives_a_row_for_each_article_when_asked(server):
    rows = _post(server, {"dataframe_records": ARTICLES, "params": {"rows": "articles"}})["predictions"]
    assert [(row["id"], len(json.loads(row["sentences"]))) for row in rows] == [("a", 3), ("b", 1)]


def test_server_tells_a_row_without_text(server):
    with pytest.raises(urllib.error.HTTPError) as error:
        _post(server, {"dataframe_records": [{"id": "a"}]})
    assert error.value.code == 400
    assert "text" in error.value.read().decode()


@pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
@pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed")
def test_spark_tags_a_column(logged, run, monkeypatch):
    import mlflow
    from pyspark.sql import SparkSession

    # Spark starts its workers by name.
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    try:
        tag = mlflow.pyfunc.spark_udf(spark, logged, result_type="string", env_manager="local", params={"rows": "articles"})
        frame = spark.createDataFrame([(one["text"], one["id"]) for one in ARTICLES], ["text", "id"])
        rows = frame.withColumn("sentences", tag("text", "id")).collect()
    finally:
        spark.stop()
    found = [{"article_id": row["id"], **sentence} for row in rows for sentence in json.loads(row["sentences"])]
    assert found == [{name: value for name, value in row.items() if name != "model"} for row in _expected(run)]
