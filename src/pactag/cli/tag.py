"""`pactag tag`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated

import typer

from pactag.articles import Article, decode, read_article
from pactag.cli.models import ModelOption, StoreOption, load_tagger
from pactag.cli.show import note, show_article, show_error
from pactag.errors import PactagError
from pactag.tagging import TaggedArticle


def tag(
    inputs: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Plain text files, one article each; `-` for standard input.")],
    model: ModelOption = "models:/pactag@champion",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write every sentence to this JSONL file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every sentence as JSONL on standard output.")] = False,
    tracking_uri: StoreOption = None,
) -> None:
    """Tag articles, sentence by sentence.

    Prints the labelled sentences with their scores. Files that cannot be read are told on standard error; the others are tagged.
    """
    tagger = load_tagger(model, tracking_uri)
    unread: list[PactagError] = []
    tagged = tagger.tag_many(_articles(inputs, unread))
    if output is not None:
        count = _write(tagged, output, tagger.manifest.model_id)
        note(f"{count} sentences in {output}")
    elif as_json:
        for article in tagged:
            _write_lines(article, sys.stdout, tagger.manifest.model_id)
    else:
        for article in tagged:
            show_article(article, tagger.schema)
    for error in unread:
        show_error(error)
    if unread:
        raise typer.Exit(2)


def _articles(inputs: list[Path], unread: list[PactagError]) -> Iterator[Article]:
    for path in inputs:
        try:
            if str(path) == "-":
                yield Article("stdin", decode(sys.stdin.buffer.read(), where="standard input"))
            else:
                yield read_article(path)
        except PactagError as error:
            unread.append(error)


def _write(tagged: Iterator[TaggedArticle], output: Path, model_id: str) -> int:
    """Write beside, then rename: the file is there whole or not at all."""
    beside = output.with_name(f".{output.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            count = sum(_write_lines(article, file, model_id) for article in tagged)
        os.replace(beside, output)
    except FileNotFoundError:
        raise PactagError(f"--output {output}", f"there is no folder {output.parent}", "Make it first") from None
    finally:
        beside.unlink(missing_ok=True)
    return count


def _write_lines(article: TaggedArticle, file: IO[str], model_id: str) -> int:
    for index, sentence in enumerate(article.sentences):
        row = {
            "article_id": article.id,
            "index": index,
            "start": sentence.start,
            "end": sentence.end,
            "text": sentence.text,
            "labels": list(sentence.labels),
            "scores": {name: round(score, 4) for name, score in sentence.scores.items()},
            "model": model_id,
        }
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return len(article.sentences)
