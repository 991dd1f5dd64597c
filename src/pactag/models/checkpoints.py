"""The state of a fine-tuning after a step: from it the next one is what it would have been. Safetensors and JSON, no pickle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import transformers

from pactag.errors import ModelFolderError
from pactag.models.averaging import WeightAverage
from pactag.whole_files import whole, write_whole

# The Trainer of transformers reads these two by itself.
_NETWORK = "model.safetensors"
_TRAINER = "trainer_state.json"
_OPTIMIZER = "optimizer.safetensors"
_BEST = "best.safetensors"
_AVERAGE = "average.safetensors"
_RANDOM = "random.safetensors"
_STATE = "state.json"


@dataclass
class Progress:
    """What the epochs that have ended gave: the best macro-F1, how long ago it was, and all figures with their steps."""

    best: float = -1.0
    epochs_since_best: int = 0
    reports: list[tuple[dict[str, float], int]] = field(default_factory=list)
    finished: bool = False


def newest(folder: Path) -> Path | None:
    """The last checkpoint of a fit, None before the first."""
    return max(folder.glob("step-*"), default=None)


def save(
    folder: Path,
    progress: Progress,
    *,
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: Any,
    trainer: transformers.TrainerState,
    best: Mapping[str, torch.Tensor],
    average: WeightAverage | None,
) -> None:
    """Write a checkpoint, whole or not at all; the one before it goes, and so does one of the same step."""
    groups = optimizer.state_dict()
    path = folder / f"step-{trainer.global_step:09d}"
    with whole(path) as place:
        place.mkdir(parents=True)
        _write(place / _NETWORK, network.state_dict())
        _write(place / _BEST, best)
        tensors = {f"{index}.{name}": value for index, state in groups["state"].items() for name, value in state.items()}
        _write(place / _OPTIMIZER, tensors)
        if average is not None:
            _write(place / _AVERAGE, average.weights)
        _write(place / _RANDOM, _random_states())
        scaler = getattr(optimizer, "scaler", None)
        state = {
            "progress": asdict(progress),
            "groups": groups["param_groups"],
            "scheduler": scheduler.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "average_steps": average.steps if average is not None else 0,
        }
        write_whole(place / _STATE, json.dumps(state) + "\n")
        trainer.save_to_json(str(place / _TRAINER))
        if path.exists():
            # A folder takes the place of none that has files.
            shutil.rmtree(path)
    for older in folder.glob("step-*"):
        if older != path:
            shutil.rmtree(older)


class Checkpoint:
    """A checkpoint that was saved, to go on from."""

    def __init__(self, path: Path) -> None:
        """:raises ModelFolderError: when it cannot be read."""
        self.path = path
        try:
            self._state: dict[str, Any] = json.loads((path / _STATE).read_text(encoding="utf-8"))
            known = self._state["progress"]
            self.progress = Progress(**{**known, "reports": [(figures, step) for figures, step in known["reports"]]})
            self.best = safetensors.torch.load_file(path / _BEST)
            json.loads((path / _TRAINER).read_text(encoding="utf-8"))
            for name in (_NETWORK, _OPTIMIZER, _RANDOM, *([_AVERAGE] if self._state["average_steps"] else [])):
                # The names and sizes at its head alone: the tensors are read when they are asked for.
                with safetensors.safe_open(path / name, framework="pt"):
                    pass
        except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            fix = "Remove it: training then begins again, in the same run"
            raise ModelFolderError(str(path), f"cannot be read ({str(error)[:100]})", fix) from None

    @property
    def step(self) -> int:
        """Steps that were done."""
        return int(self.path.name.removeprefix("step-"))

    def restore_average(self, average: WeightAverage) -> None:
        average.restore(safetensors.torch.load_file(self.path / _AVERAGE), steps=self._state["average_steps"])

    def restore_optimizer(self, optimizer: torch.optim.Optimizer, scheduler: Any) -> None:
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in safetensors.torch.load_file(self.path / _OPTIMIZER).items():
            index, _, name = key.partition(".")
            states.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": states, "param_groups": self._state["groups"]})
        scheduler.load_state_dict(self._state["scheduler"])
        scaler = getattr(optimizer, "scaler", None)
        if scaler is not None and self._state["scaler"]:
            scaler.load_state_dict(self._state["scaler"])

    def restore_random(self) -> None:
        """Dropout draws what it would have drawn."""
        states = safetensors.torch.load_file(self.path / _RANDOM)
        torch.set_rng_state(states["cpu"])
        if "cuda" in states and torch.cuda.is_available():
            torch.cuda.set_rng_state(states["cuda"])
        if "mps" in states and torch.backends.mps.is_available():
            torch.mps.set_rng_state(states["mps"])


def _random_states() -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _write(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    # Copied: safetensors takes no two tensors that share their memory.
    safetensors.torch.save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, path)
