"""`int4`: weights in 4 bits, arithmetic in fp32. An eighth of the size, for encoders that are too large otherwise.

More labels change than in 8 bits. The weights stay in 4 bits in memory as well: an operator of ONNX Runtime unpacks them as it multiplies.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pactag.models.attention_fusion import fuse_attention
from pactag.models.int8 import SMALLEST_SCALE, SMALLEST_TABLE
from pactag.models.onnx_export import onnx_package
from pactag.models.onnx_graphs import Tables, node, rewrite, use_domain, weighted_products

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

# Weights of one output that share a scale, of which the first is taken by which the row can be divided: fewer lose less, and need more
# scales, 2 bytes for each block. The operator knows powers of two from 16 on.
_BLOCKS = (64, 32, 16)
# Four bits as they are stored; 8 stands for zero.
_ZERO, _LOWEST, _HIGHEST = 8, -8, 7
# A scale that leaves the largest value of a block out may serve the others better.
_SHARES_OF_LARGEST = (1.0, 0.9, 0.8, 0.7)


def write_int4(source: Path, path: Path) -> None:
    """Write an ONNX file with its weights and word vectors in 4 bits."""
    onnx = onnx_package()
    model = fuse_attention(onnx.load(str(source)))
    pack_weights(model.graph)
    pack_vectors(model.graph)
    use_domain(model, "com.microsoft")
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def pack_weights(graph: GraphProto) -> None:
    """Replace, in place, each product with a matrix of weights by one with 4 bits and a scale for each block of each output.

    Matrices whose rows cannot be divided into blocks stay as they are.
    """
    from onnx import TensorProto

    tables = Tables(graph)
    instead: dict[str, list[NodeProto]] = {}
    for products in weighted_products(graph).values():
        for product in products:
            name, output = product.input[1], product.output[0]
            rows, outputs = tables[name].shape
            block = _block_of(rows)
            if block is None:
                continue
            if f"{name}/int4" not in tables:
                numbers, scales = rounded(tables[name].T, block)
                tables.add(f"{name}/int4", pack(numbers.reshape(outputs, rows // block, block), pairs=True))
                tables.add(f"{name}/scales", scales.reshape(-1))
            instead[output] = [
                node("Cast", [f"{name}/scales"], f"{output}/scales", to=TensorProto.FLOAT),
                node(
                    "MatMulNBits",
                    [product.input[0], f"{name}/int4", f"{output}/scales"],
                    output,
                    domain="com.microsoft",
                    K=rows,
                    N=outputs,
                    bits=4,
                    block_size=block,
                ),
            ]
    rewrite(graph, lambda old: instead.get(old.output[0], [old]))


def pack_vectors(graph: GraphProto) -> None:
    """Replace, in place, each large table of vectors by one in 4 bits with a scale for each block of a vector."""
    from onnx import TensorProto

    tables = Tables(graph)
    instead: dict[str, list[NodeProto]] = {}
    constants = {"fifteen": np.uint8(15), "four": np.uint8(4), "zero": np.float32(_ZERO)}
    for look in [found for found in graph.node if found.op_type == "Gather" and found.input[0] in tables]:
        name, output = look.input[0], look.output[0]
        values = tables[name]
        if values.ndim != 2 or values.size < SMALLEST_TABLE or values.dtype != np.float32:
            continue
        block = _block_of(values.shape[1])
        if block is None:
            continue
        if f"{name}/int4" not in tables:
            numbers, scales = rounded(values, block)
            tables.add(f"{name}/int4", pack(numbers, pairs=False))
            tables.add(f"{name}/scales", scales[..., 0])
            # The shape of what comes out: as many blocks as there are, then as one vector.
            tables.add(f"{name}/blocks", np.array([0, 0, -1, block], dtype=np.int64))
            tables.add(f"{name}/vector", np.array([0, 0, -1], dtype=np.int64))
        for constant, value in constants.items():
            if f"int4/{constant}" not in tables:
                tables.add(f"int4/{constant}", np.asarray(value))
        instead[output] = [
            node("Gather", [f"{name}/int4", look.input[1]], f"{output}/int4"),
            node("BitwiseAnd", [f"{output}/int4", "int4/fifteen"], f"{output}/first"),
            node("BitShift", [f"{output}/int4", "int4/four"], f"{output}/second", direction="RIGHT"),
            node("Concat", [f"{output}/first", f"{output}/second"], f"{output}/both", axis=-1),
            node("Cast", [f"{output}/both"], f"{output}/whole", to=TensorProto.FLOAT),
            node("Sub", [f"{output}/whole", "int4/zero"], f"{output}/signed"),
            node("Reshape", [f"{output}/signed", f"{name}/blocks"], f"{output}/blocks"),
            node("Gather", [f"{name}/scales", look.input[1]], f"{output}/scale16"),
            node("Cast", [f"{output}/scale16"], f"{output}/scale", to=TensorProto.FLOAT),
            node("Unsqueeze", [f"{output}/scale", "int4/last"], f"{output}/scales"),
            node("Mul", [f"{output}/blocks", f"{output}/scales"], f"{output}/scaled"),
            node("Reshape", [f"{output}/scaled", f"{name}/vector"], output),
        ]
    if instead:
        tables.add("int4/last", np.array([-1], dtype=np.int64))
    rewrite(graph, lambda old: instead.get(old.output[0], [old]))


def _block_of(width: int) -> int | None:
    return next((block for block in _BLOCKS if width % block == 0), None)


def rounded(values: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in whole numbers from -8 to 7, and the scales of their blocks.

    :param block: how many numbers of a row share a scale.
    :return: int8, the shape of `values`; and float16, shape `(rows, blocks, 1)`, of all that were tried those that lose least.
    """
    blocks = values.reshape(len(values), -1, block).astype(np.float32)
    largest = np.abs(blocks).max(-1, keepdims=True)
    best = np.full(largest.shape, np.inf, dtype=np.float32)
    numbers, scales = np.zeros(blocks.shape, dtype=np.int8), np.zeros(largest.shape, dtype=np.float16)
    for share in _SHARES_OF_LARGEST:
        scale = np.maximum(largest * share / _HIGHEST, SMALLEST_SCALE).astype(np.float16)
        found = np.clip(np.round(blocks / scale.astype(np.float32)), _LOWEST, _HIGHEST)
        lost = ((found * scale.astype(np.float32) - blocks) ** 2).sum(-1, keepdims=True)
        better = lost < best
        best, scales = np.where(better, lost, best), np.where(better, scale, scales)
        numbers = np.where(better, found.astype(np.int8), numbers)
    return numbers.reshape(values.shape), scales


def pack(numbers: np.ndarray, *, pairs: bool) -> np.ndarray:
    """Two numbers from -8 to 7 in each byte, uint8, half as long in the last axis.

    :param pairs: neighbours share a byte, as MatMulNBits wants it; else a number and that half the axis further on.
    """
    stored = (numbers + _ZERO).astype(np.uint8)
    half = stored.shape[-1] // 2
    first, second = (stored[..., ::2], stored[..., 1::2]) if pairs else (stored[..., :half], stored[..., half:])
    return np.asarray(first | (second << 4), dtype=np.uint8)


def unpack(packed: np.ndarray, *, pairs: bool) -> np.ndarray:
    """What `pack` packed, int8."""
    first, second = (packed & 15).astype(np.int8) - _ZERO, (packed >> 4).astype(np.int8) - _ZERO
    if not pairs:
        return np.concatenate([first, second], axis=-1)
    return np.stack([first, second], axis=-1).reshape(*packed.shape[:-1], -1)
