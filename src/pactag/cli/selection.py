"""Commands that choose sentences for people: `annotate suspects`, `annotate next`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pactag.annotation.tasks import Task, ToolName
from pactag.articles import Article
from pactag.cli.data import SchemaOption
from pactag.cli.models import DEFAULT_MODEL, JsonOption, ModelOption, StoreOption, load_tagger
from pactag.cli.show import note, one_line, out, progress_bar, show_json
from pactag.cli.tag import InputFormatOption
from pactag.config import RunConfig, TfidfModel, load_config
from pactag.corpus.rows import read_corpus, read_rows
from pactag.errors import PactagError
from pactag.schema import DEFAULT_SCHEMA, Schema, load_schema

# More sentences than these are in the file, not on the screen.
_SHOWN = 20

ForOption = Annotated[ToolName | None, typer.Option("--for", help="Write a folder for this annotation tool, as `annotate start` does.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="A .jsonl file for `annotate start`; with --for, a new folder for the tool.")
]


def suspects(
    corpus: Annotated[Path, typer.Argument(metavar="[CORPUS]", help="Corpus folder, or one labelled JSONL file.")] = Path("data/corpus"),
    output: OutputOption = None,
    tool: ForOption = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Config of the model that doubts; by default n-grams (tfidf), a minute or two.")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Each article is scored by a model that learnt from the other folds.")] = 5,
    top: Annotated[int | None, typer.Option(min=1, help="At most so many sentences; by default all that are doubted.")] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Do not show the given labels and the doubts to who judges again.")] = False,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
    as_json: JsonOption = False,
) -> None:
    """Labels that are probably wrong, the most doubtful first: what a model that never saw the article disputes.

    A doubt is a reason to look again, no more: a model doubts what it has not learnt as well as what is wrong.
    """
    _check_output(output, tool)
    from pactag.annotation.out_of_fold import out_of_fold
    from pactag.annotation.suspects import check_doubtable, suspects_of, tasks_of_suspects

    schema = load_schema(schema_file)
    rows = read_rows(corpus, schema) if corpus.is_file() else read_corpus(corpus, schema).rows
    check_doubtable(rows, schema, where=str(corpus))
    settings = load_config(config) if config is not None else RunConfig(name="suspects", model=TfidfModel())
    with progress_bar(f"scoring {len(rows)} sentences out of fold") as progress:
        data, scores = out_of_fold(rows, schema, settings, folds=folds, progress=progress)
    found = suspects_of(rows, data, scores, schema)
    chosen = found[:top]
    if output is not None:
        _write(tasks_of_suspects(chosen, rows, schema, blind=blind), output, schema, tool, settles=True)
    if as_json:
        show_json(
            [
                {
                    "rank": rank,
                    "sentence": one.row.id,
                    "text": one.row.text,
                    "labels": one.row.labels,
                    "reason": one.reason,
                    "doubts": [vars(doubt) for doubt in one.doubts],
                    "scores": {name: round(score, 4) for name, score in one.scores.items()},
                }
                for rank, one in enumerate(chosen, start=1)
            ]
        )
        return
    table = Table(title=f"{len(found)} of {len(rows)} sentences have a doubted label", title_justify="left", title_style="bold")
    for name in ("", "sentence", "why", "text"):
        table.add_column(name, overflow="fold")
    for rank, one in enumerate(chosen[:_SHOWN], start=1):
        table.add_row(str(rank), escape(one.row.id), escape(one.reason), escape(one_line(one.row.text)))
    out.print(table)
    _told(len(chosen), output, tool, settles=True)


def next_(
    articles: Annotated[list[str], typer.Argument(metavar="ARTICLES...", help="Articles that nobody has labelled, as `tag` reads them.")],
    budget: Annotated[int, typer.Option(min=1, help="How many sentences there is time to label.")] = 200,
    output: OutputOption = None,
    tool: ForOption = None,
    model: ModelOption = DEFAULT_MODEL,
    corpus: Annotated[Path, typer.Option("--corpus", help="What is labelled already: what nearly stands there is not chosen.")] = Path(
        "data/corpus"
    ),
    base: Annotated[
        str, typer.Option("--base", help="Encoder that tells which sentences are alike, as `model.base` of a config.")
    ] = "minilm",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the choice.")] = 1,
    input_format: InputFormatOption = None,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
    tracking_uri: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which sentences to label next: those that the model is unsure of, rare labels first, and unlike each other."""
    _check_output(output, tool)
    from pactag.annotation.next_sentences import next_sentences
    from pactag.annotation.tasks import read_inputs

    schema = load_schema(schema_file)
    rows = read_corpus(corpus, schema).rows
    given = [one for one in read_inputs(articles, kind=input_format) if isinstance(one, Article)]
    if not given:
        raise PactagError(", ".join(articles), "holds no article", "Name articles, not sentences that were chosen already")
    found = next_sentences(given, rows, schema, tagger=load_tagger(model, tracking_uri), budget=budget, base=base, seed=seed)
    if output is not None:
        _write(found.tasks, output, schema, tool, settles=False)
    if as_json:
        show_json({**vars(found), "tasks": [task.model_dump(mode="json") for task in found.tasks]})
        return
    passed = f"; passed over: {found.known} that nearly stand in the corpus, {found.repeated} that repeat each other"
    out.print(f"{len(found.tasks)} of {found.sentences} sentences chosen, of {len({t.article_id for t in found.tasks})} articles{passed}")
    out.print("expected among them: " + ", ".join(f"{name} {count:.0f}" for name, count in found.expected.items()))
    _told(len(found.tasks), output, tool, settles=False)


def tell_steps(tool: ToolName, folder: Path, *, settles: bool) -> None:
    """What to do with a task folder, and how its exports come back: a round that settles into a file of its own."""
    from pactag.annotation.tools import TOOLS

    for number, step in enumerate(TOOLS[tool].steps, start=1):
        out.print(f"  {number}. {escape(step)}")
    name = "settled.jsonl" if settles else "judgements.jsonl"
    out.print(f"then  pactag annotate import EXPORT --tasks {escape(str(folder))} -o {name}")


def _check_output(output: Path | None, tool: ToolName | None) -> None:
    if tool is not None and output is None:
        raise PactagError(f"--for {tool}", "has no place to write to", "Name a new folder with -o")
    if output is not None and tool is None and output.suffix != ".jsonl":
        raise PactagError(f"--output {output}", "does not end in .jsonl", "Name it so, or say --for TOOL to write a folder for a tool")
    if output is not None:
        from pactag.annotation.files import check_folder, check_place

        # Now, not after models were trained.
        if tool is None:
            check_place(output, "chosen sentences", replace=True)
        else:
            check_folder(output)


def _write(tasks: Sequence[Task], output: Path, schema: Schema, tool: ToolName | None, *, settles: bool) -> None:
    from pactag.annotation.files import write_whole
    from pactag.annotation.rounds import write_tasks

    if tool is None:
        write_whole(output, "".join(task.to_json() + "\n" for task in tasks))
    elif tasks:
        write_tasks(tasks, output, schema, tool=tool, round="adjudication" if settles else "independent")


def _told(count: int, output: Path | None, tool: ToolName | None, *, settles: bool) -> None:
    """What was written, and what to do next."""
    if output is None:
        note(f"{count} sentences; -o FILE.jsonl writes them, --for TOOL -o FOLDER makes tasks of them")
        return
    name = escape(str(output))
    out.print(f"{count} sentences in {name}")
    if count and tool is None:
        out.print(f"then  pactag annotate start {name} --for label-studio -o tasks")
    elif count and tool is not None:
        tell_steps(tool, output, settles=settles)
