"""The model card: `README.md` of every model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pactag.config import OperatingPoint, RunConfig, SoupModel
from pactag.evaluation import Evaluation, out_of_reach
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
    chosen_on: str = "validation split",
    kept: Sequence[str] = (),
) -> str:
    """A card in Markdown: what the model is, how to use it, how good it is, and where it should not be trusted.

    :param validation: on the sentences that scales and thresholds were chosen on; None where they are not at hand, as may be with `test`.
    :param others: evaluations on the further files of `data.also_measure`, by name.
    :param chosen_on: what those sentences are.
    :param kept: labels whose scale and threshold were chosen before, on other sentences.
    """
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
        f"| operating point | {_operating_point(config.operating_point, chosen_on, validation, kept)} |",
        "",
        "## What the labels mean",
        "",
        *(f"- **{label.name}**: {label.meaning}" for label in schema.labels),
        "",
        "The schema beside this card has the full rules.",
        "",
        *(line for name, evaluation in others.items() for line in _figures(f"Measured on further sentences: {name}", evaluation, manifest)),
        *_figures("Test split of the corpus", test, manifest),
        *_figures(f"{chosen_on[0].upper()}{chosen_on[1:]} (thresholds and calibration were chosen on it)", validation, manifest),
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


def _operating_point(point: OperatingPoint, chosen_on: str, there: Evaluation | None, kept: Sequence[str]) -> str:
    if point.objective == "fixed":
        return f"{point.threshold} for every label"
    short = [name for name in (out_of_reach(point, there) if there else ()) if name not in kept]
    parts = [f"{point.objective}{f' {point.precision}' if point.precision else ''} on the {chosen_on}"]
    parts += [f"out of reach for {', '.join(short)}, which have their highest precision"] if short else []
    parts += [f"as before for {', '.join(kept)}"] if kept else []
    return "; ".join(parts)


def _figures(heading: str, evaluation: Evaluation | None, manifest: Manifest) -> list[str]:
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
        lines.append(f"| {name} | {rates} | {manifest.thresholds[name]:.3f} | {evaluation.figures[f'{name}/ece']:.3f} |")
    return [*lines, ""]
