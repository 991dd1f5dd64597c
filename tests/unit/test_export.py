"""Exported models: checked against torch, exact in any company, and light."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pactag import PactagError, Tagger, tagging
from pactag.calibration import fit_scales
from pactag.config import load_config
from pactag.corpus.rows import LabelledSentences, labelled_sentences, read_rows
from pactag.errors import ConfigError, MissingExtraError, ModelFolderError
from pactag.evaluation import evaluate
from pactag.export import FORMS, export
from pactag.model_card import model_card
from pactag.model_folder import (
    ENCODER,
    ONNX_INT8_DYNAMIC_WEIGHTS,
    ONNX_INT8_WEIGHTS,
    ONNX_WEIGHTS,
    PACKED_WEIGHTS,
    TOKENIZER,
    TORCH_WEIGHTS,
    BaseModelInfo,
    read_manifest,
    read_schema,
)
from pactag.models import id_of
from pactag.models.attention_fusion import fuse_attention
from pactag.models.int8_dynamic import products_are_exact
from pactag.models.onnx import EXACT, OnnxClassifier
from pactag.models.pretrained import load_pretrained
from pactag.models.teachers import lesson_of
from pactag.portable import portable_manifest
from pactag.schema import load_schema
from pactag.sentences import SentenceInput

HEAVY = ("torch", "transformers", "sklearn", "scipy", "mlflow", "pandas", "skops", "safetensors", "datasets", "onnx", "pactag.config")


# On other processors that form cannot be written, as it is checked.
FORMS_HERE = tuple(form for form in FORMS if form != "int8-dynamic" or products_are_exact())
needs_8_bits = pytest.mark.skipif("int8-dynamic" not in FORMS_HERE, reason="this processor has no products of 8 bits that do not overflow")
EVERY_FORM = [pytest.param(form, marks=needs_8_bits if form == "int8-dynamic" else ()) for form in FORMS]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    """The encoder, exported to a folder of its own, on the validation split that its config names."""
    with pytest.MonkeyPatch.context() as patch:
        # On an untrained encoder the scores of all sentences are nearly the same, and int8 may change any of their labels.
        patch.setattr("pactag.export.LARGEST_LOSS", 1.0)
        return export(trained["encoder"].folder, output=tmp_path_factory.mktemp("export") / "model", forms=FORMS_HERE).folder


@pytest.fixture
def written_already(exported, monkeypatch) -> None:
    """Exports of the encoder in a test take the network that was written once, which takes long."""
    monkeypatch.setattr("pactag.models.onnx_export.write_onnx", lambda network, path: shutil.copy(exported / ONNX_WEIGHTS, path))
    monkeypatch.setattr("pactag.export.LARGEST_LOSS", 1.0)


@pytest.fixture(scope="module")
def inputs(exported, small_corpus, schema) -> tuple[SentenceInput, ...]:
    tokens = read_manifest(exported).tokens
    rows = read_rows(small_corpus / "test.jsonl", schema)
    return labelled_sentences(rows, schema, preceding=tokens.preceding, with_title=tokens.title).inputs


def _labels(tagger: Tagger, inputs) -> np.ndarray:
    from pactag.calibration import apply_thresholds

    return apply_thresholds(tagger.scores(inputs), tagger.manifest.thresholds, tagger.schema.names)


def test_training_can_go_on_from_an_export(exported, trained):
    weights = safetensors.torch.load_file(trained["encoder"].folder / TORCH_WEIGHTS)
    found = load_pretrained(str(exported), None)
    restored = {**{f"encoder.{name}": value for name, value in found.encoder.state_dict().items()}, **found.head}
    assert restored.keys() == weights.keys()
    for name, value in weights.items():
        # Half a step of 127 on the largest weight, and what 16 bits of a scale lose.
        torch.testing.assert_close(restored[name], value, atol=float(value.abs().max()) / 200 + 1e-6, rtol=0)
    assert found.labels == read_manifest(exported).labels


@pytest.mark.parametrize(("name", "layers", "width"), [("built-in", 12, 768), ("built-in-small", 6, 384)])
def test_training_can_go_on_from_a_built_in_model(name: str, layers: int, width: int):
    found = load_pretrained(name, None)
    assert (found.info.name, found.encoder.config.num_hidden_layers, found.head["head.weight"].shape) == (name, layers, (4, width))


def test_a_base_that_was_trained_says_what_it_was_trained_from(trained):
    folder = trained["encoder"].folder
    assert load_pretrained(str(folder), None).info.origin == read_manifest(folder).base_model


# What is written


def test_export_leaves_the_torch_weights_out(exported):
    names = set(read_manifest(exported).files)
    assert {ONNX_WEIGHTS, ONNX_INT8_WEIGHTS} <= names
    assert TORCH_WEIGHTS not in names


def test_manifest_holds_how_the_export_was_checked(exported, trained):
    checks = read_manifest(exported).exports
    assert set(checks) == set(FORMS_HERE)
    assert checks["onnx"].same_labels == 1.0
    assert checks["onnx"].largest_difference < 1e-5
    assert checks["int8"].sentences == len(trained["encoder"].validation.rows)
    assert checks["int8"].f1_macro_torch == pytest.approx(trained["encoder"].validation.figures["f1_macro"], abs=1e-6)


@pytest.mark.parametrize("name", [ONNX_INT8_WEIGHTS, pytest.param(ONNX_INT8_DYNAMIC_WEIGHTS, marks=needs_8_bits)])
def test_int8_files_are_smaller(exported, name: str):
    assert (exported / name).stat().st_size < (exported / ONNX_WEIGHTS).stat().st_size / 2


def test_what_is_passed_on_names_no_folder_of_this_machine(exported, trained):
    assert str(load_config(trained["encoder"].folder / "config.yaml").data.corpus).startswith("/")
    for name in ("config.yaml", "pactag.json", "README.md"):
        assert not re.search(r"(?<![\w.])/(tmp|work|root|home|var)", (exported / name).read_text())
    assert "_name_or_path" not in (trained["encoder"].folder / ENCODER).read_text()


def test_bases_and_their_origins_are_passed_on_by_their_last_names(trained):
    folder = trained["encoder"].folder
    manifest, sha256 = read_manifest(folder), "0123456789ab" + "0" * 52
    first = BaseModelInfo(name="/data/encoder", revision=None, sha256=sha256)
    second = BaseModelInfo(name="/runs/first", revision=None, sha256=sha256, origin=first)
    passed_on = portable_manifest(manifest.model_copy(update={"base_model": second}))
    config, schema = load_config(folder / "config.yaml"), load_schema(folder / "schema.yaml")
    card = model_card(config=config, schema=schema, manifest=passed_on, validation=None, test=None, others={})
    told = "first (SHA-256 `0123456789ab...`), trained before from encoder (SHA-256 `0123456789ab...`)"
    assert f"| base model | {told} |" in card


def test_form_that_this_processor_computes_wrongly_is_refused_before_the_work(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("pactag.models.int8_dynamic.products_are_exact", lambda: False)
    monkeypatch.setattr("pactag.models.onnx_export.write_onnx", lambda *_: pytest.fail("it was written"))
    with pytest.raises(ModelFolderError, match=r"int8-dynamic: computes in 8 bits, which overflow on this processor.*Leave it out"):
        export(trained["encoder"].folder, output=tmp_path / "model", forms=["onnx", "int8-dynamic"])
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("written_already")
def test_export_through_a_link_goes_into_the_folder_behind_it(trained, tmp_path):
    folder, link = tmp_path / "model", tmp_path / "link"
    shutil.copytree(trained["encoder"].folder, folder)
    link.symlink_to(folder)
    export(link, forms=["int8"])
    assert link.is_symlink()
    assert ONNX_INT8_WEIGHTS in read_manifest(folder).files


@pytest.mark.usefixtures("written_already")
def test_export_into_the_folder_itself_keeps_torch(trained, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained["encoder"].folder, folder)
    export(folder, forms=["int8"])
    assert {TORCH_WEIGHTS, ONNX_INT8_WEIGHTS} <= set(read_manifest(folder).files)
    assert Tagger.load(folder, backend="torch").tag("He said no.").id == ""


@pytest.mark.usefixtures("written_already")
def test_second_export_into_the_folder_itself_keeps_the_first(trained, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained["encoder"].folder, folder)
    export(folder, forms=["onnx", "int8"])
    first = read_manifest(folder)
    export(folder, forms=["int4"])
    second = read_manifest(folder)
    assert set(second.exports) == {"onnx", "int8", "int4"}
    assert {**second.files, **first.files} == second.files
    assert {**second.exports, **first.exports} == second.exports


def test_vocabulary_can_be_cut_without_changing_a_score(exported, trained, inputs, tmp_path):
    texts = [part for item in inputs for part in (item.text, *item.before, item.title or "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pactag.export.LARGEST_LOSS", 1.0)
        folder = export(trained["encoder"].folder, output=tmp_path / "small", forms=["onnx"], vocabulary=texts).folder
    assert (folder / ONNX_WEIGHTS).stat().st_size < (exported / ONNX_WEIGHTS).stat().st_size / 3
    np.testing.assert_array_equal(Tagger.load(folder).scores(inputs), Tagger.load(exported, backend="onnx").scores(inputs))


def test_training_can_go_on_from_an_export_with_a_cut_vocabulary(trained, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pactag.export.LARGEST_LOSS", 1.0)
        folder = export(trained["encoder"].folder, output=tmp_path / "small", forms=["int4"], vocabulary=["The pilots may strike."]).folder
    found = load_pretrained(str(folder), None)
    assert found.encoder.get_input_embeddings().num_embeddings == found.tokenizer.get_vocab_size() == found.encoder.config.vocab_size


def test_vocabulary_is_cut_in_a_new_folder_only(trained):
    with pytest.raises(ModelFolderError, match="keeps its torch weights, which need the whole vocabulary"):
        export(trained["encoder"].folder, vocabulary=["a"])


def test_ngrams_are_not_exported(trained, tmp_path):
    with pytest.raises(ModelFolderError, match="of the kind 'tfidf', which is not exported"):
        export(trained["tfidf"].folder, output=tmp_path / "out")


@pytest.mark.usefixtures("written_already")
def test_int8_that_loses_too_much_is_refused(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("pactag.export.LARGEST_LOSS", -1.0)
    with pytest.raises(ModelFolderError, match=r"int8 has macro-F1 .* where torch has .* nothing was written"):
        export(trained["encoder"].folder, output=tmp_path / "out", forms=["int8"])
    assert list(tmp_path.iterdir()) == []


# What stands at the output already


@pytest.fixture
def no_work(monkeypatch) -> None:
    """An export that is refused has written no network."""

    def fail(network, path):
        pytest.fail("the output must be refused before the work")

    monkeypatch.setattr("pactag.models.onnx_export.write_onnx", fail)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("written_already")
def test_an_older_export_is_replaced_when_asked(exported, trained, tmp_path):
    shutil.copytree(exported, tmp_path / "out")
    export(trained["encoder"].folder, output=tmp_path / "out", forms=["int8"], replace=True)
    assert set(read_manifest(tmp_path / "out").exports) == {"int8"}


@pytest.mark.usefixtures("no_work")
def test_a_folder_of_documents_is_not_replaced(trained, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(ModelFolderError, match=r"is not replaced: has no pactag\.json\. Choose another folder"):
        export(trained["encoder"].folder, output=tmp_path, replace=True)
    assert _files(tmp_path) == {"letter.txt": b"Dear all"}


@pytest.mark.usefixtures("no_work")
def test_a_model_folder_with_documents_is_not_replaced(exported, trained, tmp_path):
    shutil.copytree(exported, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("Mine")
    with pytest.raises(ModelFolderError, match=r"is not replaced: .*notes\.txt does not belong to a model folder"):
        export(trained["encoder"].folder, output=tmp_path / "out", replace=True)
    assert (tmp_path / "out" / "notes.txt").read_text() == "Mine"


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("place", ["runs/model", "runs", "runs/../runs/model", "link", "runs/model/export"])
def test_the_model_that_is_exported_is_not_replaced(trained, tmp_path, place: str):
    model = tmp_path / "runs" / "model"
    shutil.copytree(trained["encoder"].folder, model)
    (tmp_path / "link").symlink_to(model)
    before = _files(model)
    with pytest.raises(ModelFolderError, match="is the model that it would be made from, holds it, or lies in it"):
        export(model, output=tmp_path / place, replace=True)
    assert _files(model) == before


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("place", "told"),
    [("file", r"file: is a file\. Name a folder"), ("file/out", r"out: cannot be made: .*/file is a file\. Name another folder")],
)
@pytest.mark.parametrize("replace", [False, True])
def test_a_file_is_no_place_for_an_export(trained, tmp_path, place: str, told: str, replace: bool):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelFolderError, match=told):
        export(trained["encoder"].folder, output=tmp_path / place, replace=replace)


@pytest.mark.usefixtures("written_already")
def test_packed_alone_is_calibrated_on_the_validation_split(trained, tmp_path):
    model = trained["encoder"].folder
    folder = export(model, output=tmp_path / "packed", forms=["packed"]).folder
    rows = trained["encoder"].validation.rows
    manifest = read_manifest(folder)
    sentences = labelled_sentences(rows, read_schema(folder), preceding=manifest.tokens.preceding, with_title=manifest.tokens.title)
    logits = OnnxClassifier.load(folder, manifest, weights=PACKED_WEIGHTS).predict_logits(sentences.inputs)
    fitted = dict(zip(manifest.labels, fit_scales(logits, sentences.targets), strict=True))
    assert manifest.calibration == fitted != read_manifest(model).calibration


@pytest.mark.usefixtures("written_already")
def test_packed_alone_has_its_own_figures(trained, tmp_path):
    folder = export(trained["encoder"].folder, output=tmp_path / "packed", forms=["packed"]).folder
    card, before = ((place / "README.md").read_text(encoding="utf-8") for place in (folder, trained["encoder"].folder))
    found = evaluate(Tagger.load(folder), trained["encoder"].test.rows)
    part = card[card.index("## Test split of the corpus") :]
    assert f"macro-F1 {found.figures['f1_macro']:.3f}." in part.split("| label")[0]
    assert f"| {found.labels[0]} |" in part
    assert read_manifest(folder).metrics["test/f1_macro"] == round(found.figures["f1_macro"], 6)
    assert "## As exported" in card.split("## What the labels mean")[0]
    assert "## As exported" not in before


@pytest.mark.usefixtures("written_already")
def test_packed_beside_another_form_keeps_the_calibration_of_the_model(trained, tmp_path):
    folder = export(trained["encoder"].folder, output=tmp_path / "both", forms=["onnx", "packed"]).folder
    assert read_manifest(folder).calibration == read_manifest(trained["encoder"].folder).calibration


def test_check_without_sentences_is_told(trained, tmp_path):
    with pytest.raises(ModelFolderError, match="Name labelled sentences: --data"):
        export(trained["encoder"].folder, output=tmp_path / "out", data=tmp_path / "none.jsonl")


# The same labels everywhere


@pytest.mark.parametrize("backend", EVERY_FORM)
def test_backends_agree_with_torch_on_labels(exported, trained, inputs, backend: str):
    reference = _labels(Tagger.load(trained["encoder"].folder), inputs)
    same = (_labels(Tagger.load(exported, backend=backend), inputs) == reference).all(1).mean()
    # The untrained encoder of the tests has nearly equal scores for all sentences: the hardest case for agreement.
    assert same >= {"onnx": 0.995, "int8": 0.95, "int4": 0.5, "int8-dynamic": 0.9, "packed": 0.5}[backend]


@pytest.mark.parametrize("backend", EVERY_FORM)
def test_company_changes_no_bit_of_a_score(exported, inputs, backend: str):
    tagger = Tagger.load(exported, backend=backend)
    together = tagger.scores(inputs)
    order = np.random.default_rng(0).permutation(len(inputs))
    np.testing.assert_array_equal(tagger.scores([inputs[i] for i in order]), together[order])
    for i in range(0, len(inputs), 7):
        np.testing.assert_array_equal(tagger.scores([inputs[i]])[0], together[i])


# The first stage


@pytest.mark.parametrize("threads", ["2", "7"])
def test_threads_change_no_bit_of_a_score(exported, inputs, monkeypatch, threads: str):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    expected = Tagger.load(exported).scores(inputs)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    np.testing.assert_array_equal(Tagger.load(exported).scores(inputs), expected)


def test_what_fails_in_a_thread_is_told(exported, inputs, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    model = OnnxClassifier.load(exported, read_manifest(exported), weights=ONNX_WEIGHTS)
    monkeypatch.setattr(model, "_run", lambda batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.predict_logits(inputs)


@pytest.fixture(scope="module")
def staged(exported, trained, small_corpus, tmp_path_factory) -> Path:
    """The exported encoder with a first stage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pactag.export.LARGEST_LOSS", 1.0)
        patch.setattr("pactag.models.first_stage_fit.LARGEST_LOSS", 0.05)
        patch.setattr("pactag.models.onnx_export.write_onnx", lambda network, path: shutil.copy(exported / ONNX_WEIGHTS, path))
        place = tmp_path_factory.mktemp("staged") / "model"
        return export(trained["encoder"].folder, output=place, forms=["onnx"], first_stage=small_corpus / "train.jsonl").folder


