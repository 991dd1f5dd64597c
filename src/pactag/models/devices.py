"""What a fine-tuning runs on: the processor or a GPU, alone or with other processes."""

from __future__ import annotations

import os

import torch

from pactag.config import TrainingConfig
from pactag.errors import ConfigError
from pactag.processes import is_main, local_index, process_count


def device_for(training: TrainingConfig) -> torch.device:
    """The device of `training.device`; with several processes, that of this one.

    :raises ConfigError: when it is not there, or cannot compute in `training.precision`.
    """
    kind: str = training.device
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if kind == "auto":
        kept_off = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
        kind = "cpu" if kept_off else next(name for name, found in there.items() if found)
    if not there[kind]:
        found = ", ".join(name for name, found in there.items() if found)
        raise ConfigError(
            "training.device", f"is {kind}, which torch does not find here", f"It finds {found}; `auto` takes the first of them"
        )
    if training.precision == "fp16" and kind == "cpu":
        raise ConfigError("training.precision", "is fp16, in which a processor does not train", "Take bf16, fp32, or a GPU")
    if training.precision == "bf16" and kind == "cuda" and not torch.cuda.is_bf16_supported():
        raise ConfigError("training.precision", "is bf16, which this GPU does not have", "Take fp16 or fp32")
    return torch.device(kind, local_index()) if kind == "cuda" else torch.device(kind)


def share_of_batch(training: TrainingConfig) -> int:
    """Sentences that one process takes at once: `training.batch_size` is over all processes and parts.

    :raises ConfigError: when the batch cannot be shared out evenly.
    """
    parts = process_count() * training.gradient_accumulation
    if training.batch_size % parts:
        found = f"is {training.batch_size}, to be shared out to {process_count()} processes in {training.gradient_accumulation} parts each"
        raise ConfigError("training.batch_size", found, f"Make it a multiple of {parts}")
    return training.batch_size // parts


def meet(device: torch.device) -> None:
    """Wait until all processes are there; nothing for one that is alone."""
    if process_count() > 1 and not torch.distributed.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")


def part() -> None:
    """End what `meet` began."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def told_by_main(value: int) -> int:
    """The number that the main process has, in every process."""
    if process_count() == 1:
        return value
    shared = torch.tensor([value], dtype=torch.int64)
    torch.distributed.broadcast(shared, src=0)
    return int(shared.item())


def text_of_main(text: str) -> str:
    """The text that the main process has, in every process. As bytes: torch sends other things as pickles."""
    if process_count() == 1:
        return text
    data = text.encode() if is_main() else b""
    shared = torch.zeros(told_by_main(len(data)), dtype=torch.uint8)
    if is_main() and data:
        shared.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    if len(shared):
        torch.distributed.broadcast(shared, src=0)
    return bytes(shared.tolist()).decode()
