"""From an ONNX network in fp32 to one in int8 that gives a sentence the same logits in any company.

ONNX Runtime's own dynamic quantisation takes one scale for all tokens of a batch: a sentence then gets other scores in other company, and
one large value costs the precision of all. Here every token has its own scale and offset, channels with large values are evened out first,
and each word vector has its own scale. The matrix products run in 8 bits, as there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from pactag.models.onnx import INPUTS
from pactag.models.onnx_export import onnx_package, quiet_export
from pactag.models.tokens import Batch

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

# Smaller tables are not worth a second one of scales.
_SMALLEST_TABLE = 100_000


def write_int8(source: Path, path: Path, batches: Iterable[Batch]) -> None:
    """Quantise an ONNX file.

    :param batches: a few sentences, by which the channels with large values are known.
    """
    onnx = onnx_package()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(str(source))
    even_channels(model, largest_inputs(model, batches))
    onnx.save(model, str(path))
    with quiet_export():
        # Whole 8 bits: with signed weights, processors without VNNI overflow 16 bits unless the weights leave one bit out.
        quantize_dynamic(str(path), str(path), per_channel=True, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul"])
    model = onnx.load(str(path))
    scale_by_token(model.graph)
    scale_by_row(model.graph)
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def largest_inputs(model: ModelProto, batches: Iterable[Batch]) -> dict[str, np.ndarray]:
    """The largest size of each channel of what goes into the matrix products with weights, by the name of the input."""
    from onnx import helper

    probed = copy.deepcopy(model)
    names = list(_weighted_products(probed.graph))
    probed.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
    largest: dict[str, np.ndarray] = {}
    for batch in batches:
        found = session.run(names, dict(zip(INPUTS, (batch.ids, batch.attention, batch.pool), strict=True)))
        for name, values in zip(names, found, strict=True):
            sizes = np.abs(values).reshape(-1, values.shape[-1]).max(0)
            largest[name] = np.maximum(largest.get(name, 0), sizes)
    return largest


def even_channels(model: ModelProto, largest: Mapping[str, np.ndarray]) -> None:
    """Divide, in place, each input channel by a factor and multiply the weights on it by the same: the product stays, the range shrinks.

    Source: Xiao et al., SmoothQuant, 2023, equation 4, with alpha 0.5.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    tables = {table.name: table for table in graph.initializer}
    before: dict[str, list[NodeProto]] = {}
    for name, products in _weighted_products(graph).items():
        weights = {product.input[1]: numpy_helper.to_array(tables[product.input[1]]) for product in products}
        weight_sizes = np.max([np.abs(values).max(1) for values in weights.values()], axis=0)
        factor = np.sqrt(np.maximum(largest[name], 1e-5) / np.maximum(weight_sizes, 1e-5)).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(1 / factor, f"{name}/even"))
        before[products[0].output[0]] = [helper.make_node("Mul", [name, f"{name}/even"], [f"{name}/evened"], name=f"{name}/evened")]
        for table, values in weights.items():
            tables[table].CopyFrom(numpy_helper.from_array(values * factor[:, None], table))
        for product in products:
            product.input[0] = f"{name}/evened"
    _rewrite(graph, lambda old: [*before.get(old.output[0], []), old])


