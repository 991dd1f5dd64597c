"""The corpus as a DatasetDict: the same rows, and no label that the schema lacks."""

from __future__ import annotations

import pytest

from pactag.corpus.hub import as_datasets
from pactag.corpus.rows import Corpus, Row


@pytest.fixture(scope="module")
def dataset(schema):
    rows = {
        "train": (Row("a", 0, "We will strike.", ("threat",), "Port", {"topic": "strikes"}), Row("a", 1, "It rains.", (), "Port")),
        "validation": (Row("b", 0, "Stop, or we sue.", ("threat", "condition"), None),),
        "test": (Row("c", 0, "The port has 14 pilots.", ()),),
    }
    return as_datasets(Corpus(rows), schema)


def test_splits_have_their_rows(dataset):
    assert {name: part.num_rows for name, part in dataset.items()} == {"train": 2, "validation": 1, "test": 1}


def test_row_reads_back(dataset, schema):
    row = dataset["validation"][0]
    assert (row["article_id"], row["index"], row["title"], row["text"]) == ("b", 0, None, "Stop, or we sue.")
    assert [schema.names[number] for number in row["labels"]] == ["threat", "condition"]


def test_label_numbers_are_those_of_the_schema(dataset, schema):
    assert dataset["train"].features["labels"].feature.names == list(schema.names)


def test_every_split_has_the_same_features(dataset):
    assert dataset["test"].features == dataset["train"].features
    assert set(dataset["train"].column_names) == {"article_id", "index", "title", "text", "labels"}


def test_foreign_label_cannot_enter(schema):
    with pytest.raises(ValueError, match="treat"):
        as_datasets(Corpus({"train": (Row("a", 0, "x", ("treat",)),)}), schema)


def test_split_without_rows_is_an_empty_dataset(schema):
    found = as_datasets(Corpus({"train": (Row("a", 0, "x", ("threat",)),), "test": ()}), schema)
    assert found["test"].num_rows == 0
    assert found["test"].features == found["train"].features
