"""Agreement of readers, against figures worked out by hand."""

from __future__ import annotations

import pytest

from pactag.corpus.agreement import agreement
from pactag.corpus.passes import read_passes
from pactag.corpus.written import read_articles
from pactag.errors import CorpusError

LABELS = ("proposal", "accusation", "threat", "condition")
# Every label stands somewhere and is missing elsewhere, so that each figure is defined.
SPREAD = {0: ["proposal"], 1: ["accusation"], 2: ["threat"], 3: ["condition"]}


@pytest.fixture
def measured(data_folder, schema):
    def of():
        articles = read_articles(data_folder.root / "articles", schema)
        return agreement(articles, read_passes(data_folder.root / "annotations", articles, schema), schema)

    return of


@pytest.fixture
def ten(data_folder):
    """One article of ten sentences."""
    data_folder.article("a", *(f"Sentence {i}." for i in range(10)))
    return data_folder


def test_readers_who_agree_in_all_have_figures_of_one(ten, measured):
    ten.reading("anna", "a", SPREAD)
    ten.reading("ben", "a", SPREAD)
    (found,) = measured()
    assert (found.readers, found.sentences, found.differing) == (("anna", "ben"), 10, 0)
    assert found.kappa == found.alpha == found.f1 == (1.0,) * 4


def test_figures_of_a_worked_example(ten, measured):
    ten.reading("anna", "a", {**SPREAD, 4: ["threat"], 5: ["threat"]})
    ten.reading("ben", "a", {**SPREAD, 4: ["threat"], 6: ["threat"]})
    (found,) = measured()
    threat = LABELS.index("threat")
    # Both say yes twice, both say no six times, each says yes alone once.
    observed, expected = 0.8, 0.3 * 0.3 + 0.7 * 0.7
    assert found.differing == 2
    assert found.kappa[threat] == pytest.approx((observed - expected) / (1 - expected))
    # Krippendorff: of 20 values 6 are yes and 14 no; 4 of the 20 ordered pairs differ.
    assert found.alpha[threat] == pytest.approx(1 - (4 / 20) / (2 * 6 * 14 / (20 * 19)))
    assert found.f1[threat] == pytest.approx(2 / 3)


def test_only_sentences_that_both_judged_count(ten, measured):
    ten.reading("anna", "a", SPREAD, judged=list(range(6)))
    ten.reading("ben", "a", {**SPREAD, 9: ["threat"]})
    (found,) = measured()
    assert (found.sentences, found.differing) == (6, 0)


def test_every_two_readers_are_compared(ten, measured):
    for reader in ("cleo", "anna", "ben"):
        ten.reading(reader, "a", SPREAD)
    assert [found.readers for found in measured()] == [("anna", "ben"), ("anna", "cleo"), ("ben", "cleo")]


def test_adjudicator_is_not_compared(ten, measured):
    for reader in ("anna", "ben", "adjudicated"):
        ten.reading(reader, "a", SPREAD)
    assert [found.readers for found in measured()] == [("anna", "ben")]


def test_sentences_of_several_articles_count_together(ten, measured):
    ten.article("b", "One.", "Two.")
    for reader in ("anna", "ben"):
        ten.reading(reader, "a", SPREAD)
        ten.reading(reader, "b")
    assert measured()[0].sentences == 12


@pytest.mark.filterwarnings("error")
def test_label_that_neither_reader_gave_has_no_figures(ten, measured):
    for reader in ("anna", "ben"):
        ten.reading(reader, "a", {0: ["proposal"]})
    (found,) = measured()
    assert found.kappa == found.alpha == found.f1 == (1.0, None, None, None)


def test_label_that_both_readers_gave_everywhere_has_figures_of_one(ten, measured):
    for reader in ("anna", "ben"):
        ten.reading(reader, "a", {i: ["proposal"] for i in range(10)})
    assert measured()[0].kappa[0] == 1.0


def test_readers_without_a_common_sentence_are_told(ten, measured):
    ten.reading("anna", "a", judged=[0])
    ten.reading("ben", "a", judged=[1])
    with pytest.raises(CorpusError, match=r"annotations: no two readers judged the same sentence\. Have some articles read twice"):
        measured()


def test_a_single_reader_is_told(ten, measured):
    ten.reading("anna", "a", SPREAD)
    with pytest.raises(CorpusError, match="no two readers"):
        measured()
