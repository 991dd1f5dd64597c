"""`packed`: weights in few bits, compressed: about two where an encoder of 110 million weights is to fit into 25 MB; arithmetic in 8 bits.

How coarse the weights are is set by the size of the file. In memory each weight takes 8 bits.
"""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from pactag.errors import PactagError
from pactag.models.attention_fusion import fuse_attention
from pactag.models.int8_dynamic import add_row_constants, product_of_rows, rows_in_8_bits
from pactag.models.onnx_export import onnx_package, write_onnx
from pactag.models.onnx_graphs import Tables, add_constants, node, rewrite, use_domain, weighted_products
from pactag.models.packed import COLUMNS, NUMBERS, ROWS, SUMS, PackedTable, pack, write_packed
from pactag.models.pooled import PooledNetwork
from pactag.models.rounding import Rounder
from pactag.models.sensitivities import sensitivities, tables_of, weights_of
from pactag.models.tokens import Batch

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

# More than that changes nothing any more.
_MOST_BITS = 5
# A file this much smaller than it might be is good enough.
_NEAR = 0.99
_ATTEMPTS = 6
# Between which powers of two the step is looked for, and how often the span is halved.
_EXPONENTS, _HALVINGS = (-40.0, 20.0), 20
# By how many bits a weight gets smaller when the step doubles.
_FALL = 0.9


