"""`pactag tag`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pactag.cli.models import BackendOption, ModelOption, StoreOption, load_tagger
from pactag.cli.show import note, show_article, show_error
from pactag.errors import PactagError
from pactag.inputs import READERS, read_articles
from pactag.outputs import WRITERS, format_of, write
from pactag.outputs.base import Maker
from pactag.outputs.jsonl import lines


def tag(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files, folders, patterns such as 'news/**/*.html'; `-` for standard input."),
    ],
    model: ModelOption = "models:/pactag@champion",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write every sentence to this file; its ending tells the format.")
    ] = None,
    format: Annotated[str | None, typer.Option("--format", "-f", help=f"Format of the output: {', '.join(WRITERS)}.")] = None,
    texts: Annotated[
        Path | None,
        typer.Option("--texts", help="With --output: also write the articles as read to this JSONL file. Offsets refer to them."),
    ] = None,
    input_format: Annotated[
        str | None, typer.Option("--input-format", help=f"Whatever the endings say: {', '.join(READERS)}. By default, `-` is text.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every sentence as JSONL on standard output.")] = False,
    backend: BackendOption = None,
    tracking_uri: StoreOption = None,
) -> None:
    """Tag articles, sentence by sentence.

    Reads plain text, JSONL, CSV, Parquet and HTML. Prints the labelled sentences with their scores. Files and rows that cannot be read are
    told on standard error; the others are tagged.
    """
    if output is not None:
        output_format = format_of(output, format)
    elif format is not None or texts is not None:
        raise PactagError("--format and --texts", "need --output", "Name the file to write, or use --json")
    unread: list[PactagError] = []
    articles = read_articles(inputs, kind=input_format, on_error=unread.append, leave_out=[path for path in (output, texts) if path])
    tagger = load_tagger(model, tracking_uri, backend=backend)
    maker = Maker(tagger.schema, tagger.manifest.model_id)
    tagged = tagger.tag_many(articles)
    if output is not None:
        count = write(tagged, output, maker, format=output_format, texts=texts)
        note(f"{count} sentences in {output}")
    elif as_json:
        for article in tagged:
            sys.stdout.writelines(lines(article, maker))
    else:
        for article in tagged:
            show_article(article, tagger.schema)
    for error in unread:
        show_error(error)
    if unread:
        raise typer.Exit(2)
