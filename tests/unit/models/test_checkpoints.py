"""Checkpoints: one a step, with all that is random, and told when they are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from pactag.errors import ModelFolderError
from pactag.models import checkpoints
from pactag.models.checkpoints import Checkpoint, Progress


def _saved(folder: Path, *, step: int = 3) -> Path:
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoints.save(
        folder,
        Progress(),
        network=network,
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0),
        trainer=transformers.TrainerState(global_step=step),
        best={},
        average=None,
    )
    return checkpoints.newest(folder)


def test_a_step_that_is_saved_again_stands_once(tmp_path):
    _saved(tmp_path)
    assert Checkpoint(_saved(tmp_path)).step == 3
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000003"]


def test_the_last_step_alone_is_kept(tmp_path):
    _saved(tmp_path)
    _saved(tmp_path, step=4)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000004"]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "random.safetensors", "trainer_state.json"])
def test_an_empty_file_is_told_before_anything_is_restored(tmp_path, name: str):
    path = _saved(tmp_path)
    (path / name).write_bytes(b"")
    with pytest.raises(ModelFolderError, match=r"step-000000003: cannot be read .*training then begins again"):
        Checkpoint(path)


def test_a_missing_file_is_told(tmp_path):
    path = _saved(tmp_path)
    (path / "optimizer.safetensors").unlink()
    with pytest.raises(ModelFolderError, match="cannot be read"):
        Checkpoint(path)


def test_random_state_of_apple_gpus_is_kept(tmp_path, monkeypatch):
    state, restored = torch.arange(4, dtype=torch.uint8), []
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: state)
    monkeypatch.setattr(torch.mps, "set_rng_state", restored.append)
    Checkpoint(_saved(tmp_path)).restore_random()
    assert [found.tolist() for found in restored] == [state.tolist()]