def test_settled_sentences_carry_nothing_and_the_others_what_the_network_says(staged, exported, inputs):
    tagger = Tagger.load(staged)
    scores, without = tagger.scores(inputs), Tagger.load(exported, backend="onnx").scores(inputs)
    settled = (scores != without).any(1)
    assert 0 < settled.mean() < 1
    assert not _labels(tagger, inputs)[settled].any()


def test_manifest_says_how_much_the_first_stage_settles(staged):
    assert 0 < read_manifest(staged).exports["onnx"].settled < 1


def test_first_stage_goes_into_a_new_folder_only(trained, small_corpus):
    with pytest.raises(ModelFolderError, match="torch, which has no first stage"):
        export(trained["encoder"].folder, first_stage=small_corpus / "train.jsonl")


@pytest.mark.usefixtures("no_work")
def test_first_stage_of_too_few_sentences_is_told_before_the_work(trained, small_corpus, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("".join((small_corpus / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:3]), encoding="utf-8")
    with pytest.raises(PactagError, match="--first-stage: has 3 sentences"):
        export(trained["encoder"].folder, output=tmp_path / "out", first_stage=few)


# Teaching


@pytest.fixture
def seen(exported) -> LabelledSentences:
    """Sentences that hold as much of their articles as the exported model looks at."""
    given = (SentenceInput("He threatened to leave.", ("She came.",), "Talks"), SentenceInput("It rains."))
    return LabelledSentences(given, np.zeros((2, 4), dtype=np.float32), ("a", "a"), ("a:0", "a:1"))


@pytest.mark.parametrize("name", ["built-in", "export"])
def test_an_export_teaches_as_it_scores(exported, seen, schema, monkeypatch, name: str):
    monkeypatch.setitem(tagging.BUILT_IN_FOLDERS, "built-in", exported)
    teacher = Path("built-in") if name == "built-in" else exported
    context = Tagger.load(exported).context
    found = lesson_of([teacher], seen, labels=schema.names, context=context).scores
    logits = OnnxClassifier.load(exported, read_manifest(exported), weights=ONNX_INT8_WEIGHTS).predict_logits(seen.inputs)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_vectors_of_an_export_are_refused(exported, seen, schema):
    context = Tagger.load(exported).context
    with pytest.raises(ConfigError, match=r"training\.teacher_vectors: .* without model\.safetensors.*as `pactag train` wrote it"):
        lesson_of([exported], seen, labels=schema.names, context=context, vectors=True)


# What computes in 8 bits


@needs_8_bits
def test_attention_is_one_operator(exported):
    kinds = [node.op_type for node in onnx.load(exported / ONNX_INT8_DYNAMIC_WEIGHTS).graph.node]
    assert "MultiHeadAttention" in kinds
    assert "Softmax" not in kinds


def test_attention_of_another_build_is_left_alone(exported):
    model = onnx.load(exported / ONNX_WEIGHTS)
    for node in model.graph.node:
        # Scores that no bias of a mask follows, as with other kinds of attention.
        if node.op_type == "Softmax":
            node.op_type = "Sigmoid"
            del node.attribute[:]
    assert fuse_attention(model) is model


def test_attention_that_would_compute_something_else_is_left_alone(exported):
    model = onnx.load(exported / ONNX_WEIGHTS)
    for node in model.graph.node:
        if node.op_type == "Softmax":
            node.attribute[0].i = -2  # over the other axis
    assert fuse_attention(model) is model


@needs_8_bits
def test_processor_whose_products_overflow_is_told(exported, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    model = onnx.load(folder / ONNX_INT8_DYNAMIC_WEIGHTS)
    due = next(table for table in model.graph.initializer if table.name == f"{EXACT}/due")
    due.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(due) - 1, due.name))
    onnx.save(model, folder / ONNX_INT8_DYNAMIC_WEIGHTS)
    with pytest.raises(ModelFolderError, match=r"overflow on this processor.*--backend int8"):
        OnnxClassifier.load(folder, read_manifest(exported), weights=ONNX_INT8_DYNAMIC_WEIGHTS)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200), others=st.lists(st.text(max_size=60), max_size=4))
