"""The saved model: one folder, a fixed layout, written whole or not at all, and checked before anything in it is used."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator

from pactag.errors import ModelFolderError, PactagError, Problem
from pactag.schema import Schema, load_schema
from pactag.whole_files import in_the_way, on_disk, put_in_place

FORMAT_VERSION = 1
MANIFEST = "pactag.json"
CONFIG = "config.yaml"
SCHEMA = "schema.yaml"
CARD = "README.md"
TOKENIZER = "tokenizer.json"
ENCODER = "encoder.json"
TORCH_WEIGHTS = "model.safetensors"
SKOPS_WEIGHTS = "model.skops"
ONNX_WEIGHTS = "model.onnx"
ONNX_INT8_WEIGHTS = "model.int8.onnx"
ONNX_INT4_WEIGHTS = "model.int4.onnx"
ONNX_INT8_DYNAMIC_WEIGHTS = "model.int8-dynamic.onnx"
PACKED_WEIGHTS = "model.packed.zip"
# How large that file may be unless told: with the rest of a folder below 25.
PACKED_MEGABYTES = 24.7
FIRST_STAGE = "first-stage.json"

# The models that come with the package, by what they are called where a model is named.
BUILT_IN, BUILT_IN_SMALL = "built-in", "built-in-small"
BUILT_IN_FOLDERS = {name: Path(__file__).parent / folder for name, folder in ((BUILT_IN, "builtin"), (BUILT_IN_SMALL, "builtin_small"))}

KNOWN_FILES = frozenset(
    {
        *(MANIFEST, CONFIG, SCHEMA, CARD, TOKENIZER, ENCODER, TORCH_WEIGHTS, SKOPS_WEIGHTS),
        *(ONNX_WEIGHTS, ONNX_INT8_WEIGHTS, ONNX_INT4_WEIGHTS, ONNX_INT8_DYNAMIC_WEIGHTS, PACKED_WEIGHTS, FIRST_STAGE),
    }
)
# Formats that run code when they are read. Their presence alone makes a folder foreign.
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt", ".npy", ".npz"})


# A label without positives has a threshold just above every score.
_Score = Annotated[float, Field(ge=0, le=1.001)]


class Tokens(BaseModel):
    """How sentences become token ids."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int = Field(ge=1)
    preceding: int = Field(ge=0)
    title: bool
    cls_id: int = Field(ge=0)
    sep_id: int = Field(ge=0)
    pad_id: int = Field(ge=0)
    pooling: Literal["mean", "first", "attention"]


def _without_none(written: dict[str, Any], field: str) -> dict[str, Any]:
    """So that the id of a model, which is made of its manifest, is what it was before there was such a field."""
    return {name: value for name, value in written.items() if name != field or value is not None}


class BaseModelInfo(BaseModel):
    """The encoder that a model started from: a pretrained one, or that of a trained model, which has an origin of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    revision: str | None
    sha256: str
    origin: BaseModelInfo | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_none(handler(self), "origin")


class LabelScale(BaseModel):
    """Platt scaling of one label: score = 1 / (1 + exp(-(slope * logit + intercept)))."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    slope: float = 1.0
    intercept: float = 0.0


class CalibratedOn(BaseModel):
    """The sentences that scales and thresholds were chosen on after the training, and the labels for which there were too few of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sentences: int
    sha256: str
    kept: tuple[str, ...] = ()


class ExportCheck(BaseModel):
    """How an exported network compares with the torch network that it was made from, on the validation split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentences: int
    same_labels: float = Field(description="share of the sentences that get exactly the same labels")
    largest_difference: float = Field(description="largest difference of a calibrated score")
    f1_macro: float
    f1_macro_torch: float
    settled: float = Field(0.0, description="share of the sentences that a first stage settles, so that the network never sees them")


