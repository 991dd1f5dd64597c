"""The torch weights of a BERT from its `int8` export: what training goes on from where only the export is at hand, as in the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pactag.errors import ModelFolderError
from pactag.models.onnx_export import onnx_package
from pactag.models.onnx_graphs import Tables, users_in

# The exported module holds the network under this name.
_NETWORK = "network."
_PROJECTIONS = ("query", "key", "value")


def restored_weights(path: Path) -> dict[str, torch.Tensor]:
    """Names as in `PooledNetwork.state_dict()`, float32; the rounding to 8 bits stays.

    :param path: what `write_int8` wrote for a BERT.
    :raises ModelFolderError: when the file holds another kind of network.
    """
    graph = onnx_package().load(str(path)).graph
    tables = Tables(graph)
    names = [table.name for table in graph.initializer]
    found = {name: tables[name] for name in names if name.startswith(_NETWORK) and tables[name].dtype == np.float32}
    for name in (name.removesuffix("/int8") for name in names if name.startswith(_NETWORK) and name.endswith("/int8")):
        found[name] = tables[f"{name}/int8"].astype(np.float32) * tables[f"{name}/scales"].astype(np.float32)
    users = users_in(graph)
    layer = 0
    for product in graph.node:
        if product.op_type != "MatMul" or not product.input[1].endswith("/restored"):
            continue
        weight = _weight(tables, product.input[1].removesuffix("/restored")).T
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
            raise ModelFolderError(str(path), f"has a product that no BERT has ({product.name})", "Name the folder with its torch weights")
    return {name.removeprefix(_NETWORK): torch.from_numpy(values.copy()) for name, values in found.items()}


def _weight(tables: Tables, name: str) -> np.ndarray:
    parts = tables[f"{name}/int8"].astype(np.float32) * tables[f"{name}/scales"].astype(np.float32)
    return parts.reshape(tables[f"{name}/shape"])
