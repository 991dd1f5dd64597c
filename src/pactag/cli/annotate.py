"""Commands of the annotation loop: `annotate start`, `import`, `agreement`, and from `selection`: `suspects` and `next`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pactag.annotation.tasks import DEFAULT_PRECEDING, ToolName
from pactag.cli import selection
from pactag.cli.data import SchemaOption
from pactag.cli.models import JsonOption, StoreOption, load_tagger
from pactag.cli.show import agreement_table, err, note, out, show_json
from pactag.cli.tag import InputFormatOption
from pactag.errors import PactagError
from pactag.schema import DEFAULT_SCHEMA, load_schema

annotate_app = typer.Typer(help="Bring your own articles: label them in a tool of your choice, and agree.", no_args_is_help=True)

annotate_app.command("suspects")(selection.suspects)
annotate_app.command("next")(selection.next_)

# More sentences than these are counted, not listed.
_LISTED = 10


@annotate_app.command("start")
def start(
    articles: Annotated[
        list[str],
        typer.Argument(
            metavar="ARTICLES...", help="Articles as `tag` reads them; or a file that `annotate agreement`, `suspects` or `next` wrote."
        ),
    ],
    tool: Annotated[ToolName, typer.Option("--for", help="The annotation tool.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for the tasks.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Show its labels to the annotators. Leave it out where they are to judge independently."),
    ] = None,
    preceding: Annotated[int, typer.Option(min=0, help="How many sentences before each one are shown.")] = DEFAULT_PRECEDING,
    input_format: InputFormatOption = None,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
    tracking_uri: StoreOption = None,
) -> None:
    """Write tasks and labelling interface for an annotation tool, one sentence a task."""
    from pactag.annotation.files import check_folder
    from pactag.annotation.rounds import start as begin

    check_folder(output)
    schema = load_schema(schema_file)
    tagger = load_tagger(model, tracking_uri) if model is not None else None
    tasks = begin(articles, output, schema, tool=tool, preceding=preceding, tagger=tagger, kind=input_format)
    out.print(f"{len(tasks)} sentences of {len({task.article_id for task in tasks})} articles in {escape(str(output))}")
    selection.tell_steps(tool, output, settles=any(task.said is not None for task in tasks))


@annotate_app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Exports of the annotation tool.")],
    tasks: Annotated[Path, typer.Option("--tasks", help="The folder that `annotate start` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the judgements to this JSONL file.")],
    tool: Annotated[ToolName | None, typer.Option("--from", help="The tool, if it is not the one that the folder was made for.")] = None,
    names: Annotated[
        list[str] | None, typer.Option("--name", metavar="'TOOL NAME=NAME'", help="Rename an annotator: 'user 1=anna'. Repeatable.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over judgements that the file holds already.")] = False,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
) -> None:
    """Check exports against their tasks, and write all judgements in one form. Writes nothing when anything is wrong."""
    from pactag.annotation.files import check_place, write_whole
    from pactag.annotation.rounds import take_in

    check_place(output, "judgements", replace=replace)
    renaming = [_renaming(name) for name in names or []]
    renamed = dict(renaming)
    if len(renamed) < len(renaming):
        twice = next(name for name, count in Counter(before for before, _ in renaming).items() if count > 1)
        raise PactagError("--name", f"renames {twice!r} twice", "Give each annotator one name")
    found = take_in(files, tasks, load_schema(schema_file), tool=tool, names=renamed)
    write_whole(output, "".join(one.to_json() + "\n" for one in found.judgements))
    annotators = sorted({one.annotator for one in found.judgements})
    for name in annotators:
        own = [one for one in found.judgements if one.annotator == name]
        counts = {status: sum(one.status == status for one in own) for status in ("judged", "skipped", "rejected")}
        comments = sum(one.comment is not None for one in own)
        words = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        out.print(f"{escape(name)}: {words}, {comments} comments")
    for name, sentences in found.missing.items():
        listed = ", ".join(sentences[:_LISTED]) + (", ..." if len(sentences) > _LISTED else "")
        err.print(f"[bold yellow]missing[/] {escape(name)} said nothing of {len(sentences)} sentences: {escape(listed)}")
    out.print(f"{len(found.judgements)} judgements in {escape(str(output))}")


def _renaming(given: str) -> tuple[str, str]:
    before, equals, after = (part.strip() for part in given.partition("="))
    if not (before and equals and after):
        raise PactagError(f"--name {given}", "is not of the form NAME=NAME", "For example: --name 'user 1=anna'")
    return before, after


@annotate_app.command("agreement")
def agreement(
    files: Annotated[list[Path], typer.Argument(metavar="JUDGEMENTS...", help="Files that `annotate import` wrote.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the sentences to settle to this .jsonl file.")] = None,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
    as_json: JsonOption = False,
) -> None:
    """How far annotators agree, per label and pair: kappa, alpha and F1; and the sentences that somebody has to settle."""
    from pactag.annotation.files import check_place, write_whole
    from pactag.annotation.judgements import read_judgements, views_of
    from pactag.annotation.rounds import unsettled
    from pactag.corpus.agreement import agreement_of

    if output is not None:
        if output.suffix != ".jsonl":
            raise PactagError(f"--output {output}", "does not end in .jsonl", "Name it so: annotate start knows the file by its ending")
        # What it found before may go, for it is found again; judgements may not.
        check_place(output, "chosen sentences", replace=True)
    schema = load_schema(schema_file)
    judgements = [placed.judgement for placed in read_judgements(files, schema)]
    found = agreement_of(views_of(judgements), schema)
    left = unsettled(judgements)
    if output is not None:
        write_whole(output, "".join(task.to_json() + "\n" for task in left))
    if as_json:
        show_json({"pairs": [vars(item) for item in found], "to_settle": [task.id for task in left]})
        return
    for item in found:
        out.print(agreement_table(item, schema))
    if output is None:
        note(f"{len(left)} sentences are to settle; -o FILE.jsonl writes them")
    else:
        out.print(f"{len(left)} sentences to settle in {escape(str(output))}")
        if left:
            out.print(f"then  pactag annotate start {escape(str(output))} --for csv -o settle")
