"""How things look on a terminal: results on standard output, all the rest on standard error."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from pactag.cli.printing import Results, show_lines
from pactag.errors import PactagError
from pactag.schema import Schema

if TYPE_CHECKING:
    from pactag.corpus.agreement import Agreement
    from pactag.evaluation import Evaluation
    from pactag.model_folder import ExportCheck
    from pactag.significance import Interval
    from pactag.tagging import TaggedArticle

# C0, delete and C1.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])

# A file of another kind is wrong in every line.
_PROBLEMS_SHOWN = 30

out = Results(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show_error(error: PactagError) -> None:
    """Every problem on a line of its own; of very many the first ones, and how many there are."""
    for problem in error.problems[:_PROBLEMS_SHOWN]:
        err.print(f"[bold red]error[/] {escape(str(problem) if problem.found else problem.where)}")
    left = len(error.problems) - _PROBLEMS_SHOWN
    if left > 0:
        err.print(f"[bold red]error[/] and {left} more")


def show_json(data: Any) -> None:
    """For programs: one JSON document on standard output."""
    show_lines([json.dumps(data, ensure_ascii=False, indent=2) + "\n"])


def one_line(text: str) -> str:
    """What an article brings, on one line and without control characters: it must not command the terminal."""
    return " ".join(text.split()).translate(_CONTROLS)


def note(message: str) -> None:
    """A word to the person at the terminal."""
    err.print(message)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on standard error; when that is no terminal, a line at each tenth."""
    if not err.is_terminal:
        yield _plain_progress(title)
        return
    # Names of folders are among the words.
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[word]}", markup=False),
    )
    with Progress(*columns, console=err, transient=False) as bar:
        task = bar.add_task(title, total=None, word="")
        yield lambda done, total, word: bar.update(task, completed=done, total=total, word=word)


def _plain_progress(title: str) -> Callable[[int, int, str], None]:
    last = -1

    def show(done: int, total: int, word: str) -> None:
        nonlocal last
        tenth = 10 * done // max(total, 1)
        if tenth != last:
            last = tenth
            err.print(f"{title} {done}/{total} {word}", markup=False)

    return show


@contextlib.contextmanager
def bytes_bar(title: str) -> Iterator[Callable[[int, int, int], None]]:
    """A progress bar of bytes read, with sentences, their rate and the remaining time; when that is no terminal, a line at each tenth."""
    began = time.monotonic()

    def word(sentences: int) -> str:
        return f"{sentences:,} sentences, {sentences / max(time.monotonic() - began, 1e-3):,.0f} a second"

    if not err.is_terminal:
        yield _plain_bytes(title, began, word)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[word]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    # The rate over minutes: parts and batches come in bursts.
    with Progress(*columns, console=err, speed_estimate_period=120) as bar:
        task = bar.add_task(title, total=None, word="")
        yield lambda read, size, sentences: bar.update(task, completed=read, total=size or None, word=word(sentences))


def _plain_bytes(title: str, began: float, word: Callable[[int], str]) -> Callable[[int, int, int], None]:
    last, passed = 0, 0

    def show(read: int, size: int, sentences: int) -> None:
        nonlocal last, passed, began
        if not sentences:
            # What an earlier run did is passed over in no time, and tells nothing of the rest.
            passed, began = read, time.monotonic()
        tenth = 10 * read // size if size else 0
        if tenth > last:
            last = tenth
            seconds = (time.monotonic() - began) * (size - read) / max(read - passed, 1)
            err.print(f"{title} {100 * read // size}%, {word(sentences)}, about {timedelta(seconds=round(seconds))} left")

    return show


