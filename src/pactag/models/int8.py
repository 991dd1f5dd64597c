"""`int8`: weights in 8 bits, arithmetic in fp32. A quarter of the size, and on nearly all sentences the same labels.

The weights become fp32 again when the network is loaded. Arithmetic in 8 bits is another matter (`int8_dynamic`): it pays on some
processors only, and changes more labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pactag.models.attention_fusion import fuse_attention
from pactag.models.onnx_export import onnx_package
from pactag.models.onnx_graphs import node, rewrite, weighted_products

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

# Weights of one output that share a scale: fewer lose less and need more scales, 2 bytes for each block.
_BLOCK = 32
# The smallest number of which 16 bits hold every digit.
SMALLEST_SCALE = 2.0**-14
# Smaller tables are not worth a second one of scales.
SMALLEST_TABLE = 100_000


def write_int8(source: Path, path: Path) -> None:
    """Write an ONNX file with its weights and word vectors in 8 bits."""
    onnx = onnx_package()
    model = fuse_attention(onnx.load(str(source)))
    shrink_weights(model.graph)
    shrink_vectors(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def shrink_weights(graph: GraphProto) -> None:
    """Replace, in place, each matrix of weights by one in 8 bits with a scale for each block of each output.

    Written as Cast, Mul and Reshape of constants, which ONNX Runtime works out once, when the network is loaded.
    """
    from onnx import TensorProto, numpy_helper

    tables = {table.name: table for table in graph.initializer}
    instead: dict[str, list[NodeProto]] = {}
    for products in weighted_products(graph).values():
        for product in products:
            name, output = product.input[1], product.output[0]
            restored = f"{name}/restored"
            product.input[1] = restored
            if restored in tables:
                continue
            values = numpy_helper.to_array(tables[name])
            rows, outputs = values.shape
            block = _BLOCK if rows % _BLOCK == 0 else rows
            parts = values.reshape(rows // block, block, outputs)
            small, scales = _rounded(parts, axis=1)
            _add(graph, tables, f"{name}/int8", small)
            _add(graph, tables, f"{name}/scales", scales)
            _add(graph, tables, f"{name}/shape", np.array(values.shape, dtype=np.int64))
            tables[restored] = tables[name]
            instead[output] = [
                node("Cast", [f"{name}/int8"], f"{name}/whole", to=TensorProto.FLOAT),
                node("Cast", [f"{name}/scales"], f"{name}/scale", to=TensorProto.FLOAT),
                node("Mul", [f"{name}/whole", f"{name}/scale"], f"{name}/scaled"),
                node("Reshape", [f"{name}/scaled", f"{name}/shape"], restored),
            ]
    rewrite(graph, lambda old: [*instead.get(old.output[0], []), old])


def shrink_vectors(graph: GraphProto) -> None:
    """Replace, in place, each large table of vectors by one in 8 bits with a scale for each vector."""
    from onnx import TensorProto, numpy_helper

    tables = {table.name: table for table in graph.initializer}
    instead: dict[str, list[NodeProto]] = {}
    for look in [found for found in graph.node if found.op_type == "Gather" and found.input[0] in tables]:
        name, output = look.input[0], look.output[0]
        values = numpy_helper.to_array(tables[name])
        if values.ndim != 2 or values.size < SMALLEST_TABLE or values.dtype != np.float32:
            continue
        if f"{name}/int8" not in tables:
            small, scales = _rounded(values, axis=1)
            _add(graph, tables, f"{name}/int8", small)
            _add(graph, tables, f"{name}/scales", scales)
        instead[output] = [
            node("Gather", [f"{name}/int8", look.input[1]], f"{output}/int8"),
            node("Cast", [f"{output}/int8"], f"{output}/whole", to=TensorProto.FLOAT),
            node("Gather", [f"{name}/scales", look.input[1]], f"{output}/scale16"),
            node("Cast", [f"{output}/scale16"], f"{output}/scale", to=TensorProto.FLOAT),
            node("Mul", [f"{output}/whole", f"{output}/scale"], output),
        ]
    rewrite(graph, lambda old: instead.get(old.output[0], [old]))


def _rounded(values: np.ndarray, *, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Values in 8 bits, and the scales along an axis by which they are multiplied to become themselves again."""
    scales = np.maximum(np.abs(values).max(axis, keepdims=True) / 127, SMALLEST_SCALE).astype(np.float16)
    # A scale that was rounded down may not reach the largest value.
    return np.clip(np.round(values / scales.astype(np.float32)), -127, 127).astype(np.int8), scales


def _add(graph: GraphProto, tables: dict[str, TensorProto], name: str, values: np.ndarray) -> None:
    from onnx import numpy_helper

    tables[name] = numpy_helper.from_array(values, name)
    graph.initializer.append(tables[name])
