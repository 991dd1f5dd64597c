"""Helpers to change ONNX graphs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


class Tables:
    """The constant tables of a graph by name, as arrays."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._tables = {table.name: table for table in graph.initializer}

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def __getitem__(self, name: str) -> np.ndarray:
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self._tables[name]))

    def add(self, name: str, values: np.ndarray) -> str:
        """Add a table to the graph, and give its name."""
        from onnx import numpy_helper

        self._tables[name] = numpy_helper.from_array(values, name)
        self._graph.initializer.append(self._tables[name])
        return name


# Products with few outputs, such as the attention of each label, take no time, and what they lose goes straight into the scores.
_FEWEST_OUTPUTS = 16


def weighted_products(graph: GraphProto) -> dict[str, list[NodeProto]]:
    """The matrix products with weights that are quantised, by the name of what goes in."""
    wide = {table.name for table in graph.initializer if len(table.dims) == 2 and table.dims[1] >= _FEWEST_OUTPUTS}
    products: dict[str, list[NodeProto]] = {}
    for maker in graph.node:
        if maker.op_type == "MatMul" and maker.input[1] in wide:
            products.setdefault(maker.input[0], []).append(maker)
    return products


def users_in(graph: GraphProto) -> dict[str, list[NodeProto]]:
    """The nodes that take each value."""
    users: dict[str, list[NodeProto]] = {}
    for user in graph.node:
        for name in user.input:
            users.setdefault(name, []).append(user)
    return users


def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    """A node with one output, named after it."""
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **attributes)


def add_constants(graph: GraphProto, constants: Mapping[str, Any]) -> None:
    """Add tables `row/<name>`."""
    from onnx import numpy_helper

    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), f"row/{name}") for name, value in constants.items())


def rewrite(graph: GraphProto, change: Callable[[NodeProto], Sequence[NodeProto]]) -> None:
    """Put, in place, what `change` gives for each node where the node stood, and drop tables that no node takes any more."""
    # Copies: what a graph held is gone once it is emptied.
    _replace_nodes(graph, [copy.deepcopy(new) for old in graph.node for new in change(old)])


def prune(graph: GraphProto) -> None:
    """Drop, in place, the nodes on which no output depends."""
    needed = {output.name for output in graph.output}
    kept: list[NodeProto] = []
    for maker in reversed(graph.node):
        if needed.intersection(maker.output):
            needed.update(maker.input)
            kept.append(copy.deepcopy(maker))
    _replace_nodes(graph, kept[::-1])


def use_domain(model: ModelProto, domain: str) -> None:
    """Say that a model uses the operators of a domain, unless it says so already."""
    from onnx import helper

    if domain not in {known.domain for known in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(domain, 1))


def _replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)
    taken = {name for user in nodes for name in user.input}
    tables = [copy.deepcopy(table) for table in graph.initializer if table.name in taken]
    del graph.initializer[:]
    graph.initializer.extend(tables)
