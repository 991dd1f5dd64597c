"""The Ray engine: the bytes of the local one, also when its workers are killed. `make test-slow`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")
psutil = pytest.importorskip("psutil")

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(config_of) -> Path:
    from pactag.training import train

    return train(config_of("tfidf")).folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> list[Path]:
    """A file that is shared out among workers, one row of which cannot be read, and small files that are not."""
    folder = tmp_path_factory.mktemp("inputs")
    sentences = "The guild offered talks, and the firm refused. " * 30
    rows = [json.dumps({"id": f"a{number}", "text": f"Article {number}. {sentences}"}) for number in range(800)]
    rows[700] = "{broken"
    (folder / "wire.jsonl").write_text("\n".join(rows))
    (folder / "local").mkdir()
    for number in range(5):
        (folder / f"local/{number}.txt").write_text("He said no. She left.")
    return [folder / "wire.jsonl", folder / "local", folder / "nowhere.txt"]


def _command(inputs, output: Path, model: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "pactag.cli", "tag", *map(str, inputs), "-o", f"{output}/", "-m", str(model), "--part-size", "40", *more]


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def local(inputs, model, tmp_path_factory) -> subprocess.CompletedProcess:
    output = tmp_path_factory.mktemp("local") / "out"
    done = subprocess.run(_command(inputs, output, model), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return subprocess.CompletedProcess(output, done.returncode, done.stdout, done.stderr)


def _errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error")]


def test_killed_worker_loses_nothing(inputs, model, local, tmp_path):
    command = _command(inputs, tmp_path / "out", model, "--engine", "ray", "--workers", "2")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
    killed = _kill_a_worker(process, tmp_path / "out")
    code = process.wait(400)
    log = (tmp_path / "log").read_text()
    assert killed is not None, log
    assert code == local.returncode == 2, log
    assert _bytes_of(tmp_path / "out") == _bytes_of(local.args)
    assert _errors(log) == _errors(local.stderr)


def _kill_a_worker(process: subprocess.Popen, output: Path) -> int | None:
    """Kill one as soon as a part is there and more are to come."""
    main = psutil.Process(process.pid)
    while process.poll() is None:
        if len(list(output.glob("part-*"))) >= 2:
            workers = [child for child in main.children(recursive=True) if _is_worker(child)]
            if workers:
                workers[0].kill()
                return workers[0].pid
        time.sleep(0.02)
    return None


def _is_worker(process) -> bool:
    try:
        return process.cmdline()[0].startswith("ray::") and "Worker" in process.cmdline()[0]
    except (psutil.Error, IndexError):
        return False


def test_cluster_that_is_not_there_is_told(inputs, model, tmp_path):
    command = _command(inputs, tmp_path / "out", model, "--engine", "ray", "--ray-address", "127.0.0.1:9")
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--ray-address 127.0.0.1:9: cannot be reached" in done.stderr