def evaluation_table(evaluation: Evaluation, title: str) -> Table:
    """Precision, recall and F1 per label, their macro means, and how F1 would vary with other articles."""
    from pactag.evaluation import intervals
    from pactag.metrics import label_scores

    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for name in ("label", "precision", "recall", "F1", "95% interval", "sentences"):
        table.add_column(name, justify="left" if name == "label" else "right")
    ranges = intervals([evaluation])
    for name, scores in zip(evaluation.labels, label_scores(evaluation.targets, evaluation.predicted), strict=True):
        figures = (f"{scores.precision:.3f}", f"{scores.recall:.3f}", f"{scores.f1:.3f}", _range(ranges.get(f"{name}/f1")))
        table.add_row(name, *figures, str(scores.support))
    table.add_section()
    macro = [f"{evaluation.figures[name]:.3f}" for name in ("precision_macro", "recall_macro", "f1_macro")]
    table.add_row("macro", *macro, _range(ranges.get("f1_macro")), str(len(evaluation.rows)), style="bold")
    return table


def tell_absent(evaluation: Evaluation) -> None:
    """A word on labels that no sentence carries."""
    from pactag.evaluation import absent_labels

    if nowhere := absent_labels(evaluation):
        note(f"no sentence carries {', '.join(nowhere)}: macro-F1 counts {'them' if len(nowhere) > 1 else 'it'} as 0")


def mean_table(evaluations: Sequence[Evaluation], title: str) -> Table:
    """The mean F1 of several models, such as the seeds of a recipe, with the 95% interval over articles, and the F1 of each."""
    from pactag.evaluation import f1_names, intervals

    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for name in ("label", "mean F1", "95% interval", *(f"model {i + 1}" for i in range(len(evaluations)))):
        table.add_column(name, justify="left" if name == "label" else "right")
    ranges = intervals(evaluations)
    macro, *by_label = f1_names(evaluations[0].labels)
    for name in (*by_label, macro):
        values = [item.figures[name] for item in evaluations]
        shown = (f"{sum(values) / len(values):.3f}", _range(ranges.get(name)), *(f"{value:.3f}" for value in values))
        table.add_row(name.removesuffix("/f1") if "/" in name else "macro", *shown, style=None if "/" in name else "bold")
    return table


def _range(interval: Interval | None) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}" if interval else ""


def export_table(checks: Mapping[Any, ExportCheck], title: str) -> Table:
    """How exported networks compare with torch."""
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for name in ("form", "sentences", "same labels", "largest difference of a score", "macro-F1", "macro-F1 of torch"):
        table.add_column(name, justify="left" if name == "form" else "right")
    for form, check in checks.items():
        figures = (f"{check.same_labels:.2%}", f"{check.largest_difference:.2g}", f"{check.f1_macro:.4f}", f"{check.f1_macro_torch:.4f}")
        table.add_row(form, str(check.sentences), *figures)
    return table


def agreement_table(item: Agreement, schema: Schema) -> Table:
    """Kappa, alpha and F1 of two annotators, per label; a dash where neither gave it, so that nothing was measured."""
    title = f"{item.readers[0]} and {item.readers[1]}: {item.sentences} sentences, {item.differing} differ"
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for name in ("label", "Cohen's kappa", "Krippendorff's alpha", "F1"):
        table.add_column(name, justify="left" if name == "label" else "right")
    for name, *values in zip(schema.names, item.kappa, item.alpha, item.f1, strict=True):
        table.add_row(name, *("-" if value is None else f"{value:.3f}" for value in values))
    return table


def show_article(article: TaggedArticle, schema: Schema) -> None:
    """The labelled sentences of an article with their scores."""
    colours = {label.name: label.color for label in schema.labels}
    labelled = [sentence for sentence in article.sentences if sentence.labels]
    heading = article.id or article.title or "article"
    out.print(Text(f"{one_line(heading)}: {len(labelled)} of {len(article.sentences)} sentences carry an act", style="bold"))
    for sentence in labelled:
        acts = Text("  ")
        for name in sentence.labels:
            acts.append(f"{name} {sentence.scores[name]:.2f}", style=f"bold {colours[name]}")
            acts.append("  ")
        out.print(acts)
        out.print(Text(f"    {one_line(sentence.text)}"))
    out.print()
