"""Two processes that train one model, on the processor (gloo), and a process that is really killed: `make test-slow`."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from servers import free_port

from pactag.tracking import Tracker
from pactag.training import train
from pactag.unfinished import CHECKPOINTS

pytestmark = pytest.mark.slow

TRAINING = {"epochs": 3, "learning_rate": 1e-3, "early_stopping": None, "batch_size": 16}


@pytest.fixture
def job(config_of, steady_base, tmp_path):
    """A config and its file."""
    model = {"kind": "encoder", "base": str(steady_base), "max_tokens": 48, "dropout": 0.0}
    config = config_of("encoder", name="two", model=model, training=TRAINING, output=str(tmp_path / "runs"))
    path = tmp_path / "two.yaml"
    path.write_text(config.to_yaml())
    return config, path


def _launched(program: list[str], *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", *program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)


def _torchrun() -> list[str]:
    return ["torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port()), "-m", "pactag.cli"]


def _accelerate() -> list[str]:
    # As for GPUs: with --cpu, accelerate leaves it to MPI to start more than one process.
    options = ["--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return ["accelerate.commands.launch", *options, "--main_process_port", str(free_port()), "--module", "pactag.cli"]


@pytest.mark.parametrize("launcher", [_torchrun, _accelerate], ids=["torchrun", "accelerate"])
def test_two_processes_learn_what_one_does(launcher, job, store, tmp_path):
    config, path = job
    done = _launched(launcher(), "train", path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    tracker = Tracker(store)
    runs = tracker.search(tracker.experiment_id("tests"), "attributes.run_name = 'two'")
    assert [run.info.run_id for run in runs if run.data.params["output"] == str(tmp_path / "runs")] == [found["run_id"]]
    assert [folder.name for folder in (tmp_path / "runs").glob("two-*")] == [f"two-{found['run_id'][:8]}"]
    run = tracker.get_run(found["run_id"])
    assert (run.info.status, run.data.tags["processes"]) == ("FINISHED", "2")
    alone = train(config.model_copy(update={"output": tmp_path / "alone"}))
    ours, others = (
        [(item.step, item.value) for item in tracker.client.get_metric_history(run_id, "dev/loss")]
        for run_id in (found["run_id"], alone.run_id)
    )
    assert [step for step, _ in ours] == [step for step, _ in others]
    assert [value for _, value in ours] == pytest.approx([value for _, value in others], rel=2e-3)
    assert found["test"]["f1_macro"] == pytest.approx(alone.test.figures["f1_macro"], abs=0.02)


@pytest.mark.parametrize(("steps", "epoch"), [("null", 0), ("2", 0), ("2", 1)], ids=["after an epoch", "within one", "within the second"])
def test_two_processes_go_on_after_both_were_killed(job, tmp_path, small_corpus, steps, epoch):
    _, path = job
    often = f"training.checkpoint_steps={steps}"
    an_epoch = math.ceil(len((small_corpus / "train.jsonl").read_text().splitlines()) / TRAINING["batch_size"])
    cut = _killed_once_saved([*_torchrun(), "train", str(path), "--set", often], tmp_path / "runs", after=epoch * an_epoch)
    done = _launched(_torchrun(), "train", path, "--set", often, "--resume", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["run_id"] == cut
    whole = json.loads(_launched(_torchrun(), "train", path, "--json", "--set", f"output={tmp_path / 'whole'}").stdout)
    assert found["test"] == pytest.approx(whole["test"])


def test_process_that_is_killed_goes_on(job, tmp_path):
    config, path = job
    cut = _killed_once_saved(["pactag.cli", "train", str(path)], tmp_path / "runs")
    done = _launched(["pactag.cli"], "train", path, "--resume", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["run_id"] == cut
    alone = train(config.model_copy(update={"output": tmp_path / "alone"}))
    assert found["test"] == alone.test.figures


def _killed_once_saved(program: list[str], runs: Path, *, after: int = 0) -> str:
    """Start a training, and kill it with all that belongs to it once its state after so many steps is saved. Returns the id of its run."""
    process = psutil.Popen([sys.executable, "-m", *program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    try:
        while not (found := [saved for saved in (runs / CHECKPOINTS).glob("*/step-*") if int(saved.name.rpartition("-")[2]) > after]):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        # torchrun puts its workers into sessions of their own.
        for one in (process, *process.children(recursive=True)):
            one.kill()
        process.wait(30)
    return found[0].parent.name


def test_job_of_several_processes_is_for_train_alone(job):
    _, path = job
    done = _launched(_torchrun(), "train", path, "--set", "seeds=[1, 2]")
    assert done.returncode != 0
    assert "are not trained by several processes at once" in done.stderr