def write_packed_network(
    network: PooledNetwork,
    batches: Iterable[Batch],
    path: Path,
    *,
    megabytes: float,
    frequencies: np.ndarray | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Write a network with rounded weights as a packed file of at most so many million bytes, if the rest of it leaves room for that.

    :param batches: sentences on which the importance of the weights is measured.
    :param frequencies: how often each word piece comes in all texts at hand, shape `(pieces,)`; by default as often as in `batches`.
    :raises PactagError: when the network does not fit, or is a DeBERTa.
    """
    kind = str(network.encoder.config.model_type)
    if kind.startswith("deberta"):
        # Its attention puts a table of distances through the layers that read the words: what matters there is not measured.
        raise PactagError("packed", f"is not written for a {kind}", "Export it as int8 or int8-dynamic")
    found = sensitivities(network, batches, frequencies=None if frequencies is None else torch.from_numpy(frequencies).float())
    modules = tables_of(network)
    rounders = {name: Rounder(weights_of(module), found[name]) for name, module in modules.items()}
    rest = 4 * (sum(value.numel() for value in network.parameters()) - sum(module.weight.numel() for module in modules.values()))
    tables = _to_fit(rounders, megabytes * 1e6 - rest, report)
    if tables is None:
        raise PactagError("--megabytes", f"is {megabytes:g}, into which this network does not fit", "Name more")
    rounded = copy.deepcopy(network)
    for name, module in tables_of(rounded).items():
        values = torch.from_numpy(tables[name].values())
        module.weight.data = values if isinstance(module, torch.nn.Embedding) else values.T.contiguous()
    with tempfile.TemporaryDirectory(prefix="pactag-") as scratch:
        write_onnx(rounded, Path(scratch) / "network.onnx")
        model = fuse_attention(onnx_package().load(str(Path(scratch) / "network.onnx")))
    taken = _take_from_elsewhere(model, tables)
    write_packed(path, model.SerializeToString(), tables, taken)


def _to_fit(rounders: Mapping[str, Rounder], budget: float, report: Callable[[str], None]) -> dict[str, PackedTable] | None:
    """All tables at the finest step, within a percent or two, at which they take no more than `budget` bytes; None where none is found."""
    weights = sum(rounder.size for rounder in rounders.values())
    budget = min(budget, weights * _MOST_BITS / 8)
    low, high = _EXPONENTS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = sum(rounder.bits(2**middle) for rounder in rounders.values()) / 8 > budget
        low, high = (middle, high) if over else (low, middle)
    exponent, best = high, None
    for _ in range(_ATTEMPTS if budget > 0 else 0):
        tables = {name: _table(rounder, 2**exponent) for name, rounder in rounders.items()}
        size = sum(len(pack(table)) for table in tables.values())
        report(f"weights in {8 * size / weights:.2f} bits, {size / 1e6:.2f} MB")
        if size <= budget:
            best = tables
            if size >= budget * _NEAR:
                break
        exponent += 8 * (size - budget * (1 + _NEAR) / 2) / weights / _FALL
    return best


def _table(rounder: Rounder, step: float) -> PackedTable:
    found = rounder.at(step)
    numbers, columns, rows = found.numbers.T.contiguous().numpy(), found.columns.numpy(), found.rows.numpy()
    return PackedTable(numbers, columns.astype(np.float16), rows.astype(np.float16))


def _take_from_elsewhere(model: ModelProto, packed: Mapping[str, PackedTable]) -> dict[str, list[str]]:
    """Make a network, in place, take its tables from elsewhere, and compute in 8 bits; the parts of each table that it takes."""
    by_digest = {_digest(table.values()): name for name, table in packed.items()}
    graph = model.graph
    tables = Tables(graph)
    names = {table.name: by_digest.get(_digest(tables[table.name]), "") for table in graph.initializer if len(table.dims) == 2}
    add_row_constants(graph)
    instead = {**_products(graph, names, packed), **_vectors(graph, names)}
    rewrite(graph, lambda old: instead.get(old.output[0], [old]))
    use_domain(model, "com.microsoft")
    return _declare(graph, packed)


def _products(graph: GraphProto, names: Mapping[str, str], packed: Mapping[str, PackedTable]) -> dict[str, list[NodeProto]]:
    """What takes the place of each product with a packed table, by its output. An input is evened and rounded once for equal factors."""
    instead: dict[str, list[NodeProto]] = {}
    for values, products in weighted_products(graph).items():
        done: dict[bytes, str] = {}
        for product in products:
            name, output = names[product.input[1]], product.output[0]
            if not name:
                continue
            factors = packed[name].columns.tobytes()
            before = []
            if factors not in done:
                done[factors] = prefix = f"{values}/{len(done)}"
                before = [node("Mul", [values, f"{name}{COLUMNS}"], prefix), *rows_in_8_bits(prefix, f"{prefix}/in8", f"{prefix}/scale")]
            weights = (f"{name}{NUMBERS}", f"{name}{ROWS}", "", f"{name}{SUMS}")
            instead[output] = [*before, *product_of_rows(f"{done[factors]}/in8", f"{done[factors]}/scale", weights, output)]
    return instead


def _vectors(graph: GraphProto, names: Mapping[str, str]) -> dict[str, list[NodeProto]]:
    """What takes the place of each look into a packed table of vectors."""
    from onnx import TensorProto

    instead: dict[str, list[NodeProto]] = {}
    add_constants(graph, {"last": np.array([-1], dtype=np.int64)})
    for look in graph.node:
        name, output = names.get(look.input[0], "") if look.op_type == "Gather" else "", look.output[0]
        if name:
            instead[output] = [
                node("Gather", [f"{name}{NUMBERS}", look.input[1]], f"{output}/in8"),
                node("Cast", [f"{output}/in8"], f"{output}/whole", to=TensorProto.FLOAT),
                node("Gather", [f"{name}{COLUMNS}", look.input[1]], f"{output}/factor"),
                node("Unsqueeze", [f"{output}/factor", "row/last"], f"{output}/factors"),
                node("Mul", [f"{output}/whole", f"{output}/factors"], f"{output}/scaled"),
                node("Mul", [f"{output}/scaled", f"{name}{ROWS}"], output),
            ]
    return instead


def _declare(graph: GraphProto, packed: Mapping[str, PackedTable]) -> dict[str, list[str]]:
    """Say of the parts that are used that they come from elsewhere."""
    from onnx import TensorProto

    used = {name for user in graph.node for name in user.input}
    taken: dict[str, list[str]] = {}
    for name, table in packed.items():
        inputs, outputs = table.numbers.shape
        shapes = {NUMBERS: (inputs, outputs), COLUMNS: (inputs,), ROWS: (outputs,), SUMS: (outputs,)}
        taken[name] = [part for part in shapes if f"{name}{part}" in used]
        for part in taken[name]:
            kind = TensorProto.INT8 if part == NUMBERS else TensorProto.FLOAT
            proto = TensorProto(name=f"{name}{part}", data_type=kind, dims=shapes[part], data_location=TensorProto.EXTERNAL)
            proto.external_data.add(key="location", value=name)
            graph.initializer.append(proto)
    return taken


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, np.float32).tobytes()).hexdigest()
