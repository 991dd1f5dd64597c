"""Export: from a trained model folder to one that tags without torch, checked against the original before it is written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from pactag.calibration import Calibration, apply_thresholds, calibrated, out_of_reach, with_calibration
from pactag.config import load_config
from pactag.corpus.rows import LabelledSentences, labelled_sentences, read_rows
from pactag.errors import ModelFolderError
from pactag.exported_figures import own_figures
from pactag.metrics import f1_macro
from pactag.model_folder import (
    CARD,
    CONFIG,
    ENCODER,
    FIRST_STAGE,
    ONNX_INT4_WEIGHTS,
    ONNX_INT8_DYNAMIC_WEIGHTS,
    ONNX_INT8_WEIGHTS,
    ONNX_WEIGHTS,
    PACKED_MEGABYTES,
    PACKED_WEIGHTS,
    SCHEMA,
    TOKENIZER,
    TORCH_WEIGHTS,
    ExportCheck,
    Manifest,
    check_apart,
    check_output,
    new_folder,
    read_manifest,
    read_schema,
)
from pactag.models import BACKENDS, classifier
from pactag.models.first_stage import SETTLED, FirstStage
from pactag.models.onnx import OnnxClassifier
from pactag.models.tokens import batches
from pactag.portable import portable_card, portable_config, portable_manifest
from pactag.sentences import SentenceInput
from pactag.whole_files import in_the_way

if TYPE_CHECKING:
    from pactag.models.pooled import PooledClassifier

# A form that loses more macro-F1 than this on the validation split is not written.
LARGEST_LOSS = 0.005
_SENTENCES_TO_SCALE_BY = 200
# By which the importance of weights is measured: some 40,000 tokens, more than a layer has inputs.
_SENTENCES_TO_WEIGH_BY = 1600

Form = Literal["onnx", "int8", "int4", "int8-dynamic", "packed"]
FORMS: tuple[Form, ...] = ("onnx", "int8", "int4", "int8-dynamic", "packed")
DEFAULT_FORMS: tuple[Form, ...] = ("onnx", "int8")


@dataclass(frozen=True)
class Exported:
    """Where the exported model is, and how each form compares with torch."""

    folder: Path
    checks: Mapping[Form, ExportCheck]


def export(
    model: Path,
    *,
    output: Path | None = None,
    data: Path | None = None,
    forms: Sequence[Form] = DEFAULT_FORMS,
    vocabulary: Iterable[str] | None = None,
    first_stage: Path | None = None,
    megabytes: float = PACKED_MEGABYTES,
    replace: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export the encoder of a model folder to ONNX and int8.

    :param output: a new folder for the export, without the torch weights; by default the networks are added to `model`, which keeps
        those that it has.
    :param data: labelled sentences to check on; by default the validation split that the model's config names.
    :param forms: `onnx` is fp32; `int8` and `int4` have weights in 8 and 4 bits; `int8-dynamic` computes in 8 bits as well, for processors
        with VNNI; so does `packed`, whose weights take as many bits as `megabytes` allow.
    :param vocabulary: texts; word pieces that none of them uses are left out. Only for a new `output`.
    :param first_stage: labelled sentences of the training split, from which n-grams learn to settle what clearly carries no label. Only for
        a new `output`.
    :param megabytes: how large the file of `packed` may be, in millions of bytes.
    :param replace: a model folder that stands at `output` makes way.
    :param report: receives a word on each step.
    :raises ModelFolderError: for a kind that is not exported, for a form that loses too much or that this processor computes wrongly, and
        for an `output` that exists, or, with `replace`, is anything but a whole model folder apart from `model`.
    :raises CorpusError: for a `first_stage` from which nothing can be learnt.
    """
    manifest = _exportable(model, output, whole=vocabulary is not None, settling=first_stage is not None, replace=replace)
    # Beside another form it shares the scales, and on sentences that the user named none are chosen.
    scales_of_its_own = list(forms) == ["packed"] and output is not None and data is None
    if scales_of_its_own and manifest.calibrated_on is not None:
        found = f"is calibrated on {manifest.calibrated_on.file}, which packed, calibrated on the validation split, would undo"
        raise ModelFolderError(str(model), found, "Export the model that it was made from, and calibrate what was exported")
    _refuse_unchecked(forms)
    sentences = _sentences(model, manifest, data)
    stage = None
    if first_stage is not None:
        report("learning the first stage")
        stage = _first_stage(first_stage, model)
    from pactag.models.pooled import PooledClassifier

    original = cast(PooledClassifier, classifier(manifest.kind).load(model, manifest))
    smaller = original
    if vocabulary is not None:
        report("reading the texts of the vocabulary")
        smaller = original.with_vocabulary(vocabulary)
    before = manifest = manifest.model_copy(update={"tokens": smaller.tokens})
    with tempfile.TemporaryDirectory(prefix="pactag-") as scratch:
        place = Path(scratch)
        _write_networks(smaller, forms, place, sentences.inputs, report)
        if "packed" in forms:
            learnt_from = _to_learn_from(model, manifest) or sentences.inputs
            _write_packed(smaller, place / PACKED_WEIGHTS, learnt_from, megabytes, report)
        smaller.tokenizer.save(place / TOKENIZER)
        smaller.save_architecture(place)
        report(f"checking on {len(sentences)} sentences")
        reference = original.predict_logits(sentences.inputs)
        if stage is not None:
            report("how much the first stage may settle")
            _settling(stage, manifest, sentences, reference).save(place / FIRST_STAGE)
            manifest = manifest.model_copy(update={"files": {**manifest.files, FIRST_STAGE: ""}})
        checks: dict[Form, ExportCheck] = {}
        for form in forms:
            exported = OnnxClassifier.load(place, manifest, weights=BACKENDS[form])
            logits = exported.predict_logits(sentences.inputs)
            if scales_of_its_own:
                report("calibrating it on the validation split")
                manifest = _calibrated_again(model, manifest, logits, sentences, report)
            checks[form] = compare(exported, logits, manifest, sentences, reference, before)
            _refuse_loss(model, form, checks[form])
        card = None
        if scales_of_its_own:
            metrics, card = own_figures(model, exported, portable_manifest(manifest), checks["packed"], report)
            manifest = manifest.model_copy(update={"metrics": metrics})
        _write_folder(model, output, manifest, place, checks, card, replace=replace)
    return Exported(model if output is None else output, checks)


