"""Corpus rows: what a file holds is what comes out, and every mistake is told with file and line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pactag.corpus.rows import Corpus, Row, by_article, digest_of, labelled_sentences, read_corpus, read_rows
from pactag.errors import CorpusError
from pactag.sentences import SentenceInput


@pytest.fixture
def problems(corpus_folder, schema):
    """The problems of a corpus, file names without their folder."""

    def of(**splits) -> list[str]:
        folder = corpus_folder(**splits)
        with pytest.raises(CorpusError) as error:
            read_corpus(folder, schema)
        return [str(problem).replace(f"{folder}/", "") for problem in error.value.problems]

    return of


# Reading


def test_rows_are_read_by_split(corpus_folder, line_of, schema):
    folder = corpus_folder(test=[line_of("t", 0, "We will strike.", ["threat"])])
    corpus = read_corpus(folder, schema)
    assert corpus["test"] == (Row("t", 0, "We will strike.", ("threat",), "Port talks"),)
    assert list(corpus.splits) == ["train", "validation", "test"]


def test_all_rows_are_those_of_the_splits_in_order(corpus_folder, schema):
    assert [row.article_id for row in read_corpus(corpus_folder(), schema).rows] == ["only-train", "only-validation", "only-test"]


def test_labels_take_the_order_of_the_schema(corpus_folder, line_of, schema):
    folder = corpus_folder(train=[line_of(labels=reversed(schema.names))])
    assert read_corpus(folder, schema)["train"][0].labels == schema.names


def test_further_fields_are_kept(corpus_folder, line_of, schema):
    folder = corpus_folder(train=[line_of(topic="strikes", paragraph=2)])
    assert read_corpus(folder, schema)["train"][0].extra == {"topic": "strikes", "paragraph": 2}


def test_title_may_be_absent_or_null(corpus_folder, line_of, schema):
    without = json.dumps({name: value for name, value in json.loads(line_of("b")).items() if name != "title"})
    folder = corpus_folder(train=[line_of("a", title=None), without])
    assert [row.title for row in read_corpus(folder, schema)["train"]] == [None, None]


def test_blank_lines_and_windows_line_ends_are_passed_over(corpus_folder, line_of, schema):
    folder = corpus_folder(train=["", line_of("a", 0) + "\r", "   ", line_of("a", 1) + "\r", ""])
    assert [row.id for row in read_corpus(folder, schema)["train"]] == ["a:0", "a:1"]


def test_split_is_in_article_order_whatever_the_order_of_the_lines(corpus_folder, line_of, schema):
    folder = corpus_folder(train=[line_of("a", 1), line_of("b", 0), line_of("a", 0)])
    assert [row.id for row in read_corpus(folder, schema)["train"]] == ["a:0", "a:1", "b:0"]


def test_one_file_can_be_read_alone(tmp_path, line_of, schema):
    (tmp_path / "more.jsonl").write_text(line_of("a", 0) + "\n" + line_of("a", 1) + "\n")
    assert [row.id for row in read_rows(tmp_path / "more.jsonl", schema)] == ["a:0", "a:1"]


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@settings(max_examples=100)
@given(article=TEXTS, text=TEXTS, title=st.none() | st.text(), labels=st.sets(st.integers(0, 3)), topic=st.text())
def test_written_row_reads_back_as_itself(schema, tmp_path_factory, article, text, title, labels, topic):
    row = Row(article, 0, text, tuple(schema.names[i] for i in sorted(labels)), title, {"topic": topic})
    path = tmp_path_factory.getbasetemp() / "round_trip.jsonl"
    path.write_text(row.to_json() + "\n", encoding="utf-8", newline="\n")
    assert read_rows(path, schema) == (row,)


def test_line_reads_as_people_write(line_of):
    assert '"text": "Zürich – „ja“"' in Row("a", 0, "Zürich – „ja“", ()).to_json()


# Digest


ROWS = {"train": (Row("a", 0, "One.", ("threat",)), Row("a", 1, "Two.", ())), "test": (Row("b", 0, "Three.", ()),)}


def test_digest_is_that_of_the_content():
    assert Corpus(ROWS).digest == digest_of({name: list(rows) for name, rows in reversed(ROWS.items())})
    assert len(Corpus(ROWS).digest) == 64


def test_digest_ignores_fields_that_no_model_sees():
    other = {**ROWS, "test": (Row("b", 0, "Three.", (), None, {"topic": "strikes"}),)}
    assert digest_of(other) == digest_of(ROWS)


@pytest.mark.parametrize(
    "row",
    [Row("b", 0, "Three!", ()), Row("b", 0, "Three.", ("threat",)), Row("c", 0, "Three.", ()), Row("b", 0, "Three.", (), "Title")],
    ids=["text", "labels", "article", "title"],
)
def test_digest_changes_with_what_a_model_sees(row: Row):
    assert digest_of({**ROWS, "test": (row,)}) != digest_of(ROWS)


def test_digest_changes_when_a_row_moves_to_another_split():
    assert digest_of({"train": ROWS["train"], "validation": ROWS["test"]}) != digest_of(ROWS)


# Classifier inputs


def test_articles_keep_their_order_and_sentences_go_by_index():
    rows = [Row("b", 1, "b1", ()), Row("a", 0, "a0", ()), Row("b", 0, "b0", ())]
    assert {name: [row.text for row in group] for name, group in by_article(rows).items()} == {"b": ["b0", "b1"], "a": ["a0"]}


def test_sentences_have_context_of_their_own_article_only(schema):
    rows = [Row("a", 0, "a0", ("threat",), "A"), Row("b", 0, "b0", (), "B"), Row("a", 1, "a1", (), "A")]
    sentences = labelled_sentences(rows, schema, preceding=3, with_title=True)
    assert sentences.inputs == (SentenceInput("a0", (), "A"), SentenceInput("a1", ("a0",), "A"), SentenceInput("b0", (), "B"))


def test_targets_ids_and_groups_belong_to_their_sentence(schema):
    rows = [Row("a", 1, "a1", ()), Row("b", 0, "b0", ("threat",)), Row("a", 0, "a0", ("proposal",))]
    sentences = labelled_sentences(rows, schema)
    assert (sentences.ids, sentences.groups) == (("a:0", "a:1", "b:0"), ("a", "a", "b"))
    np.testing.assert_array_equal(sentences.targets, schema.encode_many([["proposal"], [], ["threat"]]))
    assert len(sentences) == 3


def test_no_rows_give_no_sentences_with_all_labels(schema):
    assert labelled_sentences([], schema).targets.shape == (0, len(schema.names))


# Mistakes


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"text": " \n"}, "'text' is empty. Drop the line or give its sentence"),
        ({"text": None}, "'text' is None. It must be a str"),
        ({"article": " "}, "'article_id' is empty. Give every article a name"),
        ({"article": 7}, "'article_id' is 7. It must be a str"),
        ({"index": -1}, "'index' is -1. Count from 0"),
        ({"index": "0"}, "'index' is '0'. It must be a int"),
        ({"index": 0.0}, "'index' is 0.0. It must be a int"),
        ({"index": True}, "'index' is True. It must be a int"),
        ({"title": 3}, "'title' is 3. It must be a str or null"),
        ({"labels": ["treat"]}, "unknown label 'treat'. Did you mean 'threat'? The schema has: proposal, accusation, threat, condition"),
        ({"labels": ["xyz"]}, "unknown label 'xyz'. The schema has: proposal, accusation, threat, condition"),
        ({"labels": [["threat"]]}, "unknown label ['threat']. "),
        ({"labels": ["threat", "threat"]}, "a label is given twice in ['threat', 'threat']. Give each label once"),
    ],
)
def test_wrong_field_is_told_with_its_line(problems, line_of, change, told: str):
    (found,) = problems(validation=[line_of("fine"), line_of(**{"article": "bad", **change})])
    assert found.startswith(f"validation.jsonl:2: {told}")


def test_labels_that_are_no_list_are_told(problems):
    (found,) = problems(train=['{"article_id": "a", "index": 0, "text": "x", "labels": "threat"}'])
    assert found == "train.jsonl:1: 'labels' is 'threat'. It must be a list"


def test_missing_field_is_told_with_the_one_to_rename(problems):
    found = problems(train=['{"article": "a", "index": 0, "text": "x", "label": []}'])
    assert found == ["train.jsonl:1: has no 'article_id'. Rename 'article'", "train.jsonl:1: has no 'labels'. Rename 'label'"]


def test_missing_field_like_no_other_is_told_with_those_needed(problems):
    (found,) = problems(train=['{"article_id": "a", "index": 0, "labels": []}'])
    assert found == "train.jsonl:1: has no 'text'. Needed: article_id, index, text, labels"


@pytest.mark.parametrize("cut", ['{"article_id": "a", "ind', "{'article_id': 'a'}", "not json", '{"a": 1}}'])
def test_invalid_json_is_told_with_its_column(problems, line_of, cut: str):
    (found,) = problems(train=[line_of(), cut])
    assert found.startswith("train.jsonl:2: invalid JSON at column ")
    assert found.endswith("Write one JSON object a line")


@pytest.mark.parametrize(("line", "kind"), [("[1]", "list"), ('"x"', "str"), ("3", "int")])
def test_json_that_is_no_object_is_told(problems, line: str, kind: str):
    assert problems(train=[line]) == [f"train.jsonl:1: is a JSON {kind}, not an object. Write one JSON object a line"]


def test_wrong_encoding_is_told_with_its_byte(problems, line_of):
    (found,) = problems(train=[line_of(), line_of("b", text="Zürich").encode("latin-1")])
    column = line_of("b", text="Zürich").index("ü")
    assert found == f"train.jsonl:2: byte {column} (0xfc) is not valid UTF-8. Save the file as UTF-8"


@pytest.mark.parametrize("field", ["text", "title", "article_id"])
def test_lone_surrogate_is_told_because_no_file_can_hold_it(problems, field: str):
    row = {"article_id": "a", "index": 0, "title": "T", "text": "x", "labels": []}
    (found,) = problems(train=[json.dumps({**row, field: "cut \ud83d"})])
    assert found.startswith("train.jsonl:1: ")
    assert field in found


def test_lone_surrogate_in_a_sentence_before_is_told(problems):
    (found,) = problems(train=[json.dumps({"article_id": "a", "index": 3, "text": "x", "labels": [], "before": ["cut \ud83d"]})])
    assert found == "train.jsonl:1: 'before' holds half of a surrogate pair. Repair the character"


@pytest.mark.parametrize("line", ["[" * 100_000, '{"index": ' + "9" * 5000 + "}"], ids=["nested", "digits"])
def test_json_that_python_cannot_hold_is_told(problems, line: str):
    (found,) = problems(train=[line])
    assert found.startswith("train.jsonl:1: ")


def test_duplicate_sentence_is_told_with_both_lines(problems, line_of):
    (found,) = problems(train=[line_of("a", 0), line_of("a", 1), line_of("a", 0, "Other.")])
    assert found == "train.jsonl:3: sentence 'a:0' stands on line 1 already. Give each index once"


def test_article_in_two_splits_is_told_once_with_both_files(problems, line_of):
    lines = [line_of("a", 0), line_of("a", 1)]
    (found,) = problems(train=lines, test=[line_of("t"), *lines])
    assert found == "test.jsonl:2: article 'a' is in train.jsonl as well. An article belongs to one split"


@pytest.mark.parametrize("indices", [(0, 2), (1,), (0, 1, 3, 5)])
def test_gap_in_an_article_is_told_with_the_line_after_it(problems, line_of, indices):
    (found,) = problems(train=[line_of("a", index) for index in indices])
    broken = next(place for place, index in enumerate(indices) if place != index)
    assert found.startswith(f"train.jsonl:{broken + 1}: article 'a' goes from index {broken - 1} to {indices[broken]}. Count from 0")


@pytest.mark.parametrize("lines", [[], ["", " "]], ids=["empty", "blank"])
def test_file_without_sentences_is_told(problems, lines):
    assert problems(validation=lines) == ["validation.jsonl: holds no sentence. Give a JSONL file with one sentence a line"]


def test_missing_split_is_told(corpus_folder, schema):
    folder = corpus_folder()
    (folder / "test.jsonl").unlink()
    with pytest.raises(CorpusError, match=r"test\.jsonl: no such file. Give a JSONL file with one sentence a line"):
        read_corpus(folder, schema)


def test_missing_folder_is_told_once(tmp_path, schema):
    with pytest.raises(CorpusError) as error:
        read_corpus(tmp_path / "nowhere", schema)
    assert str(error.value).endswith("nowhere: is not a folder. Name a corpus folder holding train.jsonl, validation.jsonl, test.jsonl")


def test_folder_in_place_of_a_file_is_told(tmp_path, schema):
    with pytest.raises(CorpusError, match=r"is a directory\. Give a JSONL file"):
        read_rows(tmp_path, schema)


def test_path_that_goes_on_below_a_file_is_told(tmp_path, schema):
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(CorpusError, match=r"a\.jsonl/b\.jsonl"):
        read_rows(tmp_path / "a.jsonl" / "b.jsonl", schema)


def test_all_mistakes_of_all_files_are_told_together(problems, line_of):
    latin = line_of("e", text="Zürich")
    found = problems(
        train=[line_of("a", 0, labels=["treat"]), line_of("b"), line_of("b"), line_of("c", text="")],
        validation=[line_of("d"), "{broken", latin.encode("latin-1")],
        test=[line_of("t"), line_of("b")],
    )
    assert [line.split(".jsonl:")[0] + ":" + line.split(".jsonl:")[1].split(" (")[0].split(". ")[0] for line in found] == [
        "train:1: unknown label 'treat'",
        "train:3: sentence 'b:0' stands on line 2 already",
        "train:4: 'text' is empty",
        "validation:2: invalid JSON at column 2",
        f"validation:3: byte {latin.index('ü')}",
        "test:2: article 'b' is in train.jsonl as well",
    ]


def test_several_mistakes_of_one_row_are_told_together(problems, line_of):
    found = problems(train=[line_of(index=-1, text="", labels=["treat", "xyz"])])
    assert [line.split(". ")[0] for line in found] == [
        "train.jsonl:1: 'index' is -1",
        "train.jsonl:1: 'text' is empty",
        "train.jsonl:1: unknown label 'treat'",
        "train.jsonl:1: unknown label 'xyz'",
    ]


def test_mark_at_the_start_of_a_file_is_passed_over(tmp_path, schema):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"article_id": "a", "index": 0, "text": "He left.", "labels": []}\n', encoding="utf-8-sig")
    assert [row.text for row in read_rows(path, schema)] == ["He left."]


def test_half_of_a_surrogate_pair_in_a_further_field_is_told(tmp_path, schema):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"article_id": "a", "index": 0, "text": "It rains.", "labels": [], "about": {"place": "\\ud800"}}\n')
    with pytest.raises(CorpusError, match=r"rows\.jsonl:1: 'about' holds half of a surrogate pair"):
        read_rows(path, schema)
