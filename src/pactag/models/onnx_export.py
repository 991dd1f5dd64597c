"""From a trained network to ONNX, and from there to int8."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pactag.errors import MissingExtraError
from pactag.models.onnx import INPUTS, OUTPUT

if TYPE_CHECKING:
    import onnx

    from pactag.models.pooled import PooledNetwork


class _Exported(torch.nn.Module):
    """The network as it is exported.

    The output layer is written as a sum of products: as a matrix product it would take another path for one sentence than for several,
    and the last digit of a score would hang on the company of a sentence.
    """

    def __init__(self, network: PooledNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, attention: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        head = self.network.head
        vectors = self.network.embed(ids, attention, pool)
        logits: torch.Tensor = (vectors.unsqueeze(1) * head.weight).sum(-1) + head.bias
        return logits


def write_onnx(network: PooledNetwork, path: Path) -> None:
    """Write a network as one ONNX file: ids, attention mask and pooling mask in, logits out, any number of sentences of any length.

    :raises MissingExtraError: without the packages `onnx` and `onnxscript`.
    """
    _onnx()
    ids = torch.full((2, 5), 1, dtype=torch.int64)
    ones = torch.ones_like(ids)
    batch, length = torch.export.Dim("sentences", min=1), torch.export.Dim("tokens", min=2)
    shapes = {name: {0: batch, 1: length} for name in INPUTS}
    with _quiet():
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


def write_int8(source: Path, path: Path) -> None:
    """Quantise an ONNX file: 8-bit embeddings, 7-bit weights with a scale per output, 8-bit activations with a scale per token.

    ONNX Runtime takes one scale for all tokens of a batch; a sentence would then get other scores in other company, so the scales are
    taken token by token here, which loses less besides. Seven bits for weights: on processors without VNNI the sums of products of eight
    overflow 16 bits.
    """
    onnx = _onnx()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(str(source), str(path), per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    model = onnx.load(str(path))
    scale_by_token(model)
    onnx.save(model, str(path))


def scale_by_token(model: onnx.ModelProto) -> None:
    """Replace, in place, the one scale of each activation matrix by one scale for each of its rows.

    What `quantize_dynamic` writes as DynamicQuantizeLinear, MatMulInteger, Cast and two Mul becomes q = round(x / s) + 128 with
    s = max |x| / 127 over the row, and s * (q - 128) W.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    makers = {output: maker for maker in graph.node for output in maker.output}
    users: dict[str, list[Any]] = {}
    for user in graph.node:
        for name in user.input:
            users.setdefault(name, []).append(user)

    constants = {
        "row/one": np.float32(1),
        "row/zero": np.uint8(128),
        "row/shift": np.float32(128),
        "row/least": np.float32(1e-30),
        "row/step": np.float32(1 / 127),
        "row/axes": np.array([-1], dtype=np.int64),
    }
    one, zero, shift, least, step, axes = constants
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        return helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **attributes)

    instead: dict[str, list[Any]] = {}
    for quantize in [found for found in graph.node if found.op_type == "DynamicQuantizeLinear"]:
        values = quantize.input[0]
        quantized, scale, _ = quantize.output
        instead[quantize.output[0]] = [
            node("Abs", [values], f"{scale}/size"),
            node("ReduceMax", [f"{scale}/size", axes], f"{scale}/largest", keepdims=1),
            node("Max", [f"{scale}/largest", least], f"{scale}/positive"),
            node("Mul", [f"{scale}/positive", step], scale),
            node("Div", [values, scale], f"{scale}/divided"),
            node("Round", [f"{scale}/divided"], f"{scale}/rounded"),
            node("Add", [f"{scale}/rounded", shift], f"{scale}/shifted"),
            node("Cast", [f"{scale}/shifted"], quantized, to=TensorProto.UINT8),
        ]
        for product in users[quantized]:
            (cast,) = users[product.output[0]]
            (scaled,) = users[cast.output[0]]
            both = makers[next(name for name in scaled.input if name != cast.output[0])]
            weight_scale = next(name for name in both.input if name != scale)
            output = scaled.output[0]
            inputs = [quantized, product.input[1], one, weight_scale, zero, product.input[3]]
            instead[product.output[0]] = [
                node("MatMulIntegerToFloat", inputs, f"{output}/unscaled", domain="com.microsoft"),
                node("Mul", [f"{output}/unscaled", scale], output),
            ]
            instead |= {cast.output[0]: [], scaled.output[0]: [], both.output[0]: []}
    nodes = [new for old in graph.node for new in instead.get(old.output[0], [old])]
    del graph.node[:]
    graph.node.extend(nodes)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _onnx() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401  # torch.onnx.export needs it
    except ModuleNotFoundError:
        raise MissingExtraError("Export to ONNX", "train") from None
    return onnx


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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