def _exportable(model: Path, output: Path | None, *, whole: bool, settling: bool, replace: bool) -> Manifest:
    """The manifest of a model that can be exported to where it is wanted; see `export` for what is raised.

    :param whole: whether a vocabulary is to be cut, which torch needs as a whole.
    :param settling: whether there is to be a first stage, which torch does not have.
    """
    manifest = read_manifest(model)
    if manifest.kind not in ("frozen", "encoder"):
        fix = "It tags as it is, with the extra 'train'; for a light installation train the kind encoder or frozen"
        raise ModelFolderError(str(model), f"is of the kind {manifest.kind!r}, which is not exported", fix)
    if TORCH_WEIGHTS not in manifest.files:
        raise ModelFolderError(str(model), f"has no {TORCH_WEIGHTS}: it was exported already", "Name the folder that `pactag train` wrote")
    if output is not None:
        check_apart(output, model, fix="Name a folder apart from it; without --output the networks are added to the model itself")
        check_output(output, replace=replace)
    elif found := in_the_way(model.absolute().parent):
        raise ModelFolderError(str(model), f"cannot be written anew: {found}", "Name a new folder: --output FOLDER")
    if whole and output is None:
        raise ModelFolderError(str(model), "keeps its torch weights, which need the whole vocabulary", "Name a new folder: --output FOLDER")
    if settling and output is None:
        raise ModelFolderError(str(model), "is used as a whole by torch, which has no first stage", "Name a new folder: --output FOLDER")
    return manifest


def _refuse_unchecked(forms: Sequence[Form]) -> None:
    """Before the work that it would be: no form is written that this processor cannot be asked for its figures."""
    from pactag.models.int8_dynamic import products_are_exact

    if "int8-dynamic" in forms and not products_are_exact():
        found = "computes in 8 bits, which overflow on this processor, so that it could not be checked here"
        raise ModelFolderError("int8-dynamic", found, "Leave it out, or export on a processor with VNNI, AMX or the dot products of ARM")


