"""The round trip through a real Label Studio, started from its package on loopback: make test-label-studio.

`LABEL_STUDIO` names its executable; it lives in an environment of its own, since it wants other versions of what pactag uses.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pactag.annotation.judgements import Judgement, views_of
from pactag.annotation.rounds import start, take_in, unsettled
from pactag.corpus.agreement import agreement_of
from pactag.schema import Schema

pytestmark = pytest.mark.label_studio

PATIENCE_S = 400
PORT = "The port has 14 pilots.\n\nUnless pay rises, they will strike, the guild said. It offered to meet on Monday."
DAM = "The dam holds, =SUM(1) said the mayor.\nHe blamed the 'old' \"board\" & its <chair> 🚧."
ANNA = {"port:0": [], "port:1": ["threat", "condition"], "port:2": ["proposal"], "dam:0": [], "dam:1": ["accusation"]}
BEN = {**ANNA, "port:1": ["threat"], "dam:0": None}
COMMENTS = {"dam:1": 'blames the board & "chair" 🚧'}


@dataclass(frozen=True)
class Server:
    """A running Label Studio and the token of its first user."""

    address: str
    token: str

    def call(self, path: str, body: Any = None) -> Any:
        """One request of its API, JSON in and out: POST with a body, GET without."""
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            pytest.fail(f"{path}: {error.code} {error.read().decode(errors='replace')[:500]}")
        return json.loads(content) if content else None


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    executable = os.environ.get("LABEL_STUDIO")
    if not executable:
        pytest.fail("LABEL_STUDIO does not name the executable; run make test-label-studio")
    data, token = tmp_path_factory.mktemp("label-studio"), "0123456789abcdef" * 2 + "01234567"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [executable, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port), "--data-dir", str(data)]
    command += ["--username", "anna@x.org", "--password", "only-for-this-test", "--user-token", token, "--enable-legacy-api-token"]
    # Its own environment: nothing of the tests' Python path, no reports to its makers, no look for newer versions.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"COLLECT_ANALYTICS": "False", "LATEST_VERSION_CHECK": "False", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    log = data / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=data, env=environment, stdout=out, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Label Studio did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(1)
        yield Server(address, token)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/version", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory, schema: Schema) -> Path:
    root = tmp_path_factory.mktemp("tasks")
    (root / "articles.jsonl").write_text(json.dumps({"id": "port", "title": "Port talks", "text": PORT}) + "\n", encoding="utf-8")
    (root / "dam.txt").write_text(DAM, encoding="utf-8")
    start([root / "articles.jsonl", root / "dam.txt"], root / "tasks", schema, tool="label-studio")
    return root / "tasks"


@pytest.fixture(scope="module")
def export(server: Server, folder: Path, tmp_path_factory) -> Path:
    """Two people label the tasks through the interface of the folder, one skips a sentence; the project is exported as JSON."""
    project = _project(server, folder)
    anna = server.call("/api/current-user/whoami")["id"]
    ben = server.call("/api/users/", {"email": "ben@x.org", "username": "ben", "first_name": "", "last_name": ""})["id"]
    tasks = {task["data"]["sentence_id"]: task["id"] for task in server.call(f"/api/tasks?project={project}&page_size=100")["tasks"]}
    for user, given in ((anna, ANNA), (ben, BEN)):
        for sentence, labels in given.items():
            server.call(f"/api/tasks/{tasks[sentence]}/annotations/", {**_annotation(sentence, labels), "completed_by": user})
    path = tmp_path_factory.mktemp("export") / "export.json"
    found = server.call(f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return path


def _project(server: Server, folder: Path) -> int:
    config, rules = ((folder / name).read_text(encoding="utf-8") for name in ("interface.xml", "instructions.html"))
    project = server.call("/api/projects/", {"title": "acts", "label_config": config, "expert_instruction": rules})["id"]
    done = server.call(f"/api/projects/{project}/import", json.loads((folder / "tasks.json").read_text(encoding="utf-8")))
    assert done["task_count"] == 5
    return int(project)


def _annotation(sentence: str, labels: list[str] | None) -> dict[str, Any]:
    result: list[dict[str, Any]] = []
    if labels:
        result.append({"from_name": "labels", "to_name": "text", "type": "choices", "value": {"choices": labels}})
    if sentence in COMMENTS:
        result.append({"from_name": "comment", "to_name": "text", "type": "textarea", "value": {"text": [COMMENTS[sentence]]}})
    return {"result": result, "was_cancelled": labels is None, "lead_time": 2.5}


@pytest.fixture(scope="module")
def judgements(export: Path, folder: Path, schema: Schema) -> tuple[Judgement, ...]:
    # Label Studio exports the numbers of its users, not their addresses.
    found = take_in([export], folder, schema, names={"user 1": "anna", "user 2": "ben"})
    assert found.missing == {}
    return found.judgements


def test_every_label_of_both_annotators_comes_back(judgements):
    for annotator, given in (("anna", ANNA), ("ben", BEN)):
        judged = {one.id: list(one.labels) for one in judgements if one.annotator == annotator and one.status == "judged"}
        assert judged == {sentence: labels for sentence, labels in given.items() if labels is not None}


def test_skipped_sentence_comes_back_as_skipped(judgements):
    assert [(one.annotator, one.id) for one in judgements if one.status == "skipped"] == [("ben", "dam:0")]


def test_comments_come_back_to_the_letter(judgements):
    assert {one.id: one.comment for one in judgements if one.comment} == COMMENTS


def test_text_context_and_offsets_come_back_to_the_letter(judgements):
    texts = {"port": PORT, "dam": DAM}
    assert all(texts[one.article_id][one.start : one.end] == one.text for one in judgements)


def test_differences_go_round_a_second_time(server, judgements, schema, tmp_path):
    (found,) = agreement_of(views_of(judgements), schema)
    assert (found.sentences, found.differing) == (4, 1)
    (tmp_path / "differ.jsonl").write_text("".join(task.to_json() + "\n" for task in unsettled(judgements)), encoding="utf-8")
    settle = tmp_path / "settle"
    start([tmp_path / "differ.jsonl"], settle, schema, tool="label-studio")
    config = (settle / "interface.xml").read_text(encoding="utf-8")
    project = server.call("/api/projects/", {"title": "settle", "label_config": config})["id"]
    server.call(f"/api/projects/{project}/import", json.loads((settle / "tasks.json").read_text(encoding="utf-8")))
    (task,) = server.call(f"/api/tasks?project={project}")["tasks"]
    assert task["data"]["said"] == "anna: threat, condition\nben: threat"
    server.call(f"/api/tasks/{task['id']}/annotations/", _annotation("port:1", ["condition", "threat"]))
    exported = server.call(f"/api/projects/{project}/export?exportType=JSON")
    (tmp_path / "settled.json").write_text(json.dumps(exported), encoding="utf-8")
    (settled,) = take_in([tmp_path / "settled.json"], settle, schema).judgements
    assert (settled.round, settled.labels) == ("adjudication", ("threat", "condition"))


def test_suggestions_arrive_as_predictions(server, folder, schema):
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    value = {"from_name": "labels", "to_name": "text", "type": "choices", "value": {"choices": ["threat"]}}
    tasks[0]["predictions"] = [{"model_version": "pactag", "result": [value]}]
    config = (folder / "interface.xml").read_text(encoding="utf-8")
    project = server.call("/api/projects/", {"title": "suggested", "label_config": config})["id"]
    server.call(f"/api/projects/{project}/import", tasks[:1])
    (task,) = server.call(f"/api/tasks?project={project}&fields=all")["tasks"]
    assert [prediction["result"][0]["value"] for prediction in task["predictions"]] == [{"choices": ["threat"]}]
