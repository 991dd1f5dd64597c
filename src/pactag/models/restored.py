"""The torch weights of an encoder from its `int8`, `int4` or `packed` export.

Training goes on from them where only the export is at hand, as in the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from pactag.errors import ModelFolderError
from pactag.model_folder import PACKED_WEIGHTS
from pactag.models import int4
from pactag.models.onnx_export import onnx_package
from pactag.models.onnx_graphs import Tables, users_in
from pactag.models.packed import NUMBERS, read_packed

# The exported module holds the network under this name.
_NETWORK = "network."
_PROJECTIONS = ("query", "key", "value")
_RESTORED, _INT8, _INT4 = "/restored", "/int8", "/int4"


def restored_weights(path: Path) -> dict[str, torch.Tensor]:
    """Names as in `PooledNetwork.state_dict()`, float32; the rounding to fewer bits stays.

    :param path: what `write_int8`, `write_int4` or `write_packed_network` wrote for a BERT or an MPNet.
    :raises ModelFolderError: when the file holds another kind of network.
    """
    if path.name == PACKED_WEIGHTS:
        return _torch(_packed_weights(path))
    graph = onnx_package().load(str(path)).graph
    tables = Tables(graph)
    names = [table.name for table in graph.initializer if table.name.startswith(_NETWORK)]
    found = {name: tables[name] for name in names if tables[name].dtype == np.float32 and "/" not in name}
    found |= {name: _vectors(tables, name) for name in {name.partition("/")[0] for name in names if name.endswith((_INT8, _INT4))}}
    users = users_in(graph)
    layer = 0
    for product in graph.node:
        weight = _weight(tables, product.op_type, product.input[1] if len(product.input) > 1 else "")
        if weight is None:
            continue
        user = next(iter(users.get(product.output[0], [])), None)
        bias = next((name for name in user.input if name.endswith(".bias") and name in tables), None) if user is not None else None
        if bias is not None:
            found[f"{bias.removesuffix('.bias')}.weight"] = weight
        elif user is not None and user.op_type == "MultiHeadAttention":
            place = list(user.input).index(product.output[0])
            self_attention = f"{_NETWORK}encoder.encoder.layer.{layer}.attention.self.{_PROJECTIONS[place]}"
            found[f"{self_attention}.weight"] = weight
            found[f"{self_attention}.bias"] = np.split(tables[user.input[3]], 3)[place]
            layer += place == len(_PROJECTIONS) - 1
        else:
            unknown = f"has a product that neither BERT nor MPNet has ({product.name})"
            raise ModelFolderError(str(path), unknown, "Name the folder with its torch weights")
    return _torch(found)


def _torch(found: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(_NETWORK): torch.from_numpy(values.copy()) for name, values in found.items()}


def _packed_weights(path: Path) -> dict[str, np.ndarray]:
    network, packed = read_packed(path)
    graph = onnx_package().load_model_from_string(network).graph
    here = [table for table in graph.initializer if table.data_location != table.EXTERNAL and table.name.startswith(_NETWORK)]
    tables = Tables(graph)
    found = {table.name: tables[table.name] for table in here if "/" not in table.name and table.data_type == table.FLOAT}
    vectors = {user.input[0] for user in graph.node if user.op_type == "Gather"}
    for name, table, _ in packed:
        found[f"{name}.weight"] = table.values() if f"{name}{NUMBERS}" in vectors else table.values().T
    for layer, attention in enumerate(user for user in graph.node if user.op_type == "MultiHeadAttention"):
        for projection, bias in zip(_PROJECTIONS, np.split(tables[attention.input[3]], 3), strict=True):
            found[f"encoder.encoder.layer.{layer}.attention.self.{projection}.bias"] = bias
    return found


def _vectors(tables: Tables, name: str) -> np.ndarray:
    """A table of vectors, each with a scale or several."""
    scales = tables[f"{name}/scales"].astype(np.float32)
    if f"{name}{_INT8}" in tables:
        return np.asarray(tables[f"{name}{_INT8}"].astype(np.float32) * scales)
    numbers = int4.unpack(tables[f"{name}{_INT4}"], pairs=False)
    return (numbers.reshape(*scales.shape, -1) * scales[..., None]).reshape(numbers.shape)


def _weight(tables: Tables, kind: str, name: str) -> np.ndarray | None:
    """The weights of a product, shape `(outputs, inputs)`; None for what is no product with shrunk weights."""
    if kind == "MatMul" and name.endswith(_RESTORED):
        name = name.removesuffix(_RESTORED)
        parts = tables[f"{name}{_INT8}"].astype(np.float32) * tables[f"{name}/scales"].astype(np.float32)
        return np.asarray(parts.reshape(tables[f"{name}/shape"]).T)
    if kind == "MatMulNBits":
        numbers = int4.unpack(tables[name], pairs=True)
        scales = tables[f"{name.removesuffix(_INT4)}/scales"].astype(np.float32).reshape(*numbers.shape[:2], 1)
        return np.asarray((numbers * scales).reshape(len(numbers), -1))
    return None