def test_any_text_has_true_offsets_and_scores_of_its_own(int8, text: str, others: list[str]):
    article = int8.tag(text)
    position = 0
    for sentence in article.sentences:
        assert article.text[sentence.start : sentence.end] == sentence.text
        assert article.text[position : sentence.start].strip() == ""
        position = sentence.end
    assert article.text[position:].strip() == ""
    assert next(iter(int8.tag_many([text, *others]))) == article


@pytest.fixture(scope="module")
def int8(exported) -> Tagger:
    return Tagger.load(exported, backend="int8")


# Which backend


def test_int8_comes_first_then_onnx_then_torch(exported, trained, tmp_path):
    from pactag.models import backends_of

    order = ("int8", "onnx", "int4", "int8-dynamic", "packed")
    assert backends_of(read_manifest(exported)) == tuple(form for form in order if form in FORMS_HERE)
    assert backends_of(read_manifest(trained["encoder"].folder)) == ("torch",)
    assert backends_of(read_manifest(trained["tfidf"].folder)) == ()


@pytest.mark.parametrize(("backend", "form"), [(None, "int8"), ("int8", "int8"), ("onnx", "onnx")])
def test_id_says_which_of_several_forms_runs(exported, backend: str | None, form: str):
    assert Tagger.load(exported, backend=backend).model_id == f"{read_manifest(exported).model_id}-{form}"


