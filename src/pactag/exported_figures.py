"""The figures, and the card, of an exported model whose scales and thresholds are its own: not those of the network before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pactag.config import load_config
from pactag.corpus.rows import read_rows
from pactag.evaluation import Evaluation, evaluate
from pactag.model_card import model_card
from pactag.model_folder import CONFIG, ExportCheck, Manifest, read_schema
from pactag.models.onnx import OnnxClassifier
from pactag.portable import portable_config
from pactag.tagging import Tagger


def own_figures(
    model: Path, exported: OnnxClassifier, manifest: Manifest, check: ExportCheck, report: Callable[[str], None]
) -> tuple[dict[str, float], str]:
    """Figures for the manifest, and the card, from all labelled files that the config of the model names, as far as they are there.

    :param model: the folder that was exported from, for its config and schema.
    :param manifest: of the exported model.
    :param check: how it compares with the network before on the validation split.
    """
    config, schema = load_config(model / CONFIG), read_schema(model)
    tagger = Tagger(exported, manifest, schema)

    def figures(path: Path) -> Evaluation | None:
        if not path.is_file():
            return None
        rows = read_rows(path, schema)
        report(f"measuring on {len(rows)} sentences of {path.name}")
        return evaluate(tagger, rows)

    validation, test = (figures(config.data.corpus / f"{split}.jsonl") for split in ("validation", "test"))
    others = {name: found for name, path in config.data.also_measure.items() if (found := figures(path)) is not None}
    card = model_card(
        config=portable_config(config),
        schema=schema,
        manifest=manifest,
        validation=validation,
        test=test,
        others=others,
    )
    start = card.find("\n## ") + 1
    groups = {"best_dev": validation, "test": test, **others}
    metrics = {f"{group}/{name}": round(value, 6) for group, found in groups.items() if found for name, value in found.figures.items()}
    return metrics, card[:start] + _as_exported(check) + card[start:]


def _as_exported(check: ExportCheck) -> str:
    return (
        "## As exported\n\n"
        "The weights are rounded to fit into the file, and scales and thresholds are chosen again on the validation split. On its "
        f"{check.sentences} sentences\nthis model has macro-F1 {check.f1_macro:.3f} where the network before had "
        f"{check.f1_macro_torch:.3f}, and gives {check.same_labels:.1%} of them the same labels.\nThe figures below are those of the "
        "rounded model.\n\n"
    )