def _write_networks(
    model: PooledClassifier, forms: Sequence[Form], place: Path, inputs: Sequence[SentenceInput], report: Callable[[str], None]
) -> None:
    """Every form but `packed`: fp32 first, which the others are made from.

    :param inputs: sentences, by some of which the steps of 8-bit arithmetic are scaled.
    """
    from pactag.models.int4 import write_int4
    from pactag.models.int8 import write_int8
    from pactag.models.int8_dynamic import write_int8_dynamic
    from pactag.models.onnx_export import write_onnx

    if set(forms) - {"packed"}:
        report("writing ONNX")
        write_onnx(model.network, place / ONNX_WEIGHTS)
    if "int8" in forms:
        report("weights to int8")
        write_int8(place / ONNX_WEIGHTS, place / ONNX_INT8_WEIGHTS)
    if "int4" in forms:
        report("weights to int4")
        write_int4(place / ONNX_WEIGHTS, place / ONNX_INT4_WEIGHTS)
    if "int8-dynamic" in forms:
        report("weights and arithmetic to int8")
        few = model.tokenizer.encode(inputs[:_SENTENCES_TO_SCALE_BY])
        parts = (batch for _, batch in batches(few, model.tokens.pad_id, same_length=True))
        write_int8_dynamic(place / ONNX_WEIGHTS, place / ONNX_INT8_DYNAMIC_WEIGHTS, parts)


