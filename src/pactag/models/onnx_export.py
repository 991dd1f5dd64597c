"""From a trained network to ONNX."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pactag.errors import MissingExtraError
from pactag.models.onnx import INPUTS, OUTPUT

if TYPE_CHECKING:
    from onnx import ModelProto

    from pactag.models.pooled import PooledNetwork


class _Exported(torch.nn.Module):
    """The network as it is exported.

    Pooling is written as a matrix product within each sentence, and the output layer as a sum of products: otherwise ONNX Runtime takes
    another path for one sentence than for several, and the last digit of a score hangs on the company of a sentence.
    """

    def __init__(self, network: PooledNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, attention: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        head = self.network.head
        if self.network.query is not None:
            attended: torch.Tensor = self.network.forward(ids, attention, pool)
            return attended
        hidden = self.network.encoder(input_ids=ids, attention_mask=attention).last_hidden_state
        mask = pool.to(hidden.dtype).unsqueeze(1)
        vectors = (mask @ hidden) / mask.sum(2, keepdim=True).clamp(min=1.0)
        logits: torch.Tensor = (vectors * head.weight).sum(-1) + head.bias
        return logits


def write_onnx(network: PooledNetwork, path: Path) -> None:
    """Write a network as one ONNX file: ids, attention mask and pooling mask in, logits out, any number of sentences of any length.

    :raises MissingExtraError: without the packages `onnx` and `onnxscript`.
    """
    onnx = onnx_package()
    ids = torch.full((2, 5), 1, dtype=torch.int64)
    ones = torch.ones_like(ids)
    batch, length = torch.export.Dim("sentences", min=1), torch.export.Dim("tokens", min=2)
    shapes = {name: {0: batch, 1: length} for name in INPUTS}
    with quiet_export():
        program = torch.onnx.export(
            _Exported(network).eval(),
            (ids, ones, ones.clone()),
            dynamo=True,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    program.save(str(path), external_data=False)
    model = onnx.load(str(path))
    forget_origin(model)
    onnx.save(model, str(path))


def forget_origin(model: ModelProto) -> None:
    """Remove, in place, what the exporter notes about where each node comes from: stack traces with the paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer, *model.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in model.functions:
        for node in function.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")


def onnx_package() -> Any:
    """The package `onnx`.

    :raises MissingExtraError: without it or `onnxscript`.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  # torch.onnx.export needs it
    except ModuleNotFoundError:
        raise MissingExtraError("Export to ONNX", "train") from None
    return onnx


@contextlib.contextmanager
def quiet_export() -> Iterator[None]:
    """Silence for the exporter and the quantiser; everything restored after."""
    # Advice on packages for pictures, on names of axes, and on a preparation that changes nothing here.
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript", "onnx_ir")]
    loggers.append(logging.getLogger())
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
