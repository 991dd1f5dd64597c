"""The model card: `README.md` of every model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pactag.calibration import out_of_reach
from pactag.config import OperatingPoint, RunConfig, SoupModel
from pactag.evaluation import Evaluation
from pactag.metrics import label_scores
from pactag.model_folder import BaseModelInfo, Manifest
from pactag.schema import Schema


def model_card(
    *,
    config: RunConfig,
    schema: Schema,
    manifest: Manifest,
    validation: Evaluation | None,
    test: Evaluation | None,
    others: Mapping[str, Evaluation],
    out_of_fold: Evaluation | None = None,
) -> str:
    """A card in Markdown: what the model is, how to use it, how good it is, and where it should not be trusted.

    :param validation: on the sentences that scales and thresholds were chosen on; None where they are not at hand, as may be with `test`.
    :param others: evaluations on the further files of `data.also_measure`, by name.
    :param out_of_fold: of a model that `pactag calibrate` made, see `pactag.recalibration.Recalibrated`.
    """
    source = manifest.calibrated_on
    there = f"{source.sentences} sentences of {source.file}" if source else "validation split"
    chosen = "calibration was" if config.operating_point.objective == "fixed" else "thresholds and calibration were"
    lines = [
        f"# {config.name}: {schema.title.lower()}",
        "",
        f"A model of the kind `{manifest.kind}`, by pactag {manifest.pactag_version}. It gives each sentence of a news article any subset "
        f"of {', '.join(f'**{name}**' for name in schema.names)}.",
        "",
        "```python",
        "from pactag import Tagger",
        "",
        'tagger = Tagger.load("path/to/this/folder")',
        'for sentence in tagger.tag("The guild offered talks. Nobody came.").sentences:',
        "    print(sentence.text, sentence.labels, sentence.scores)",
        "```",
        "",
        "| | |",
        "|---|---|",
        f"| base model | {_origin(manifest.base_model)} |",
        *_parts(config),
        f"| corpus digest | `{manifest.corpus_digest[:16]}...` |",
        f"| MLflow run | {manifest.run_id or 'none'} |",
        f"| context | {_context(config)} |",
        f"| operating point | {_operating_point(config.operating_point, manifest, there, validation)} |",
        "",
        "## What the labels mean",
        "",
        *(f"- **{label.name}**: {label.meaning}" for label in schema.labels),
        "",
        "The schema beside this card has the full rules.",
        "",
        *(
            line
            for name, evaluation in others.items()
            for line in _figures(f"Measured on further sentences: {name}", evaluation, manifest.thresholds)
        ),
        *_figures("Test split of the corpus", test, manifest.thresholds),
        *_figures(f"{there}, each fold of their articles read as was chosen on the others", out_of_fold, None),
        *_figures(f"{there[0].upper()}{there[1:]} ({chosen} chosen on {'them' if source else 'it'})", validation, manifest.thresholds),
        "## Limits",
        "",
        "- The corpus is written for the purpose, not collected; on real news figures are lower than on its splits. Measure on a sample of",
        "  your own articles before you rely on it: `pactag evaluate MODEL --data your.jsonl`.",
        "- English only. Sentences are judged one by one; who does what to whom is not extracted.",
        "- A label says that somebody is reported to have done an act, not that the act was justified or that it took place.",
        "",
    ]
    return "\n".join(lines)


def _origin(base: BaseModelInfo | None) -> str:
    if base is None:
        return "none: n-grams and logistic regression"
    name = f"{base.name} (SHA-256 `{base.sha256[:12]}...`)"
    return f"{name}, trained before from {_origin(base.origin)}" if base.origin else name


def _parts(config: RunConfig) -> list[str]:
    if not isinstance(config.model, SoupModel):
        return []
    return [f"| mean of the weights of | {', '.join(folder.name for folder in config.model.models)} |"]


def _context(config: RunConfig) -> str:
    context = config.context
    parts = [f"{context.preceding} preceding sentences"] if context.preceding else []
    parts += ["title"] if context.title else []
    return ", ".join(parts) or "none: the sentence alone"


def _operating_point(point: OperatingPoint, manifest: Manifest, there: str, evaluation: Evaluation | None) -> str:
    kept = manifest.calibrated_on.kept if manifest.calibrated_on else ()
    if point.objective == "fixed":
        scales = f"; scales from the {there}" if manifest.calibrated_on else ""
        return f"{point.threshold} for every label{scales}{_as_before(kept)}"
    asked = f"{point.objective} {point.precision}" if point.precision else point.objective
    found = out_of_reach(point, evaluation.targets, evaluation.predicted, evaluation.labels) if evaluation else ()
    short = [name for name in found if name not in kept]
    told = f"; out of reach for {', '.join(short)}, which have their highest precision" if short else ""
    return f"{asked} on the {there}{told}{_as_before(kept)}"


def _as_before(kept: Sequence[str]) -> str:
    return f"; as before for {', '.join(kept)}" if kept else ""


def _figures(heading: str, evaluation: Evaluation | None, thresholds: Mapping[str, float] | None) -> list[str]:
    """:param thresholds: None where they differ from sentence to sentence."""
    if evaluation is None:
        return []
    lines = [
        f"## {heading}",
        "",
        f"{len(evaluation.rows)} sentences, macro-F1 {evaluation.figures['f1_macro']:.3f}.",
        "",
        "| label | precision | recall | F1 | sentences | threshold | calibration error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, scores in zip(evaluation.labels, label_scores(evaluation.targets, evaluation.predicted), strict=True):
        rates = f"{scores.precision:.3f} | {scores.recall:.3f} | {scores.f1:.3f} | {scores.support}"
        threshold = f"{thresholds[name]:.3f}" if thresholds else ""
        lines.append(f"| {name} | {rates} | {threshold} | {evaluation.figures[f'{name}/ece']:.3f} |")
    return [*lines, ""]
