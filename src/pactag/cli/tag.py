"""`pactag tag`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from pactag.cli.models import ModelOption, StoreOption, load_tagger, model_folder
from pactag.cli.show import bytes_bar, note, show_article, show_error
from pactag.errors import PactagError
from pactag.inputs import READERS, read_articles
from pactag.outputs import WRITERS, format_of, write
from pactag.outputs.base import Maker
from pactag.outputs.jsonl import lines

_PARTS = "Into a folder"


def tag(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Files, folders, patterns such as 'news/**/*.html', addresses of the web; `-` for standard input."
        ),
    ],
    model: ModelOption = "models:/pactag@champion",
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
    input_format: Annotated[
        str | None, typer.Option("--input-format", help=f"Whatever the endings say: {', '.join(READERS)}. By default, `-` is text.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every sentence as JSONL on standard output.")] = False,
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
    if output is not None and _is_folder(output, format):
        if texts is not None:
            raise PactagError("--texts", "goes with one output file", "Name a file with --output, or leave it out")
        _tag_into_folder(
            inputs, Path(output), model, tracking_uri, format, input_format, resume, shard, part_size, engine, ray_address, workers
        )
        return
    if resume or shard or part_size or engine != "local" or ray_address or workers:
        raise PactagError("--resume, --shard, --part-size and --engine", "need a folder as output", "Name one that ends with /: -o acts/")
    place = None if output is None else Path(output)
    if place is not None:
        output_format = format_of(place, format)
    elif format is not None or texts is not None:
        raise PactagError("--format and --texts", "need --output", "Name the file to write, or use --json")
    unread: list[PactagError] = []
    articles = read_articles(inputs, kind=input_format, on_error=unread.append, leave_out=[path for path in (place, texts) if path])
    tagger = load_tagger(model, tracking_uri)
    maker = Maker(tagger.schema, tagger.manifest.model_id)
    tagged = tagger.tag_many(articles)
    if place is not None:
        count = write(tagged, place, maker, format=output_format, texts=texts)
        note(f"{count} sentences in {escape(str(place))}")
    elif as_json:
        for article in tagged:
            sys.stdout.writelines(lines(article, maker))
    else:
        for article in tagged:
            show_article(article, tagger.schema)
    _tell(unread)


def _is_folder(output: str, format: str | None) -> bool:
    return output.endswith("/") or (Path(output).is_dir() and format != "brat")


def _tag_into_folder(
    inputs: list[str],
    folder: Path,
    model: str,
    tracking_uri: str | None,
    format: str | None,
    input_format: str | None,
    resume: bool,
    shard: str | None,
    part_size: int | None,
    engine: str,
    ray_address: str | None,
    workers: int | None,
) -> None:
    from pactag.bulk.plan import Share, read_share
    from pactag.bulk.run import local, prepare, run

    share = read_share(shard) if shard else Share()
    if engine == "ray":
        from pactag.bulk.ray_engine import on_ray

        tagging, model_id = on_ray(model_folder(model, tracking_uri), address=ray_address, workers=workers)
    elif ray_address or workers:
        raise PactagError("--ray-address and --workers", "need --engine ray", "Add it, or leave them out")
    else:
        tagger = load_tagger(model, tracking_uri)
        tagging, model_id = local(tagger), tagger.manifest.model_id
    ready = prepare(
        inputs,
        folder,
        model=model_id,
        kind=input_format,
        output_format=format,
        part_size=part_size,
        share=share,
        resume=resume,
    )
    began = time.monotonic()
    with bytes_bar("tagging") as progress:
        done = run(ready, tagging, progress=progress)
    count = done.count
    seconds = time.monotonic() - began
    rate = f" in {seconds:.1f} s, {count.sentences / seconds:.0f} a second" if count.sentences else ""
    kept = f"; {count.parts - count.written} parts were there already" if count.parts > count.written else ""
    note(f"{count.sentences} sentences{rate}; {count.written} parts in {escape(str(folder))}{kept}")
    _tell(done.unread)


def _tell(unread: Sequence[PactagError]) -> None:
    for error in unread:
        show_error(error)
    if unread:
        raise typer.Exit(2)
