"""`pactag tag`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from pactag.articles import Article
from pactag.cli.models import DEFAULT_MODEL, BackendOption, ModelOption, StoreOption, find_model, load_tagger
from pactag.cli.printing import show_lines
from pactag.cli.show import note, show_article, show_error
from pactag.errors import PactagError
from pactag.inputs import READERS, read_articles
from pactag.outputs import ENDINGS, WRITERS, check_apart, format_of, write
from pactag.outputs.base import Maker
from pactag.outputs.jsonl import lines

_PARTS = "Into a folder"
InputFormatOption = Annotated[
    str | None, typer.Option("--input-format", help=f"Whatever the endings say: {', '.join(READERS)}. By default, `-` is text.")
]


def tag(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Files, folders, patterns such as 'news/**/*.html', addresses of the web; `-` for standard input."
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER/",
            help="Write every sentence to this file, whose ending tells the format; or in parts into this folder.",
        ),
    ] = None,
    format: Annotated[str | None, typer.Option("--format", "-f", help=f"Format of the output: {', '.join(WRITERS)}.")] = None,
    texts: Annotated[
        Path | None,
        typer.Option("--texts", help="With a file as output: also write the articles as read to this JSONL file. Offsets refer to them."),
    ] = None,
    input_format: InputFormatOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every sentence as JSONL on standard output.")] = False,
    backend: BackendOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a job stopped; begins one where there is none.", rich_help_panel=_PARTS)
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Do the I-th of N shares; all may write to one folder. Keeps what is there.",
            rich_help_panel=_PARTS,
        ),
    ] = None,
    part_size: Annotated[
        int | None, typer.Option("--part-size", min=1, help="Articles in a part; by default 1000.", rich_help_panel=_PARTS)
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option("--engine", help="Tag in this process, or by Ray workers.", rich_help_panel=_PARTS)
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", help="A Ray cluster, such as `auto`; by default Ray starts on this machine.", rich_help_panel=_PARTS),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Ray workers; by default one for each core.", rich_help_panel=_PARTS)
    ] = None,
    tracking_uri: StoreOption = None,
) -> None:
    """Tag articles, sentence by sentence.

    Reads plain text, JSONL, CSV, Parquet and HTML, compressed or not. Prints the labelled sentences with their scores. Files and rows that
    cannot be read are told on standard error; the others are tagged.
    """
    if output == "":
        raise PactagError("--output", "is empty", "Name a file, or a folder with / at its end")
    if output is not None and as_json:
        raise PactagError("--json and --output", "are two places for the same sentences", "Use one of the two")
    if output is not None and _is_folder(output, format):
        if texts is not None:
            raise PactagError("--texts", "goes with one output file", "Name a file with --output, or leave it out")
        from pactag.cli.bulk import Into, tag_into_folder

        into = Into(
            folder=Path(output),
            output_format=format,
            input_format=input_format,
            resume=resume,
            shard=shard,
            part_size=part_size,
            engine=engine,
            ray_address=ray_address,
            workers=workers,
        )
        tell_unread(tag_into_folder(inputs, into, find_model(model, tracking_uri), backend=backend))
        return
    if resume or shard or part_size or engine != "local" or ray_address or workers:
        raise PactagError("--resume, --shard, --part-size and --engine", "need a folder as output", "Name one that ends with /: -o acts/")
    place = None if output is None else Path(output)
    if place is not None:
        output_format = format_of(place, format)
        check_apart(place, texts, inputs=inputs)
    elif format is not None or texts is not None:
        raise PactagError("--format and --texts", "need --output", "Name the file to write, or use --json")
    unread: list[PactagError] = []
    articles = read_articles(inputs, kind=input_format, on_error=unread.append, leave_out=[path for path in (place, texts) if path])
    tagger = load_tagger(model, tracking_uri, backend=backend)
    maker = Maker(tagger.schema, tagger.model_id)
    tagged = tagger.tag_many(_noting_repeats(articles))
    if place is not None:
        # What an earlier call wrote does not go for a name that was mistyped.
        first = next(tagged, None)
        if first is None and unread:
            note(f"nothing could be read; {escape(str(place))} is left as it is")
            tell_unread(unread)
        tagged = chain([] if first is None else [first], tagged)
        count = write(tagged, place, maker, format=output_format, texts=texts)
        note(f"{count} sentences in {escape(str(place))}")
    elif as_json:
        for article in tagged:
            show_lines(lines(article, maker))
    else:
        for article in tagged:
            show_article(article, tagger.schema)
    tell_unread(unread)


def _is_folder(output: str, format: str | None) -> bool:
    path = Path(output)
    return output.endswith("/") or (path.is_dir() and (format or ENDINGS.get(path.suffix.lower())) != "brat")


def _noting_repeats(articles: Iterable[Article]) -> Iterator[Article]:
    """The same articles; at the end a word on those whose sentences cannot be told apart by `article_id`."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for article in articles:
        if article.id in seen:
            repeated[article.id] = None
        seen.add(article.id)
        yield article
    if repeated:
        some = ", ".join(repr(name) for name in islice(repeated, 3)) + (", ..." if len(repeated) > 3 else "")
        note(escape(f"several articles have the id {some}: their sentences cannot be told apart by article_id"))


def tell_unread(unread: Sequence[PactagError]) -> None:
    """What could not be read, on standard error; then the exit code is 2."""
    for error in unread:
        show_error(error)
    if unread:
        raise typer.Exit(2)
