"""From written articles and annotation passes to the labelled corpus, byte for byte the same each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pactag.corpus.passes import Passes, read_passes
from pactag.corpus.rows import SPLITS, Row
from pactag.corpus.splits import assign_splits
from pactag.corpus.written import WrittenArticle, read_articles
from pactag.errors import CorpusError, Problem
from pactag.schema import Schema
from pactag.whole_files import write_whole

ARTICLES, ANNOTATIONS, CORPUS, SPLIT_FILE = "articles", "annotations", "corpus", "splits.json"


class SplitPlan(BaseModel):
    """`splits.json`: what the test split holds out whole, and the place of every article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 1
    validation_share: float = Field(0.15, gt=0, le=0.5)
    held_out_topics: tuple[str, ...] = ()
    held_out_writers: tuple[str, ...] = ()
    articles: dict[str, Literal["train", "validation", "test"]] = {}


@dataclass(frozen=True)
class Built:
    """What a build made: rows by split, and articles that too few readers have labelled yet."""

    splits: Mapping[str, tuple[Row, ...]]
    unread: tuple[str, ...]


def build_corpus(data: Path, schema: Schema, *, readers: int = 2) -> Built:
    """Read `articles/`, `annotations/` and `splits.json` of a data folder; write `corpus/*.jsonl` and the completed `splits.json`.

    :param readers: articles with fewer independent passes than this are left out.

    :raises CorpusError: for malformed input, for sentences on which readers differ or which too few judged and nobody has settled, when no
        article is left, and when the plan of a corpus that stands there is missing. Nothing is written then.
    """
    articles = read_articles(data / ARTICLES, schema)
    if (data / CORPUS).exists() and not (data / CORPUS).is_dir():
        raise CorpusError(str(data / CORPUS), "is a file, where the corpus goes", "Remove it")
    passes = read_passes(data / ANNOTATIONS, articles, schema)
    plan = read_split_plan(data / SPLIT_FILE)
    if not (data / SPLIT_FILE).exists() and any((data / CORPUS / f"{split}.jsonl").exists() for split in SPLITS):
        found = f"is not there, while {data / CORPUS} holds a corpus whose articles would be split anew"
        raise CorpusError(str(data / SPLIT_FILE), found, f"Restore it, or remove {data / CORPUS} to begin again")
    gold, problems = settle(articles, passes, schema, readers=readers)
    if problems:
        raise CorpusError.of(problems)
    # Empty files would take the place of a corpus that may stand there.
    if not gold:
        found = f"none of {len(articles)} articles has been labelled by {readers} readers"
        raise CorpusError(str(data / ANNOTATIONS), found, "Add their passes, or give a smaller --readers")
    vectors = {article: schema.encode_many(labels) for article, labels in gold.items()}
    held_out = [a for a in gold if articles[a].topic in plan.held_out_topics or articles[a].writer in plan.held_out_writers]
    place = assign_splits(vectors, existing=plan.articles, held_out=held_out, validation_share=plan.validation_share, seed=plan.seed)
    splits = {
        split: tuple(row for article in sorted(gold) if place[article] == split for row in _rows(articles[article], gold[article]))
        for split in SPLITS
    }
    complete = plan.model_copy(update={"articles": {**plan.articles, **place}})
    (data / CORPUS).mkdir(exist_ok=True)
    for split, rows in splits.items():
        write_whole(data / CORPUS / f"{split}.jsonl", "".join(row.to_json() + "\n" for row in rows))
    write_whole(data / SPLIT_FILE, json.dumps(complete.model_dump(mode="json"), indent=1, sort_keys=True) + "\n")
    return Built(splits, tuple(article for article in articles if article not in gold))


def read_split_plan(path: Path) -> SplitPlan:
    """Read `splits.json`; an absent file is an empty plan.

    :raises CorpusError: when it is malformed.
    """
    if not path.exists():
        return SplitPlan()
    if not path.is_file():
        raise CorpusError(str(path), "is a directory", "Restore it from git, or remove it")
    try:
        return SplitPlan.model_validate_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as bad:
        raise CorpusError(str(path), f"byte {bad.start} is not valid UTF-8", "Restore it from git") from None
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['input']!r}: {item['msg']}" for item in error.errors())
        raise CorpusError(str(path), f"is no split plan ({told})", "Restore it from git") from None


def settle(
    articles: Mapping[str, WrittenArticle], passes: Passes, schema: Schema, *, readers: int = 2
) -> tuple[dict[str, list[tuple[str, ...]]], list[Problem]]:
    """Gold labels per sentence of every article that enough readers have labelled.

    A sentence has the adjudicator's labels where there are any, else what all readers say.
    """
    gold: dict[str, list[tuple[str, ...]]] = {}
    problems = []
    for article in articles.values():
        records = [records[article.id] for records in passes.independent.values() if article.id in records]
        if len(records) < readers:
            continue
        settled = passes.adjudicated.get(article.id)
        labels: list[tuple[str, ...]] = []
        for index in range(len(article.sentences)):
            final = settled.of(index) if settled else None
            if final is None:
                seen = [view for record in records if (view := record.of(index)) is not None]
                views = set(seen)
                if len(views) != 1 or len(seen) < readers:
                    judged = f"was judged by {len(seen)} of {readers} readers" if seen else "nobody judged it"
                    found = "readers differ" if len(views) > 1 else judged
                    problems.append(Problem(f"{article.id}:{index}", found, "Settle it in annotations/adjudicated/"))
                    continue
                final = views.pop()
            labels.append(schema.in_order(final))
        gold[article.id] = labels
    return gold, problems


def _rows(article: WrittenArticle, gold: list[tuple[str, ...]]) -> list[Row]:
    about = {"date": article.date, "topic": article.topic, "register": article.register, "writer": article.writer}
    return [
        Row(article.id, index, sentence.text, labels, article.title, {"paragraph": sentence.paragraph, **about})
        for index, (sentence, labels) in enumerate(zip(article.sentences, gold, strict=True))
    ]