class Manifest(BaseModel):
    """`pactag.json`: what the folder is and how its scores are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    format_version: int
    kind: Literal["tfidf", "frozen", "encoder"] = Field(description="what is saved; a soup is saved as the encoder that it is")
    labels: tuple[str, ...]
    thresholds: dict[str, _Score]
    calibration: dict[str, LabelScale]
    margins: dict[str, _Score] = Field(default_factory=dict, description="distance from the threshold within which a score is uncertain")
    tokens: Tokens | None = None
    base_model: BaseModelInfo | None = None
    corpus_digest: str
    run_id: str | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    pactag_version: str
    exports: dict[Literal["onnx", "int8", "int4", "int8-dynamic", "packed"], ExportCheck] = Field(
        default_factory=dict, description="how exported networks were checked"
    )
    files: dict[str, str] = Field(default_factory=dict, description="SHA-256 of every other file")
    calibrated_on: CalibratedOn | None = Field(None, description="where not on the validation split, on what `pactag calibrate` did it")

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_none(handler(self), "calibrated_on")

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        for field in ("thresholds", "calibration", *(["margins"] if self.margins else [])):
            if set(getattr(self, field)) != set(self.labels):
                raise ValueError(f"{field} has {sorted(getattr(self, field))}, the labels are {list(self.labels)}")
        return self

    @property
    def model_id(self) -> str:
        """Short name of exactly these weights and thresholds; `pactag.models.id_of` says which of several forms ran as well."""
        return f"{self.kind}-{_sha256_of(self.model_dump_json().encode())[:12]}"


@contextmanager
def new_folder(path: Path, manifest: Manifest, *, replace: bool = False) -> Iterator[Path]:
    """A temporary folder to fill; on success it gets the manifest and is renamed to `path`, on failure nothing remains.

    :param replace: a model folder that stands at `path` makes way, once the new one is whole.
    :raises ModelFolderError: if `path` exists and `replace` is false, or something else than a model folder stands there.
    """
    path = path.absolute()
    if path.exists() and not replace:
        raise ModelFolderError(str(path), "exists already", "Choose another folder, or remove that one")
    if path.exists() and not (path / MANIFEST).is_file():
        raise ModelFolderError(str(path), f"has no {MANIFEST}, so that it is not replaced", "Choose another folder, or remove that one")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        digests = {file.name: file_sha256(file) for file in sorted(temporary.iterdir())}
        complete = manifest.model_copy(update={"files": digests})
        (temporary / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n", encoding="utf-8")
        temporary.chmod(0o755)
        on_disk(temporary)
        put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_output(path: Path, *, replace: bool) -> None:
    """Whether a model may be written to a path: to be asked before the work that the model takes.

    :param replace: a whole model folder may stand there, and nothing else beside it.
    :raises ModelFolderError: for what would be lost, and for a place that cannot be a folder.
    """
    # Written beside its place, then renamed: the folder above takes both.
    if found := in_the_way(path.absolute().parent):
        raise ModelFolderError(str(path), f"cannot be made: {found}", "Name another folder")
    if path.exists() and not path.is_dir():
        raise ModelFolderError(str(path), "is a file", "Name a folder")
    if path.exists() and not replace:
        raise ModelFolderError(str(path), "exists already", "Choose another folder, or pass --replace")
    if path.exists():
        try:
            read_manifest(path)
        except ModelFolderError as error:
            first = error.problems[0]
            found = first.found if first.where == str(path) else f"{first.where} {first.found}"
            raise ModelFolderError(str(path), f"is not replaced: {found}", "Choose another folder, or remove that one") from None


def check_apart(output: Path, model: Path, *, fix: str = "Name a folder apart from it") -> None:
    """Refuse an output whose making would cost the model that it is made from its folder.

    :param fix: what to do instead.
    """
    here, there = output.resolve(), model.resolve()
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise ModelFolderError(str(output), "is the model that it would be made from, holds it, or lies in it", fix)


def read_manifest(path: Path | str) -> Manifest:
    """Check a model folder and return its manifest.

    :raises ModelFolderError: for a folder that is missing, foreign, of another format version, incomplete or altered.
    """
    path = Path(path)
    fix = "Name a model folder written by `pactag train`"
    try:
        there = path.is_dir()
    except OSError as error:
        raise ModelFolderError(str(path), f"can be no folder ({error.strerror})", fix) from None
    if not there:
        raise ModelFolderError(str(path), "no such folder", fix)
    names = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    pickles = [name for name in names if Path(name).suffix in _PICKLES]
    if pickles:
        remove_it = "pactag reads no format that can run code; remove the file if you know where it comes from, or train again"
        raise ModelFolderError(str(path), f"holds {', '.join(pickles)}", remove_it)
    if MANIFEST not in names:
        raise ModelFolderError(str(path), f"has no {MANIFEST}", fix)
    data = _read_json(path / MANIFEST)
    if (written := data.get("format_version")) != FORMAT_VERSION:
        fix = f"This pactag reads version {FORMAT_VERSION}: train the model again, or install the pactag that wrote it"
        raise ModelFolderError(str(path / MANIFEST), f"has format version {written!r}", fix)
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ": ".join([str(path / MANIFEST), *filter(None, [".".join(map(str, first["loc"]))])])
        fix = "The file was edited or cut; restore the folder"
        if first["type"] == "extra_forbidden":
            fix = f"pactag {data.get('pactag_version')} wrote it, this is {version('pactag')}: update pactag, or restore the folder"
        raise ModelFolderError(where, first["msg"].removeprefix("Value error, "), fix) from None
    _check_files(path, manifest, names)
    return manifest


def _check_files(path: Path, manifest: Manifest, names: list[str]) -> None:
    problems = [Problem(str(path / name), "is missing", "Restore the whole folder") for name in manifest.files if name not in names]
    for name in names:
        if name == MANIFEST:
            continue
        if name not in manifest.files:
            problems.append(
                Problem(str(path / name), "does not belong to a model folder", f"Remove it. Known: {', '.join(sorted(KNOWN_FILES))}")
            )
        elif file_sha256(path / name) != manifest.files[name]:
            problems.append(Problem(str(path / name), "was altered since the model was saved", "Restore the whole folder"))
    if problems:
        raise ModelFolderError.of(problems)


def read_schema(path: Path) -> Schema:
    """The schema that the model of a folder was trained with."""
    try:
        return load_schema(path / SCHEMA)
    except PactagError as error:
        raise ModelFolderError.of(error.problems) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as bad:
        raise ModelFolderError(str(path), f"is not JSON ({bad})", "Restore the whole folder") from None
    if not isinstance(data, dict):
        raise ModelFolderError(str(path), "is not a JSON object", "Restore the whole folder")
    return data


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
