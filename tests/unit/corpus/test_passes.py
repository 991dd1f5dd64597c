"""Annotation passes: who judged what, and records that do not fit told with their line."""

from __future__ import annotations

import pytest

from pactag.corpus.passes import PassRecord, read_passes
from pactag.corpus.written import read_articles
from pactag.errors import CorpusError


@pytest.fixture
def passes(data_folder, schema):
    """Reads the passes on one article of three sentences."""
    data_folder.article("a", "One.", "Two.", "Three.")
    return lambda: read_passes(data_folder.root / "annotations", read_articles(data_folder.root / "articles", schema), schema)


@pytest.fixture
def problems(data_folder, passes):
    def of() -> list[str]:
        with pytest.raises(CorpusError) as error:
            passes()
        return [str(problem).replace(f"{data_folder.root}/annotations/", "") for problem in error.value.problems]

    return of


def test_unnamed_sentences_have_no_label(data_folder, passes):
    data_folder.reading("anna", "a", {1: ["threat"]})
    record = passes().by_reader["anna"]["a"]
    assert [record.of(index) for index in range(3)] == [frozenset(), {"threat"}, frozenset()]


def test_sentences_outside_those_judged_have_no_view(data_folder, passes):
    data_folder.reading("anna", "a", {1: ["threat"]}, judged=[1, 2])
    record = passes().by_reader["anna"]["a"]
    assert [record.of(index) for index in range(3)] == [None, {"threat"}, frozenset()]


def test_a_reader_who_judged_nothing_has_no_view():
    assert PassRecord(article_id="a", digest="d", judged=(), labels={}).of(0) is None


def test_adjudicator_is_not_an_independent_reader(data_folder, passes):
    for reader in ("anna", "ben", "adjudicated"):
        data_folder.reading(reader, "a")
    found = passes()
    assert set(found.independent) == {"anna", "ben"}
    assert set(found.adjudicated) == {"a"}


def test_readings_of_doubted_sentences_are_no_pass(data_folder, passes):
    for reader in ("anna", "ben", "reread"):
        data_folder.reading(reader, "a")
    found = passes()
    assert set(found.independent) == {"anna", "ben"}


def test_without_adjudicator_nothing_is_adjudicated(data_folder, passes):
    data_folder.reading("anna", "a")
    assert passes().adjudicated == {}


def test_no_passes_are_no_mistake(passes):
    assert passes().by_reader == {}


def test_reasons_are_kept(data_folder, passes):
    data_folder.reading("adjudicated", "a", {0: ["threat"]}, reasons={"0": "“will strike” – G5"})
    assert passes().adjudicated["a"].reasons == {0: "“will strike” – G5"}


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b"], ids=["line separator", "next line", "vertical tab"])
def test_only_a_line_feed_ends_a_record(data_folder, passes, mark: str):
    line = data_folder.reading("anna", "a", {0: ["threat"]}, reasons={"0": f"first{mark}second"}).read_text()
    assert line.count("\n") == 1
    assert passes().by_reader["anna"]["a"].reasons[0] == f"first{mark}second"


# Mistakes


def test_invalid_json_is_told(data_folder, problems):
    data_folder.line("anna", '{"article_id": "a"')
    (found,) = problems()
    assert found.startswith("anna/pass.jsonl:1: is no pass record (Expecting ',' delimiter")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"digest": None}, "digest"), ({"labels": {"0": "threat"}}, "labels.0"), ({"lables": {}}, "lables"), ({"judged": ["x"]}, "judged.0")],
    ids=["missing", "no list", "unknown", "no number"],
)
def test_wrong_field_is_told_by_name(data_folder, problems, change, field: str):
    data_folder.reading("anna", "a", **change)
    (found,) = problems()
    assert found.startswith("anna/pass.jsonl:1: ")
    assert field in found


def test_other_encoding_is_told(data_folder, problems):
    data_folder.line("anna", '{"article_id": "ü"}'.encode("latin-1"))
    (found,) = problems()
    assert found.startswith("anna/pass.jsonl")
    assert "not valid UTF-8" in found


def test_unknown_article_is_told(data_folder, problems):
    data_folder.reading("anna", "b")
    assert problems() == ["anna/pass.jsonl:1: unknown article 'b'. Remove the record, or restore the article"]


def test_record_for_another_text_is_told_with_both_digests(data_folder, problems):
    data_folder.reading("anna", "a", digest="0123456789ab")
    told = f"anna/pass.jsonl:1: was made for another text of a (0123456789ab, now {data_folder.digests['a']})"
    assert problems() == [f"{told}. Read the article again, and replace the record"]


@pytest.mark.parametrize("place", ["labels", "reasons", "judged"])
@pytest.mark.parametrize("index", [3, -1])
def test_sentence_that_the_article_lacks_is_told(data_folder, problems, place: str, index: int):
    value = {"labels": {str(index): []}, "reasons": {str(index): "why"}, "judged": [index]}[place]
    data_folder.reading("anna", "a", **{place: value})
    assert problems() == [f"anna/pass.jsonl:1: a has no sentence {index}. It has 0 to 2"]


def test_unknown_label_is_told(data_folder, problems):
    data_folder.reading("anna", "a", {0: ["threat", "treat"]})
    assert problems() == ["anna/pass.jsonl:1: unknown label 'treat'. The schema has: proposal, accusation, threat, condition"]


def test_article_read_twice_by_one_reader_is_told(data_folder, problems):
    data_folder.reading("anna", "a")
    data_folder.reading("anna", "a")
    assert problems() == ["anna/pass.jsonl:2: a was read by anna already. Keep one record"]


def test_mistakes_of_all_readers_are_told_together(data_folder, problems):
    data_folder.reading("ben", "a", {0: ["treat"], 7: []})
    data_folder.line("anna", "nonsense")
    data_folder.reading("anna", "b")
    assert [line.split(": ")[0] for line in problems()] == [
        "anna/pass.jsonl:1",
        "anna/pass.jsonl:2",
        "ben/pass.jsonl:1",
        "ben/pass.jsonl:1",
    ]