def _write_packed(
    model: PooledClassifier, path: Path, inputs: Sequence[SentenceInput], megabytes: float, report: Callable[[str], None]
) -> None:
    """The form `packed`.

    :param inputs: sentences such as it learnt from: they tell which weights and words matter.
    """
    from pactag.models.packed_export import write_packed_network

    report("how much each weight matters")
    every = model.tokenizer.encode(inputs)
    evenly = every[:: max(1, len(every) // _SENTENCES_TO_WEIGH_BY)][:_SENTENCES_TO_WEIGH_BY]
    padded = [batch for _, batch in batches(evenly, model.tokens.pad_id)]
    words = model.network.encoder.get_input_embeddings().num_embeddings
    often = np.bincount(np.concatenate([item.ids for item in every]), minlength=words)
    write_packed_network(model.network, padded, path, megabytes=megabytes, frequencies=often, report=report)


def _write_folder(
    model: Path,
    output: Path | None,
    manifest: Manifest,
    made: Path,
    checks: Mapping[Form, ExportCheck],
    card: str | None,
    *,
    replace: bool,
) -> None:
    """The model folder, whole or not at all: what was made, and what stays of the folder that it was made from.

    :param card: in place of that of the model, where figures have changed.
    """
    added = {TOKENIZER, ENCODER, *(BACKENDS[form] for form in checks), *([FIRST_STAGE] if (made / FIRST_STAGE).exists() else [])}
    kept = [CONFIG, SCHEMA, CARD]
    exports = dict(checks)
    if output is None:
        # Torch, and the forms that were written before.
        kept += [file for file in BACKENDS.values() if file not in added]
        exports = {**manifest.exports, **checks}
    else:
        if card is None and CARD in manifest.files:
            card = portable_card((model / CARD).read_text(encoding="utf-8"), manifest)
        manifest = portable_manifest(manifest)
    changed = manifest.model_copy(update={"exports": exports})
    # Behind a link it is the folder that gets them.
    with new_folder(model.resolve() if output is None else output, changed, replace=output is None or replace) as new:
        for name in kept:
            if name in manifest.files:
                shutil.copy(model / name, new / name)
        if output is not None and CONFIG in manifest.files:
            (new / CONFIG).write_text(portable_config(load_config(model / CONFIG)).to_yaml(), encoding="utf-8")
        if card is not None:
            (new / CARD).write_text(card, encoding="utf-8")
        for name in added:
            shutil.copy(made / name, new / name)


def _first_stage(path: Path, model: Path) -> FirstStage:
    from pactag.models.first_stage_fit import learn_first_stage

    rows = read_rows(path, read_schema(model))
    return learn_first_stage([row.text for row in rows], [bool(row.labels) for row in rows])


def _settling(stage: FirstStage, manifest: Manifest, sentences: LabelledSentences, reference: np.ndarray) -> FirstStage:
    from pactag.models.first_stage_fit import with_threshold

    texts = [item.text for item in sentences.inputs]
    return with_threshold(stage, texts, targets=sentences.targets, predicted=_labels(reference, manifest))


def _calibrated_again(
    model: Path, manifest: Manifest, logits: np.ndarray, sentences: LabelledSentences, report: Callable[[str], None]
) -> Manifest:
    """A manifest with scales, thresholds and margins of its own: weights in few bits flatten the logits of a network."""
    point, targets = load_config(model / CONFIG).operating_point, sentences.targets
    chosen = Calibration.on(logits, targets, point, manifest.labels, scaled_on=logits[:, 0] != SETTLED)
    predicted = apply_thresholds(chosen.scores(logits), chosen.thresholds, manifest.labels)
    if short := out_of_reach(point, targets, predicted, manifest.labels):
        report(f"a precision of {point.precision} is out of reach for {', '.join(short)}, which have their highest one")
    return with_calibration(manifest, chosen)


def compare(
    exported: OnnxClassifier,
    logits: np.ndarray,
    manifest: Manifest,
    sentences: LabelledSentences,
    reference: np.ndarray,
    reference_manifest: Manifest,
) -> ExportCheck:
    """How an exported network, by its logits and how they are read, compares with the original on the same sentences."""
    scores, expected = (
        calibrated(values, [of.calibration[name] for name in of.labels])
        for values, of in ((logits, manifest), (reference, reference_manifest))
    )
    labels, expected_labels = _labels(logits, manifest), _labels(reference, reference_manifest)
    stage = exported.first_stage
    return ExportCheck(
        sentences=len(sentences),
        same_labels=float((labels == expected_labels).all(1).mean()),
        # Of sentences that the network sees: a settled one has no score of its own.
        largest_difference=float(np.abs(scores - expected)[logits[:, 0] != SETTLED].max(initial=0.0)),
        f1_macro=f1_macro(sentences.targets, labels),
        f1_macro_torch=f1_macro(sentences.targets, expected_labels),
        settled=float(np.mean([stage.settles(item.text) for item in sentences.inputs])) if stage is not None and len(sentences) else 0.0,
    )


def _labels(logits: np.ndarray, manifest: Manifest) -> np.ndarray:
    scores = calibrated(logits, [manifest.calibration[name] for name in manifest.labels])
    return apply_thresholds(scores, manifest.thresholds, manifest.labels)


def _sentences(model: Path, manifest: Manifest, data: Path | None) -> LabelledSentences:
    path = data or load_config(model / CONFIG).data.corpus / "validation.jsonl"
    if data is not None and path.exists() and not path.is_file():
        raise ModelFolderError(str(path), "is no file that can be read twice", "Name labelled sentences: --data FILE.jsonl")
    if not path.is_file():
        raise ModelFolderError(f"{path}", "is not there, so the export cannot be checked", "Name labelled sentences: --data FILE.jsonl")
    return _read(path, model, manifest)


def _to_learn_from(model: Path, manifest: Manifest) -> Sequence[SentenceInput]:
    """The training split that the model's config names; nothing where it is not there."""
    path = load_config(model / CONFIG).data.corpus / "train.jsonl"
    return _read(path, model, manifest).inputs if path.is_file() else ()


def _read(path: Path, model: Path, manifest: Manifest) -> LabelledSentences:
    schema = read_schema(model)
    tokens = manifest.tokens
    return labelled_sentences(
        read_rows(path, schema), schema, preceding=tokens.preceding if tokens else 0, with_title=bool(tokens and tokens.title)
    )


def _refuse_loss(model: Path, form: Form, check: ExportCheck) -> None:
    loss = check.f1_macro_torch - check.f1_macro
    if loss > LARGEST_LOSS:
        found = f"{form} has macro-F1 {check.f1_macro:.4f} where torch has {check.f1_macro_torch:.4f}, on {check.sentences} sentences"
        raise ModelFolderError(
            str(model), found, f"A loss above {LARGEST_LOSS} is refused, and nothing was written; name the forms to write with --only"
        )