def scale_by_token(graph: GraphProto) -> None:
    """Replace, in place, the one scale of each activation matrix by a scale and an offset for each of its rows.

    What `quantize_dynamic` writes as DynamicQuantizeLinear, MatMulInteger, Cast and two Mul becomes q = round((x - min) / s) with
    s = (max - min) / 255 over the row, and x W = s * q W + min * (sum of the rows of W).
    """
    from onnx import TensorProto, numpy_helper

    tables = {table.name: table for table in graph.initializer}
    makers = {output: maker for maker in graph.node for output in maker.output}
    users = _users(graph)
    constants = {"one": np.float32(1), "zero": np.uint8(0), "least": np.float32(1e-30), "step": np.float32(1 / 255)}
    _add_constants(graph, {**constants, "axes": np.array([-1], dtype=np.int64)})
    instead: dict[str, list[NodeProto]] = {}
    for quantize in [found for found in graph.node if found.op_type == "DynamicQuantizeLinear"]:
        values = quantize.input[0]
        quantized, scale, _ = quantize.output
        low = f"{scale}/low"
        instead[quantized] = [
            _node("ReduceMax", [values, "row/axes"], f"{scale}/high", keepdims=1),
            _node("ReduceMin", [values, "row/axes"], low, keepdims=1),
            _node("Sub", [f"{scale}/high", low], f"{scale}/range"),
            _node("Max", [f"{scale}/range", "row/least"], f"{scale}/positive"),
            _node("Mul", [f"{scale}/positive", "row/step"], scale),
            _node("Sub", [values, low], f"{scale}/lifted"),
            _node("Div", [f"{scale}/lifted", scale], f"{scale}/divided"),
            _node("Round", [f"{scale}/divided"], f"{scale}/rounded"),
            _node("Cast", [f"{scale}/rounded"], quantized, to=TensorProto.UINT8),
        ]
        for product in users[quantized]:
            (cast,) = users[product.output[0]]
            (scaled,) = users[cast.output[0]]
            both = makers[next(name for name in scaled.input if name != cast.output[0])]
            weight_scale = next(name for name in both.input if name != scale)
            weights, zeros, scales = (
                numpy_helper.to_array(tables[name]).astype(np.float64) for name in (product.input[1], product.input[3], weight_scale)
            )
            output = scaled.output[0]
            sums = ((weights - zeros).sum(0) * scales).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(sums, f"{output}/sums"))
            inputs = [quantized, product.input[1], "row/one", weight_scale, "row/zero", product.input[3]]
            instead[product.output[0]] = [
                _node("MatMulIntegerToFloat", inputs, f"{output}/unscaled", domain="com.microsoft"),
                _node("Mul", [f"{output}/unscaled", scale], f"{output}/scaled"),
                _node("Mul", [low, f"{output}/sums"], f"{output}/offset"),
                _node("Add", [f"{output}/scaled", f"{output}/offset"], output),
            ]
            instead |= {cast.output[0]: [], scaled.output[0]: [], both.output[0]: []}
    _rewrite(graph, lambda old: instead.get(old.output[0], [old]))


def scale_by_row(graph: GraphProto) -> None:
    """Replace, in place, each large table of vectors by one in 8 bits and a scale for each of its rows."""
    from onnx import TensorProto, numpy_helper

    tables = {table.name: table for table in graph.initializer}
    instead: dict[str, list[NodeProto]] = {}
    replaced: dict[str, list[Any]] = {}
    for look in [found for found in graph.node if found.op_type == "Gather" and found.input[0] in tables]:
        name, output = look.input[0], look.output[0]
        values = numpy_helper.to_array(tables[name])
        if values.ndim != 2 or values.size < _SMALLEST_TABLE or values.dtype != np.float32:
            continue
        scales = np.maximum(np.abs(values).max(1, keepdims=True), 1e-30) / 127
        small = np.round(values / scales).astype(np.int8)
        replaced[name] = [
            numpy_helper.from_array(small, f"{name}/int8"),
            numpy_helper.from_array(scales.astype(np.float32), f"{name}/scales"),
        ]
        instead[output] = [
            _node("Gather", [f"{name}/int8", look.input[1]], f"{output}/int8"),
            _node("Cast", [f"{output}/int8"], f"{output}/whole", to=TensorProto.FLOAT),
            _node("Gather", [f"{name}/scales", look.input[1]], f"{output}/scale"),
            _node("Mul", [f"{output}/whole", f"{output}/scale"], output),
        ]
    kept = [table for table in graph.initializer if table.name not in replaced] + [new for pair in replaced.values() for new in pair]
    kept = [copy.deepcopy(table) for table in kept]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    _rewrite(graph, lambda old: instead.get(old.output[0], [old]))


def _weighted_products(graph: GraphProto) -> dict[str, list[NodeProto]]:
    """The matrix products with weights, by the name of what goes in."""
    tables = {table.name for table in graph.initializer}
    products: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in tables:
            products.setdefault(node.input[0], []).append(node)
    return products


def _users(graph: GraphProto) -> dict[str, list[NodeProto]]:
    users: dict[str, list[NodeProto]] = {}
    for user in graph.node:
        for name in user.input:
            users.setdefault(name, []).append(user)
    return users


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **attributes)


def _add_constants(graph: GraphProto, constants: Mapping[str, Any]) -> None:
    from onnx import numpy_helper

    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), f"row/{name}") for name, value in constants.items())


def _rewrite(graph: GraphProto, change: Any) -> None:
    # Copies: what a graph held is gone once it is emptied.
    nodes = [copy.deepcopy(new) for old in graph.node for new in change(old)]
    del graph.node[:]
    graph.node.extend(nodes)
