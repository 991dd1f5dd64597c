"""`int8-dynamic`: weights and arithmetic in 8 bits, for processors with 8-bit products of their own (VNNI, AMX, the dot products of ARM).

ONNX Runtime's own dynamic quantisation takes one scale for all tokens of a batch: a sentence then gets other scores in other company, and
one large value costs the precision of all. Here every token has its own scale and offset, channels with large values are evened out first,
and each word vector has its own scale.

Weights are signed, the form for which processors have these products. Older x86 processors add up such products in 16 bits, which
overflow without a word; so the network carries a product that would, and `OnnxClassifier.load` looks at the result (`EXACT`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from pactag.models.attention_fusion import fuse_attention
from pactag.models.int8 import shrink_vectors
from pactag.models.onnx import EXACT, INPUTS
from pactag.models.onnx_export import onnx_package, quiet_export
from pactag.models.onnx_graphs import Tables, add_constants, node, rewrite, use_domain, users_in, weighted_products
from pactag.models.tokens import Batch

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


def write_int8_dynamic(source: Path, path: Path, batches: Iterable[Batch]) -> None:
    """Quantise an ONNX file.

    :param batches: a few sentences, by which the channels with large values are known.
    """
    onnx = onnx_package()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = fuse_attention(onnx.load(str(source)))
    even_channels(model, largest_inputs(model, batches))
    onnx.save(model, str(path))
    wide = [product.name for products in weighted_products(model.graph).values() for product in products]
    with quiet_export():
        quantize_dynamic(
            str(path),
            str(path),
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=wide,
        )
    model = onnx.load(str(path))
    scale_by_token(model.graph)
    shrink_vectors(model.graph)
    add_largest_products(model.graph)
    use_domain(model, "com.microsoft")
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def largest_inputs(model: ModelProto, batches: Iterable[Batch]) -> dict[str, np.ndarray]:
    """The largest size of each channel of what goes into the matrix products with weights, by the name of the input."""
    from onnx import helper

    probed = copy.deepcopy(model)
    names = list(weighted_products(probed.graph))
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
    from onnx import numpy_helper

    graph = model.graph
    tables = {table.name: table for table in graph.initializer}
    before: dict[str, list[NodeProto]] = {}
    for name, products in weighted_products(graph).items():
        weights = {product.input[1]: numpy_helper.to_array(tables[product.input[1]]) for product in products}
        weight_sizes = np.max([np.abs(values).max(1) for values in weights.values()], axis=0)
        factor = np.sqrt(np.maximum(largest[name], 1e-5) / np.maximum(weight_sizes, 1e-5)).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(1 / factor, f"{name}/even"))
        before[products[0].output[0]] = [node("Mul", [name, f"{name}/even"], f"{name}/evened")]
        for table, values in weights.items():
            tables[table].CopyFrom(numpy_helper.from_array(values * factor[:, None], table))
        for product in products:
            product.input[0] = f"{name}/evened"
    rewrite(graph, lambda old: [*before.get(old.output[0], []), old])


def add_largest_products(graph: GraphProto) -> None:
    """Add, in place, the output `EXACT`: whether the largest products of 8 bits add up to what they should."""
    from onnx import TensorProto, helper

    rows, depth, columns = 4, 64, 32
    tables = Tables(graph)
    left = tables.add(f"{EXACT}/left", np.full((rows, depth), 255, dtype=np.uint8))
    right = tables.add(f"{EXACT}/right", np.full((depth, columns), 127, dtype=np.int8))
    due = tables.add(f"{EXACT}/due", np.full((rows, columns), depth * 255 * 127, dtype=np.int32))
    graph.node.extend([node("MatMulInteger", [left, right], f"{EXACT}/product"), node("Equal", [f"{EXACT}/product", due], EXACT)])
    graph.output.append(helper.make_tensor_value_info(EXACT, TensorProto.BOOL, [rows, columns]))


def products_are_exact() -> bool:
    """Whether this processor has the products of 8 bits that `int8-dynamic` asks for."""
    helper = onnx_package().helper
    model = helper.make_model(helper.make_graph([], "products", [], []), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    add_largest_products(model.graph)
    return bool(onnxruntime.InferenceSession(model.SerializeToString()).run([EXACT], {})[0].all())


def scale_by_token(graph: GraphProto) -> None:
    """Replace, in place, the one scale of each activation matrix by a scale and an offset for each of its rows.

    What `quantize_dynamic` writes as DynamicQuantizeLinear, MatMulInteger, Cast and two Mul becomes what `rows_in_8_bits` and
    `product_of_rows` write.
    """
    tables = Tables(graph)
    makers = {output: maker for maker in graph.node for output in maker.output}
    users = users_in(graph)
    add_row_constants(graph)
    instead: dict[str, list[NodeProto]] = {}
    for quantize in [found for found in graph.node if found.op_type == "DynamicQuantizeLinear"]:
        quantized, scale, _ = quantize.output
        instead[quantized] = rows_in_8_bits(quantize.input[0], quantized, scale)
        for product in users[quantized]:
            (cast,) = users[product.output[0]]
            (scaled,) = users[cast.output[0]]
            both = makers[next(name for name in scaled.input if name != cast.output[0])]
            weight_scale = next(name for name in both.input if name != scale)
            weights, zeros, scales = (tables[name].astype(np.float64) for name in (product.input[1], product.input[3], weight_scale))
            output = scaled.output[0]
            tables.add(f"{output}/sums", ((weights - zeros).sum(0) * scales).astype(np.float32))
            weight_names = (product.input[1], weight_scale, product.input[3], f"{output}/sums")
            instead[product.output[0]] = product_of_rows(quantized, scale, weight_names, output)
            instead |= {cast.output[0]: [], scaled.output[0]: [], both.output[0]: []}
    rewrite(graph, lambda old: instead.get(old.output[0], [old]))


def add_row_constants(graph: GraphProto) -> None:
    """Add the tables that `rows_in_8_bits` and `product_of_rows` take."""
    constants = {"one": np.float32(1), "zero": np.uint8(0), "least": np.float32(1e-30), "step": np.float32(1 / 255)}
    add_constants(graph, {**constants, "axes": np.array([-1], dtype=np.int64)})


def rows_in_8_bits(values: str, quantized: str, scale: str) -> list[NodeProto]:
    """Nodes that give each row of a matrix in 8 bits, q = round((x - min) / s) with s = (max - min) / 255 over the row, and s."""
    low = f"{scale}/low"
    return [
        node("ReduceMax", [values, "row/axes"], f"{scale}/high", keepdims=1),
        node("ReduceMin", [values, "row/axes"], low, keepdims=1),
        node("Sub", [f"{scale}/high", low], f"{scale}/range"),
        node("Max", [f"{scale}/range", "row/least"], f"{scale}/positive"),
        node("Mul", [f"{scale}/positive", "row/step"], scale),
        node("Sub", [values, low], f"{scale}/lifted"),
        node("Div", [f"{scale}/lifted", scale], f"{scale}/divided"),
        node("QuantizeLinear", [f"{scale}/divided", "row/one", "row/zero"], quantized),
    ]


def product_of_rows(quantized: str, scale: str, weights: tuple[str, str, str, str], output: str) -> list[NodeProto]:
    """Nodes that multiply what `rows_in_8_bits` gives: x W = s * q W + min * (sum of the rows of W).

    :param weights: the names of W in 8 bits, of its scales by output, of its zero points, which may be empty, and of its sums.
    """
    table, scales, zeros, sums = weights
    return [
        node(
            "MatMulIntegerToFloat",
            [quantized, table, "row/one", scales, "row/zero", *([zeros] if zeros else [])],
            f"{output}/unscaled",
            domain="com.microsoft",
        ),
        node("Mul", [f"{output}/unscaled", scale], f"{output}/scaled"),
        node("Mul", [f"{scale}/low", sums], f"{output}/offset"),
        node("Add", [f"{output}/scaled", f"{output}/offset"], output),
    ]