@pytest.mark.parametrize("kind", ["encoder", "tfidf"])
def test_id_of_a_model_in_one_form_is_that_of_its_manifest(trained, kind: str):
    assert Tagger.load(trained[kind].folder).model_id == read_manifest(trained[kind].folder).model_id


@pytest.mark.parametrize(("name", "known"), [("built-in", "encoder-08b26ebab676"), ("built-in-small", "encoder-ec5982e06a61")])
def test_ids_of_the_built_in_models_stay(name: str, known: str):
    assert id_of(read_manifest(tagging.BUILT_IN_FOLDERS[name])) == known


@pytest.mark.parametrize(("kind", "backend"), [("encoder", "int8"), ("tfidf", "torch"), ("encoder", "gpu")])
def test_backend_that_is_not_there_is_told(trained, kind: str, backend: str):
    with pytest.raises(ModelFolderError, match=f"cannot be run by the backend '{backend}'"):
        Tagger.load(trained[kind].folder, backend=backend)


@pytest.mark.parametrize("content", [b"nothing", b""])
def test_network_that_cannot_be_loaded_is_told(exported, tmp_path, content: bytes):
    shutil.copytree(exported, tmp_path / "model")
    (tmp_path / "model" / ONNX_WEIGHTS).write_bytes(content)
    with pytest.raises(ModelFolderError, match="cannot load it"):
        OnnxClassifier.load(tmp_path / "model", read_manifest(exported), weights=ONNX_WEIGHTS)


