"""A model folder is written whole or not at all, and nothing in it is used before it has been checked."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from pactag import Tagger
from pactag.errors import ModelFolderError
from pactag.model_folder import (
    CONFIG,
    FORMAT_VERSION,
    KNOWN_FILES,
    MANIFEST,
    SCHEMA,
    SKOPS_WEIGHTS,
    TORCH_WEIGHTS,
    LabelScale,
    Manifest,
    file_sha256,
    new_folder,
    read_manifest,
    read_schema,
)

MODEL_SCHEMA = """\
version: 1
name: small
title: One label
unit: one sentence
multi_label: any subset
labels:
  - {name: offer, meaning: Somebody offers., color: "#0000ff", mark: O, hotkey: o}
"""


def _manifest(**changes) -> Manifest:
    fields = {
        "format_version": FORMAT_VERSION,
        "kind": "tfidf",
        "labels": ("offer",),
        "thresholds": {"offer": 0.5},
        "calibration": {"offer": LabelScale()},
        "corpus_digest": "d" * 64,
        "pactag_version": "0.1.0",
    }
    return Manifest(**{**fields, **changes})


def _fill(place: Path) -> None:
    (place / SKOPS_WEIGHTS).write_bytes(b"weights")
    (place / CONFIG).write_text("name: x\n")
    (place / SCHEMA).write_text(MODEL_SCHEMA)


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "model"
    with new_folder(path, _manifest()) as place:
        _fill(place)
    return path


def _edit(folder: Path, **changes) -> None:
    data = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({name: value for name, value in {**data, **changes}.items() if value is not None}))


def _refusal(folder: Path) -> str:
    with pytest.raises(ModelFolderError) as error:
        read_manifest(folder)
    return str(error.value).replace(f"{folder}", "model")


# Writing


def test_what_was_written_reads_back(folder):
    manifest = read_manifest(folder)
    assert manifest.model_copy(update={"files": {}}) == _manifest()


def test_manifest_holds_the_digest_of_every_other_file(folder):
    files = read_manifest(folder).files
    assert files == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != MANIFEST}
    assert set(files) == {SKOPS_WEIGHTS, CONFIG, SCHEMA}


def test_others_may_read_the_folder(folder):
    assert folder.stat().st_mode & 0o777 == 0o755


def test_folder_appears_only_when_it_is_whole(tmp_path):
    with new_folder(tmp_path / "model", _manifest()) as place:
        _fill(place)
        assert not (tmp_path / "model").exists()
    assert (tmp_path / "model" / MANIFEST).is_file()


def test_parents_are_made(tmp_path):
    with new_folder(tmp_path / "a" / "b" / "model", _manifest()) as place:
        _fill(place)
    assert read_manifest(tmp_path / "a" / "b" / "model").kind == "tfidf"


def _fail_inside(path: Path, error: BaseException, *, replace: bool = False) -> None:
    with new_folder(path, _manifest(), replace=replace) as place:
        _fill(place)
        raise error


@pytest.mark.parametrize("error", [RuntimeError("disk full"), KeyboardInterrupt()], ids=["exception", "interrupt"])
def test_a_failure_inside_leaves_nothing(tmp_path, error: BaseException):
    with pytest.raises(type(error)):
        _fail_inside(tmp_path / "model", error)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_leaves_the_old_model(folder, tmp_path):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RuntimeError, match="disk full"):
        _fail_inside(folder, RuntimeError("disk full"), replace=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_existing_folder_is_not_overwritten(folder):
    before = (folder / MANIFEST).read_bytes()
    told = pytest.raises(ModelFolderError, match=r"model: exists already\. Choose another folder, or remove that one")
    with told, new_folder(folder, _manifest(kind="frozen")):
        pytest.fail("the folder must be refused before anything is written")
    assert (folder / MANIFEST).read_bytes() == before


def test_existing_folder_is_replaced_when_asked(folder, tmp_path):
    (folder / "left-over").touch()
    with new_folder(folder, _manifest(kind="frozen"), replace=True) as place:
        _fill(place)
    assert read_manifest(folder).kind == "frozen"
    assert list(tmp_path.iterdir()) == [folder]


def test_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    with (
        pytest.raises(ModelFolderError, match=r"has no pactag\.json, so that it is not replaced"),
        new_folder(tmp_path, _manifest(), replace=True),
    ):
        pytest.fail("the folder must be refused before anything is written")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_link_to_a_model_gives_way_and_the_model_stays(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    before = (folder / MANIFEST).read_bytes()
    with new_folder(tmp_path / "link", _manifest(kind="frozen"), replace=True) as place:
        _fill(place)
    assert read_manifest(tmp_path / "link").kind == "frozen"
    assert (folder / MANIFEST).read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [tmp_path / "link", folder]


def test_old_model_comes_back_when_the_new_one_cannot_take_its_place(folder, tmp_path, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if target == folder and not self.name.endswith(".old"):
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="disk full"), new_folder(folder, _manifest(kind="frozen"), replace=True) as place:
        _fill(place)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_manifest_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        _manifest().kind = "encoder"


# Names


def test_same_model_has_the_same_id():
    assert _manifest().model_id == _manifest().model_id
    assert _manifest().model_id.startswith("tfidf-")


@pytest.mark.parametrize(
    "change",
    [{"thresholds": {"offer": 0.6}}, {"files": {SKOPS_WEIGHTS: "0" * 64}}, {"calibration": {"offer": LabelScale(slope=2)}}],
    ids=["threshold", "weights", "calibration"],
)
def test_id_tells_models_apart(change):
    assert _manifest(**change).model_id != _manifest().model_id


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert file_sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# Reading what is not whole


def test_missing_folder_is_told(tmp_path):
    assert _refusal(tmp_path / "model") == "model: no such folder. Name a model folder written by `pactag train`"


def test_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "model").touch()
    assert "no such folder" in _refusal(tmp_path / "model")


def test_folder_without_a_manifest_is_told(folder):
    (folder / MANIFEST).unlink()
    assert _refusal(folder) == "model: has no pactag.json. Name a model folder written by `pactag train`"


@pytest.mark.parametrize("name", [SKOPS_WEIGHTS, CONFIG, SCHEMA])
def test_missing_file_is_told(folder, name: str):
    (folder / name).unlink()
    assert _refusal(folder) == f"model/{name}: is missing. Restore the whole folder"


def test_altered_file_is_told(folder):
    (folder / SKOPS_WEIGHTS).write_bytes(b"weighty")
    assert _refusal(folder) == f"model/{SKOPS_WEIGHTS}: was altered since the model was saved. Restore the whole folder"


@pytest.mark.parametrize("name", ["notes.txt", "sub/notes.txt", "model.onnx"])
def test_foreign_file_is_told_with_those_that_belong(folder, name: str):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("hello")
    told = _refusal(folder)
    assert told.startswith(f"model/{name}: does not belong to a model folder. Remove it. Known: README.md, config.yaml")
    assert all(known in told for known in KNOWN_FILES)


def test_everything_that_is_wrong_with_the_files_is_told_together(folder):
    (folder / CONFIG).unlink()
    (folder / SKOPS_WEIGHTS).write_bytes(b"weighty")
    (folder / "notes.txt").touch()
    assert [line.split(". ")[0] for line in _refusal(folder).split("\n")] == [
        "model/config.yaml: is missing",
        "model/model.skops: was altered since the model was saved",
        "model/notes.txt: does not belong to a model folder",
    ]


@pytest.mark.parametrize("name", ["head.pkl", "m.pickle", "m.joblib", "pytorch_model.bin", "m.pt", "m.pth", "m.ckpt", "a.npy", "sub/a.npz"])
def test_format_that_can_run_code_is_refused(folder, name: str):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps({}))
    assert _refusal(folder).startswith(f"model: holds {name}. pactag reads no format that can run code")


def test_pickle_is_refused_even_when_the_manifest_names_it(tmp_path):
    with new_folder(tmp_path / "model", _manifest()) as place:
        _fill(place)
        (place / "head.pkl").write_bytes(pickle.dumps({}))
    assert "holds head.pkl" in _refusal(tmp_path / "model")


# Reading a manifest that is not right


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1, str(FORMAT_VERSION), None], ids=["older", "newer", "text", "absent"])
def test_other_format_version_is_told(folder, version):
    _edit(folder, format_version=version)
    told = _refusal(folder)
    assert told.startswith(
        f"model/pactag.json: has format version {version!r}. This pactag reads version {FORMAT_VERSION}: train the model"
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_cut_manifest_is_told(folder, share: float):
    text = (folder / MANIFEST).read_text().rstrip()
    (folder / MANIFEST).write_text(text[: int(share * len(text))])
    told = _refusal(folder)
    assert told.startswith("model/pactag.json: is not JSON (")
    assert told.endswith("Restore the whole folder")


def test_manifest_in_another_encoding_is_told(folder):
    (folder / MANIFEST).write_bytes('{"kind": "é"}'.encode("utf-16"))
    assert _refusal(folder).startswith("model/pactag.json: is not JSON (")


def test_manifest_that_is_a_list_is_told(folder):
    (folder / MANIFEST).write_text("[]")
    assert _refusal(folder) == "model/pactag.json: is not a JSON object. Restore the whole folder"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "svm"}, "kind"),
        ({"labels": None}, "labels"),
        ({"thresholds": {"offer": "high"}}, "thresholds.offer"),
        ({"calibration": {"offer": {"slope": 1, "bend": 2}}}, "calibration.offer.bend"),
        ({"thresholds": {"offer": 8.327392}}, "thresholds.offer"),
        ({"thresholds": {"offer": -0.1}}, "thresholds.offer"),
        ({"thresholds": {"offer": float("nan")}}, "thresholds.offer"),
        ({"margins": {"offer": -1.0}}, "margins.offer"),
        ({"calibration": {"offer": {"slope": float("inf")}}}, "calibration.offer.slope"),
        ({"tokens": {"max_tokens": 8}}, "tokens.preceding"),
        ({"tokens": {"max_tokens": -1}}, "tokens.max_tokens"),
    ],
    ids=[
        *("kind", "lost field", "threshold", "calibration", "threshold above all scores", "threshold below all scores"),
        *("threshold that is no number", "margin", "endless slope", "tokens", "no tokens"),
    ],
)
def test_edited_manifest_is_told_with_its_field(folder, change, field: str):
    _edit(folder, **change)
    told = _refusal(folder)
    assert told.startswith(f"model/pactag.json: {field}: ")
    # Of an unknown field the pactag that wrote it may know.
    assert told.endswith("The file was edited or cut; restore the folder") or "update pactag" in told


def test_field_that_this_pactag_does_not_know_may_be_of_a_newer_one(folder):
    _edit(folder, extra=1, pactag_version="9.1.0")
    assert re.search(r"extra: .*pactag 9\.1\.0 wrote it, this is [\d.]+: update pactag, or restore the folder", _refusal(folder))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format_version": ' + "1" * 5000 + "}"], ids=["nested", "long number"])
def test_manifest_beyond_what_json_is_read_to_is_told(folder, text: str):
    (folder / MANIFEST).write_text(text)
    assert _refusal(folder).startswith("model/pactag.json: is not JSON (")


def test_name_too_long_for_a_folder_is_told():
    with pytest.raises(ModelFolderError, match="File name too long"):
        read_manifest("a" * 5000)


def test_folder_without_a_network_is_told(trained, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(trained["encoder"].folder, model)
    (model / TORCH_WEIGHTS).unlink()
    data = json.loads((model / MANIFEST).read_text())
    del data["files"][TORCH_WEIGHTS]
    (model / MANIFEST).write_text(json.dumps(data))
    with pytest.raises(ModelFolderError, match="holds no network"):
        Tagger.load(model)


@pytest.mark.parametrize("field", ["thresholds", "calibration"])
def test_manifest_that_lacks_a_value_for_a_label_is_told(folder, field: str):
    _edit(folder, **{field: {}})
    told = _refusal(folder)
    assert told.startswith("model/pactag.json: ")
    assert field in told
    assert "offer" in told
    assert ": : " not in told


# The schema of a model


def test_schema_is_that_of_the_folder(folder):
    assert read_schema(folder).names == ("offer",)


def test_broken_schema_is_an_error_of_the_model_folder(folder):
    (folder / SCHEMA).write_text(MODEL_SCHEMA.replace("#0000ff", "blue"))
    with pytest.raises(ModelFolderError, match=r"schema\.yaml:7: labels\.0\.color: 'blue' is not allowed"):
        read_schema(folder)
