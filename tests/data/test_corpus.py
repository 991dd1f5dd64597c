"""The shipped corpus keeps its promises."""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from scipy.stats import binomtest

from pactag.corpus.agreement import agreement
from pactag.corpus.build import build_corpus, read_split_plan
from pactag.corpus.hub import as_datasets
from pactag.corpus.passes import read_passes
from pactag.corpus.repetition import repetition
from pactag.corpus.rows import by_article, read_corpus
from pactag.corpus.stats import corpus_stats
from pactag.corpus.written import read_articles

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def corpus(schema):
    return read_corpus(DATA / "corpus", schema)


@pytest.fixture(scope="module")
def stats(corpus, schema):
    return corpus_stats(corpus, schema)


def test_it_is_large_enough(stats):
    assert stats["all"]["articles"] >= 600
    assert stats["all"]["sentences"] >= 8000


def test_half_to_two_thirds_of_the_sentences_carry_no_label(stats):
    assert 0.5 <= stats["all"]["no_label_share"] <= 0.67


def test_label_rates_of_the_splits_are_alike(stats):
    for name in stats["all"]["labels"]:
        rates = [part["labels"][name] / part["sentences"] for split, part in stats["splits"].items() if split != "test"]
        assert max(rates) - min(rates) < 0.03


def test_no_text_is_repeated_between_articles(corpus):
    found = repetition(corpus.rows)
    assert found.too_frequent == {}
    assert found.duplicates == ()
    assert found.opening_share < 0.05


def test_test_split_holds_out_whole_topics_and_writers(corpus):
    plan = read_split_plan(DATA / "splits.json")
    for split in ("train", "validation"):
        assert {row.extra["topic"] for row in corpus[split]}.isdisjoint(plan.held_out_topics)
        assert {row.extra["writer"] for row in corpus[split]}.isdisjoint(plan.held_out_writers)


def test_corpus_is_what_articles_and_annotations_build(corpus, schema, tmp_path):
    for name in ("articles", "annotations"):
        (tmp_path / name).symlink_to(DATA / name)
    (tmp_path / "splits.json").write_bytes((DATA / "splits.json").read_bytes())
    build_corpus(tmp_path, schema)
    for name in ("corpus/train.jsonl", "corpus/validation.jsonl", "corpus/test.jsonl", "splits.json"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


def test_features_are_checked_in_datasets(corpus, schema):
    loaded = as_datasets(corpus, schema)
    assert loaded["train"].features["labels"].feature.names == list(schema.names)
    assert loaded.num_rows == {split: len(rows) for split, rows in corpus.splits.items()}


def test_it_loads_with_datasets_alone(corpus):
    import datasets

    files = {split: str(DATA / f"corpus/{split}.jsonl") for split in corpus.splits}
    loaded = datasets.load_dataset("json", data_files=files)
    assert loaded.num_rows == {split: len(rows) for split, rows in corpus.splits.items()}


def test_articles_have_one_topic_register_and_writer(corpus):
    for rows in by_article(corpus.rows).values():
        for field in ("topic", "register", "writer", "date"):
            assert len({row.extra[field] for row in rows}) == 1


def test_every_label_is_frequent_enough_to_learn(stats):
    assert min(stats["all"]["labels"].values()) >= 700


def test_every_pair_of_labels_is_frequent_enough_to_learn(stats, schema):
    assert all(stats["all"]["pairs"][f"{a}+{b}"] >= 60 for a, b in combinations(schema.names, 2))


def test_independent_readers_agree_on_every_label(schema):
    articles = read_articles(DATA / "articles", schema)
    found = agreement(articles, read_passes(DATA / "annotations", articles, schema), schema)
    assert min(kappa for pair in found for kappa in pair.kappa if kappa is not None) >= 0.85


def test_every_settled_difference_has_its_reason(schema):
    articles = read_articles(DATA / "articles", schema)
    for record in read_passes(DATA / "annotations", articles, schema).adjudicated.values():
        assert set(record.reasons) == set(record.judged or ())


def test_topics_are_filled_evenly(stats):
    # Quiet news is written on purpose more often than any single topic, wars and elections more often than schools; held-out
    # topics stand in no later plan.
    elsewhere = {"everyday news", *read_split_plan(DATA / "splits.json").held_out_topics}
    counts = [count for topic, count in stats["articles_by_topic"].items() if topic not in elsewhere]
    assert len(counts) == 45
    assert max(counts) <= 2.25 * min(counts)


def test_every_register_has_its_articles(stats):
    # The later writers were asked for the registers of plain news more often.
    assert len(stats["articles_by_register"]) == 15
    assert min(stats["articles_by_register"].values()) >= 50


def test_no_row_holds_what_a_writer_intended():
    for split in ("train", "validation", "test"):
        first = json.loads((DATA / f"corpus/{split}.jsonl").read_text(encoding="utf-8").partition("\n")[0])
        assert "intent" not in first


def test_each_kind_of_hard_negative_stands_in_sixty_sentences_at_least(corpus):
    """`hard-negatives.csv` sorts a random sample of the sentences without a label; the bound is Wilson's, at 95%."""
    rows = list(csv.DictReader((DATA / "hard-negatives.csv").open(encoding="utf-8")))
    unlabelled = {row.id for row in corpus.rows if not row.labels}
    assert {f"{row['article_id']}:{row['index']}" for row in rows} <= unlabelled
    counts = Counter(kind for row in rows for kind in row["kinds"].split())
    assert len(counts) == 14
    for kind, count in counts.items():
        least = binomtest(count, len(rows)).proportion_ci(method="wilson").low * len(unlabelled)
        assert least >= 60, kind
