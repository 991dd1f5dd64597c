"""Plain attention as one operator of ONNX Runtime, which spares the copies between its parts.

The exporter writes attention as transposes, products, a mask and a softmax. `fuse_attention` finds this in the graph; what it does not
know (rotary or relative positions, windows) it leaves as it is, and so it does where the fused network does not compute the same.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnxruntime

from pactag.models.onnx import INPUTS
from pactag.models.onnx_graphs import Tables, node, prune, rewrite, use_domain, users_in

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_MASK = "attention/int32"
# Operators between a projection and the product it goes into.
_MOVES = ("Mul", "Transpose", "Reshape")
# Rounding differs in the sixth digit.
_TOLERANCE = 1e-3


class _Attention(NamedTuple):
    """One attention: projections without their biases, the biases, heads, and the name of the result."""

    projections: list[str]
    biases: list[str]
    heads: int
    scale: float
    output: str


def fuse_attention(model: ModelProto) -> ModelProto:
    """A network with its attention fused, or `model` itself when there is nothing to fuse or the result is not the same."""
    onnx_model = copy.deepcopy(model)
    graph = onnx_model.graph
    found = [part for softmax in graph.node if softmax.op_type == "Softmax" and (part := _attention(graph, softmax))]
    if not found:
        return model
    tables = Tables(graph)
    instead: dict[str, list[NodeProto]] = {}
    for i, part in enumerate(found):
        bias = tables.add(f"{part.output}/biases", np.concatenate([tables[name] for name in part.biases]))
        inputs = [*part.projections, bias, _MASK]
        fused = node("MultiHeadAttention", inputs, part.output, domain="com.microsoft", num_heads=part.heads, scale=part.scale)
        instead[part.output] = [fused] if i else [_mask(), fused]
    rewrite(graph, lambda old: instead.get(old.output[0], [old]))
    prune(graph)
    use_domain(onnx_model, "com.microsoft")
    return onnx_model if _same(model, onnx_model) else model


def _attention(graph: GraphProto, softmax: NodeProto) -> _Attention | None:
    makers = {output: maker for maker in graph.node for output in maker.output}
    users = users_in(graph)
    tables = Tables(graph)
    masked = makers.get(softmax.input[0])
    product = makers.get(masked.input[0]) if masked is not None and masked.op_type == "Add" else None
    values, result = _after(softmax, users)
    if product is None or product.op_type != "MatMul" or values is None or result is None:
        return None
    names, biases, scale = [], [], 1.0
    for start in (product.input[0], product.input[1], values):
        projection, factor = _before(start, makers, tables)
        if projection is None or (bias := next((name for name in projection.input if name in tables), None)) is None:
            return None
        names.append(next(name for name in projection.input if name != bias))
        biases.append(bias)
        scale *= factor
    width = tables[biases[0]].shape[0]
    head = _head_width(product.input[0], makers, tables)
    if head is None or width % head or any(tables[bias].shape != (width,) for bias in biases):
        return None
    return _Attention(names, biases, width // head, scale, result)


def _after(softmax: NodeProto, users: dict[str, list[NodeProto]]) -> tuple[str | None, str | None]:
    """The values that the weights of a softmax are multiplied with, and the name of what comes out after them, heads side by side."""
    name, values = softmax.output[0], None
    for _ in range(6):
        following = [user for user in users.get(name, []) if user.op_type != "IsNaN"]
        if len(following) != 1:
            return None, None
        (user,) = following
        name = user.output[0]
        if user.op_type == "MatMul":
            values = user.input[1]
        elif user.op_type == "Reshape":
            return values, name
        elif user.op_type not in ("Where", "Transpose"):
            return None, None
    return None, None


def _before(name: str, makers: dict[str, NodeProto], tables: Tables) -> tuple[NodeProto | None, float]:
    """The projection with its bias from which a factor of a product comes, and what it was multiplied with on the way."""
    factor = 1.0
    while (maker := makers.get(name)) is not None and maker.op_type in _MOVES:
        if maker.op_type == "Mul":
            if maker.input[1] not in tables or tables[maker.input[1]].size != 1:
                return None, factor
            factor *= float(tables[maker.input[1]].reshape(()))
        name = maker.input[0]
    return (maker if maker is not None and maker.op_type == "Add" else None), factor


def _head_width(name: str, makers: dict[str, NodeProto], tables: Tables) -> int | None:
    """The width of a head, from the shape to which a projection is brought."""
    while (maker := makers.get(name)) is not None and maker.op_type in _MOVES:
        if maker.op_type == "Reshape":
            shape = makers.get(maker.input[1])
            last = shape.input[-1] if shape is not None and shape.op_type == "Concat" else maker.input[1]
            return int(tables[last].reshape(-1)[-1]) if last in tables else None
        name = maker.input[0]
    return None


def _mask() -> NodeProto:
    from onnx import TensorProto

    return node("Cast", [INPUTS[1]], _MASK, to=TensorProto.INT32)


def _same(model: ModelProto, fused: ModelProto) -> bool:
    """Whether two networks give the same logits, on long sentences and with padding."""
    random = np.random.default_rng(0)
    ids = random.integers(1, 50, size=(3, 100))
    attention = (np.arange(ids.shape[1]) < np.array([[100], [60], [3]])).astype(np.int64)
    arrays = dict(zip(INPUTS, (ids, attention, attention), strict=True))
    try:
        first, second = (
            onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, arrays)[0]
            for part in (model, fused)
        )
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return False
    return bool(np.allclose(first, second, atol=_TOLERANCE))