@pytest.mark.parametrize("content", [b"nothing", b"", b"{}"])
def test_tokenizer_that_cannot_be_read_is_told(exported, tmp_path, content: bytes):
    shutil.copytree(exported, tmp_path / "model")
    (tmp_path / "model" / TOKENIZER).write_bytes(content)
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json: is no tokenizer that can be read"):
        OnnxClassifier.load(tmp_path / "model", read_manifest(exported), weights=ONNX_WEIGHTS)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_packed_network_that_cannot_be_read_is_told(exported, tmp_path, share: float):
    shutil.copytree(exported, tmp_path / "model")
    whole = (exported / PACKED_WEIGHTS).read_bytes()
    (tmp_path / "model" / PACKED_WEIGHTS).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelFolderError, match=r"model\.packed\.zip: is no packed network"):
        OnnxClassifier.load(tmp_path / "model", read_manifest(exported), weights=PACKED_WEIGHTS)


# Light


def test_tagging_with_an_export_imports_nothing_heavy(exported):
    script = f"from pactag import Tagger; print(len(Tagger.load({str(exported)!r}).tag('He said no. She left.').sentences))"
    script += f"\nimport sys; print(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2", ""]


@pytest.mark.parametrize("name", [None, "built-in", "built-in-small"])
def test_without_a_name_and_by_its_own_a_built_in_model_is_loaded(exported, tmp_path, monkeypatch, name):
    monkeypatch.setitem(tagging.BUILT_IN_FOLDERS, name or "built-in", tmp_path / "builtin")
    with pytest.raises(PactagError, match=f"the model {name or 'built-in'}: is not in this installation of pactag"):
        Tagger.load(name)
    shutil.copytree(exported, tmp_path / "builtin")
    assert Tagger.load(name).tag("He said no.").sentences


