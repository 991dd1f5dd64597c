"""Commands on labelled data: `data check`, `data stats`, `data build`, `data agreement`, `data add`, `data adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pactag.cli.models import JsonOption, ModelOption, StoreOption, load_tagger
from pactag.cli.show import agreement_table, err, out, show_error, show_json
from pactag.cli.tag import InputFormatOption, tell_unread
from pactag.corpus.rows import read_corpus
from pactag.errors import PactagError
from pactag.schema import DEFAULT_SCHEMA, check_same_labels, load_schema

data_app = typer.Typer(help="The labelled corpus: check it, count it, build it.", no_args_is_help=True)

CorpusArgument = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder with train.jsonl, validation.jsonl and test.jsonl.")]
SchemaOption = Annotated[Path, typer.Option("--schema", help="Schema file.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder with articles/, annotations/ and splits.json.")]


@data_app.command("check")
def check(folder: CorpusArgument = Path("data/corpus"), schema_file: SchemaOption = DEFAULT_SCHEMA) -> None:
    """Check every row of a corpus, and that it does not repeat itself. Exit code 2 when anything is wrong."""
    from pactag.corpus.repetition import OPENING_MAX_SHARE, SEQUENCE_MAX_SHARE, repetition

    corpus = read_corpus(folder, load_schema(schema_file))
    out.print(f"[green]ok[/] {len(corpus.rows)} rows are well-formed, no article stands in two splits")
    found = repetition(corpus.rows)
    out.print(f"most shared eight words: in {found.longest_spread:.2%} of {found.articles} articles (allowed {SEQUENCE_MAX_SHARE:.1%})")
    out.print(
        f"sentences that open like those of more than five articles: {found.opening_share:.2%} (allowed below {OPENING_MAX_SHARE:.0%})"
    )
    out.print(f"near-duplicates across articles: {len(found.duplicates)} (allowed 0)")
    if not found.passes:
        for text, articles in list(found.too_frequent.items())[:20]:
            err.print(f"[bold red]error[/] eight words in {escape(', '.join(articles))}: {escape(text)}")
        for one, other in found.duplicates[:20]:
            err.print(f"[bold red]error[/] {escape(one)} and {escape(other)} are near-duplicates")
        if found.opening_share >= OPENING_MAX_SHARE:
            worst = ", ".join(f"{escape(text)!r} ({count})" for text, count in list(found.openings.items())[:10])
            err.print(f"[bold red]error[/] too many sentences open alike: {worst}")
        raise typer.Exit(2)


@data_app.command("stats")
def stats(folder: CorpusArgument = Path("data/corpus"), schema_file: SchemaOption = DEFAULT_SCHEMA, as_json: JsonOption = False) -> None:
    """Count sentences, labels, pairs of labels, topics and registers."""
    from pactag.corpus.stats import corpus_stats

    schema = load_schema(schema_file)
    figures = corpus_stats(read_corpus(folder, schema), schema)
    if as_json:
        show_json(figures)
        return
    parts = {**figures["splits"], "all": figures["all"]}
    table = Table(title=escape(f"{folder}  digest {figures['digest'][:12]}"), title_justify="left", title_style="bold")
    table.add_column("")
    for name in parts:
        table.add_column(name, justify="right")
    for key in ("articles", "sentences", "words_per_sentence", "no_label"):
        table.add_row(key.replace("_", " "), *(str(part[key]) for part in parts.values()))
    table.add_row("no label, share", *(f"{part['no_label_share']:.1%}" for part in parts.values()))
    for group in ("labels", "pairs"):
        table.add_section()
        for key in figures["all"][group]:
            table.add_row(key, *(str(part[group][key]) for part in parts.values()))
    table.add_row("three or more", *(str(part["three_or_more"]) for part in parts.values()))
    out.print(table)
    for field in ("topic", "register", "writer"):
        counts = figures.get(f"articles_by_{field}")
        if counts:
            out.print(f"[bold]articles by {field}[/] ({len(counts)}): " + ", ".join(f"{escape(k)} {n}" for k, n in counts.items()))


@data_app.command("build")
def build(
    data: DataOption = Path("data"),
    schema_file: SchemaOption = DEFAULT_SCHEMA,
    readers: Annotated[int, typer.Option(min=1, help="Leave out articles with fewer independent annotation passes.")] = 2,
) -> None:
    """Build corpus/ from the written articles and the annotation passes. Writes nothing when anything is wrong."""
    from pactag.corpus.build import build_corpus

    built = build_corpus(data, load_schema(schema_file), readers=readers)
    for split, rows in built.splits.items():
        out.print(f"{split}: {len(rows)} sentences in {len({row.article_id for row in rows})} articles")
    empty = [split for split, rows in built.splits.items() if not rows]
    if empty:
        err.print(
            f"[bold yellow]empty[/] {', '.join(f'{split}.jsonl' for split in empty)}: no command reads the corpus until there are more "
            "articles, and splits.json names held_out_topics or held_out_writers for the test split"
        )
    if built.unread:
        out.print(f"{len(built.unread)} articles have been labelled by fewer than {readers} readers and are left out")


@data_app.command("agreement")
def agreement(data: DataOption = Path("data"), schema_file: SchemaOption = DEFAULT_SCHEMA, as_json: JsonOption = False) -> None:
    """How far the independent annotation passes agree: kappa, alpha and F1 per label."""
    from pactag.corpus.agreement import agreement as measure
    from pactag.corpus.build import ANNOTATIONS, ARTICLES
    from pactag.corpus.passes import read_passes
    from pactag.corpus.written import read_articles

    schema = load_schema(schema_file)
    articles = read_articles(data / ARTICLES, schema)
    found = measure(articles, read_passes(data / ANNOTATIONS, articles, schema), schema)
    if as_json:
        show_json([vars(item) for item in found])
        return
    for item in found:
        out.print(agreement_table(item, schema))


@data_app.command("add")
def add(
    files: Annotated[
        list[Path], typer.Argument(metavar="JUDGEMENTS...", help="Files that `annotate import` wrote, settled ones included.")
    ],
    corpus: Annotated[
        Path,
        typer.Option("--to", metavar="CORPUS", help="Folder with train.jsonl, validation.jsonl and test.jsonl; a new one begins a corpus."),
    ],
    readers: Annotated[int, typer.Option(min=1, help="How many annotators must agree where nobody has settled.")] = 2,
    test: Annotated[
        list[str] | None, typer.Option("--test", metavar="ARTICLE", help="Hold this new article out for testing. Repeatable.")
    ] = None,
    validation_share: Annotated[float, typer.Option(min=0.01, max=0.5, help="Share of the other new sentences for validation.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the split.")] = 1,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take articles of which only some sentences were judged, as `annotate next` chooses them.")
    ] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="Sentences that stand in the corpus get the labels settled here (`annotate suspects`).")
    ] = False,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
) -> None:
    """Add judged and settled articles to a corpus. Old articles keep their split; nothing is written when anything is wrong."""
    from pactag.annotation.judgements import read_judgements
    from pactag.annotation.merging import add_to_corpus

    schema = load_schema(schema_file)
    judgements = read_judgements(files, schema)
    added = add_to_corpus(
        judgements,
        corpus,
        schema,
        readers=readers,
        test=test or [],
        validation_share=validation_share,
        seed=seed,
        partial=partial,
        correct=correct,
    )
    for split, rows in added.rows.items():
        out.print(f"{split}: {len(rows)} new sentences in {len({row.article_id for row in rows})} articles")
    if correct:
        out.print(f"{len(added.corrected)} sentences corrected")
    if added.left_out:
        out.print(f"{len(added.left_out)} sentences that nobody judged left out: {escape(', '.join(added.left_out[:10]))}")
    out.print(f"digest {added.digest}")


@data_app.command("adapt")
def adapt(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Articles that nobody labelled, as `pactag tag` reads them.")],
    model: ModelOption,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="A new corpus folder.")],
    corpus: Annotated[Path, typer.Option("--corpus", help="Folder with train.jsonl, validation.jsonl and test.jsonl.")] = Path(
        "data/corpus"
    ),
    input_format: InputFormatOption = None,
    schema_file: SchemaOption = DEFAULT_SCHEMA,
    tracking_uri: StoreOption = None,
) -> None:
    """Add articles to the training split with the labels that a model gives them, so that a smaller one learns your kind of news.

    Worth it with a model that is better than the one to train, such as `mpnet-base` for `minilm`. The other splits stay as they are.
    """
    from pactag.adapting import adapt_corpus
    from pactag.inputs import read_articles

    schema = load_schema(schema_file)
    tagger = load_tagger(model, tracking_uri)
    check_same_labels(schema.names, tagger.schema.names, where=model)
    unread: list[PactagError] = []
    articles = tagger.tag_many(read_articles(inputs, kind=input_format, on_error=unread.append))
    try:
        added = adapt_corpus(corpus, articles, output, schema)
    except PactagError:
        for error in unread:
            show_error(error)
        raise
    out.print(f"train: {added.sentences} sentences of {added.articles} articles added, {added.with_label} with a label")
    if added.left_out:
        out.print(f"{added.left_out} articles left out: they are there already, or share a sentence with the validation or test split")
    out.print(f"digest {added.digest}")
    tell_unread(unread)