def test_command_line_falls_back_to_the_built_in_model(pactag, exported, tmp_path, monkeypatch):
    monkeypatch.setitem(tagging.BUILT_IN_FOLDERS, "built-in", exported)
    monkeypatch.setattr("pactag.cli.models.find_spec", lambda name: None)
    default, named = (pactag("tag", "data/examples/stalled-talks.txt", "--json", *more) for more in ([], ["--model", "built-in"]))
    assert default.returncode == 0, default.stderr
    assert default.stdout == named.stdout != ""


@pytest.mark.parametrize("address", ["models:/pactag@champion", "runs:/0123456789abcdef"])
def test_addresses_without_mlflow_are_told_in_a_sentence(monkeypatch, address: str):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"addresses such as models:/ and runs:/: needs the extra 'train'"):
        Tagger.load(address)


# The command


@pytest.mark.usefixtures("written_already")
def test_command_prints_the_check_and_writes_the_folder(pactag, trained, tmp_path):
    done = pactag("export", trained["encoder"].folder, "-o", tmp_path / "out", "--only", "int8")
    assert done.returncode == 0, done.stderr
    assert "largest" in done.stdout
    tagged = pactag("tag", "data/examples/stalled-talks.txt", "--model", tmp_path / "out", "--backend", "int8", "--json")
    assert tagged.returncode == 0, tagged.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "int2"], "Allowed: onnx, int8, int4, int8-dynamic, packed"),
        (["--only", "int8", "--megabytes", "9"], "--megabytes: is for packed, which is not to be written"),
        (["--output", "data"], "exists already"),
    ],
)
def test_mistakes_are_told(pactag, trained, arguments, told: str):
    done = pactag("export", trained["encoder"].folder, *arguments)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("model", "told"), [("built-in", "comes with pactag or stands in the tracking store"), ("nowhere", "no such folder")]
)
def test_a_model_that_cannot_be_exported_in_its_place_is_told(pactag, model: str, told: str):
    done = pactag("export", model)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize("name", [ONNX_WEIGHTS, ONNX_INT8_WEIGHTS, pytest.param(ONNX_INT8_DYNAMIC_WEIGHTS, marks=needs_8_bits)])
def test_exported_networks_do_not_tell_where_they_were_made(exported, name: str):
    content = (exported / name).read_bytes()
    assert b"site-packages" not in content
    assert b"onnx_export.py" not in content
