"""Building the corpus: gold labels from readers, the same bytes each time, and nothing written when anything is wrong."""

from __future__ import annotations

import json
import shutil

import pytest

from pactag.corpus.build import SplitPlan, build_corpus, read_split_plan, settle
from pactag.corpus.passes import read_passes
from pactag.corpus.rows import Row, read_corpus
from pactag.corpus.written import read_articles
from pactag.errors import CorpusError

LABELS = ("proposal", "accusation", "threat", "condition")
READERS = ("anna", "ben")


@pytest.fixture
def gold(data_folder, schema):
    """What the readers in the folder settle: gold by article, and problems."""

    def of(**settings):
        articles = read_articles(data_folder.root / "articles", schema)
        labels, problems = settle(articles, read_passes(data_folder.root / "annotations", articles, schema), schema, **settings)
        return labels, [str(problem) for problem in problems]

    return of


def _add(data_folder, first: int, count: int, **about) -> None:
    """Articles that two readers have labelled alike, each with a text and labels of its own."""
    for number in range(first, first + count):
        name = f"a{number:03}"
        data_folder.article(name, *(f"Sentence {i} of article {number}." for i in range(4)), **about)
        for reader in READERS:
            data_folder.reading(reader, name, {i: [LABELS[(number + i) % 4]] for i in range(0, 4, 2)})


def _splits(data_folder) -> dict[str, str]:
    return json.loads((data_folder.root / "splits.json").read_text())["articles"]


# Gold


def test_readers_who_agree_settle_the_labels(data_folder, gold):
    data_folder.article("a", "One.", "Two.")
    for reader in READERS:
        data_folder.reading(reader, "a", {1: ["threat"]})
    assert gold() == ({"a": [(), ("threat",)]}, [])


def test_gold_takes_the_order_of_the_schema(data_folder, gold):
    data_folder.article("a", "One.")
    data_folder.reading("anna", "a", {0: ["condition", "threat"]})
    data_folder.reading("ben", "a", {0: ["threat", "condition"]})
    assert gold() == ({"a": [("threat", "condition")]}, [])


def test_readers_who_differ_are_told_with_the_sentence(data_folder, gold):
    data_folder.article("a", "One.", "Two.")
    data_folder.reading("anna", "a", {1: ["threat"]})
    data_folder.reading("ben", "a", {1: ["condition"]})
    assert gold()[1] == ["a:1: readers differ. Settle it in annotations/adjudicated/"]


def test_adjudicator_settles_what_readers_differ_on(data_folder, gold):
    data_folder.article("a", "One.", "Two.")
    data_folder.reading("anna", "a", {1: ["threat"]})
    data_folder.reading("ben", "a", {1: ["condition"]})
    data_folder.reading("adjudicated", "a", {1: ["threat", "condition"]}, judged=[1])
    assert gold() == ({"a": [(), ("threat", "condition")]}, [])


def test_adjudicator_overrules_readers_who_agree(data_folder, gold):
    data_folder.article("a", "One.")
    for reader in READERS:
        data_folder.reading(reader, "a", {0: ["threat"]})
    data_folder.reading("adjudicated", "a", {})
    assert gold() == ({"a": [()]}, [])


def test_readers_may_share_the_sentences_of_an_article(data_folder, gold):
    data_folder.article("a", "One.", "Two.")
    data_folder.reading("anna", "a", {0: ["threat"]}, judged=[0])
    data_folder.reading("ben", "a", {1: ["condition"]}, judged=[1])
    assert gold(readers=1) == ({"a": [("threat",), ("condition",)]}, [])


def test_sentence_that_too_few_readers_judged_is_told(data_folder, gold):
    data_folder.article("a", "One.", "Two.")
    data_folder.reading("anna", "a", {0: ["threat"], 1: ["threat"]})
    data_folder.reading("ben", "a", {0: ["threat"]}, judged=[0])
    assert gold()[1] == ["a:1: was judged by 1 of 2 readers. Settle it in annotations/adjudicated/"]


def test_sentence_that_nobody_judged_is_told(data_folder, gold):
    data_folder.article("a", "One.", "Two.")
    for reader in READERS:
        data_folder.reading(reader, "a", judged=[0])
    assert gold()[1] == ["a:1: nobody judged it. Settle it in annotations/adjudicated/"]


def test_article_that_nobody_read_has_no_gold(data_folder, gold):
    data_folder.article("a", "One.")
    assert gold() == ({}, [])


def test_article_that_too_few_have_read_has_no_gold(data_folder, gold):
    data_folder.article("a", "One.")
    data_folder.reading("anna", "a")
    data_folder.reading("adjudicated", "a")
    assert gold() == ({}, [])


def test_one_reader_is_enough_when_asked(data_folder, gold):
    data_folder.article("a", "One.")
    data_folder.reading("anna", "a", {0: ["threat"]})
    assert gold(readers=1) == ({"a": [("threat",)]}, [])


# Building


def test_built_corpus_is_what_was_returned(data_folder, schema):
    _add(data_folder, 0, 30)
    data_folder.plan(held_out_topics=["floods"])
    _add(data_folder, 30, 5, topic="floods")
    built = build_corpus(data_folder.root, schema)
    assert dict(read_corpus(data_folder.root / "corpus", schema).splits) == built.splits


def test_row_carries_what_is_known_of_its_article(data_folder, schema):
    data_folder.article("a", "One.", "", "We will strike.", writer="w7", topic="floods", register="agency")
    for reader in READERS:
        data_folder.reading(reader, "a", {1: ["threat"]})
    about = {"paragraph": 1, "date": "2011-09-14", "topic": "floods", "register": "agency", "writer": "w7"}
    assert build_corpus(data_folder.root, schema).splits["train"][1] == Row("a", 1, "We will strike.", ("threat",), "Port talks", about)


def test_built_twice_gives_the_same_bytes(data_folder, schema):
    _add(data_folder, 0, 30)
    build_corpus(data_folder.root, schema)
    first = data_folder.files()
    build_corpus(data_folder.root, schema)
    assert data_folder.files() == first


def test_built_anew_from_the_same_input_gives_the_same_bytes(data_folder, schema):
    _add(data_folder, 0, 30)
    build_corpus(data_folder.root, schema)
    first = data_folder.files()
    (data_folder.root / "splits.json").unlink()
    shutil.rmtree(data_folder.root / "corpus")
    build_corpus(data_folder.root, schema)
    assert data_folder.files() == first


def test_corpus_whose_plan_is_missing_is_not_split_anew(data_folder, schema):
    _add(data_folder, 0, 30)
    build_corpus(data_folder.root, schema)
    (data_folder.root / "splits.json").unlink()
    before = data_folder.files()
    with pytest.raises(CorpusError, match=r"splits\.json: is not there, while .* holds a corpus"):
        build_corpus(data_folder.root, schema)
    assert data_folder.files() == before


def test_an_old_article_never_changes_its_split(data_folder, schema):
    _add(data_folder, 0, 30)
    build_corpus(data_folder.root, schema)
    before = _splits(data_folder)
    _add(data_folder, 30, 40)
    build_corpus(data_folder.root, schema)
    after = _splits(data_folder)
    assert {article: after[article] for article in before} == before
    assert len(after) == 70


def test_an_old_article_stays_even_when_its_topic_is_held_out_later(data_folder, schema):
    _add(data_folder, 0, 10, topic="floods")
    build_corpus(data_folder.root, schema)
    before = _splits(data_folder)
    data_folder.plan(held_out_topics=["floods"], articles=before)
    build_corpus(data_folder.root, schema)
    assert _splits(data_folder) == before


def test_place_of_an_article_that_is_gone_is_kept_for_its_return(data_folder, schema):
    _add(data_folder, 0, 10)
    data_folder.plan(articles={"gone": "test"})
    build_corpus(data_folder.root, schema)
    assert _splits(data_folder)["gone"] == "test"


@pytest.mark.parametrize("plan", [{"held_out_topics": ["floods"]}, {"held_out_writers": ["w9"]}], ids=["topic", "writer"])
def test_what_the_plan_holds_out_is_the_test_split(data_folder, schema, plan):
    _add(data_folder, 0, 20)
    _add(data_folder, 20, 3, topic="floods", writer="w9")
    data_folder.plan(**plan)
    built = build_corpus(data_folder.root, schema)
    assert {row.article_id for row in built.splits["test"]} == {"a020", "a021", "a022"}


def test_plan_keeps_its_settings(data_folder, schema):
    _add(data_folder, 0, 10)
    data_folder.plan(seed=5, validation_share=0.2, held_out_topics=["floods"], held_out_writers=["w9"])
    build_corpus(data_folder.root, schema)
    plan = read_split_plan(data_folder.root / "splits.json")
    assert (plan.seed, plan.validation_share, plan.held_out_topics, plan.held_out_writers) == (5, 0.2, ("floods",), ("w9",))


def test_articles_without_enough_readers_are_named_and_left_out(data_folder, schema):
    _add(data_folder, 0, 3)
    data_folder.article("once", "It rains.")
    data_folder.reading("anna", "once")
    data_folder.article("unread", "It rains.")
    built = build_corpus(data_folder.root, schema)
    assert built.unread == ("once", "unread")
    assert set(_splits(data_folder)) == {"a000", "a001", "a002"}


def test_building_with_too_few_readers_keeps_what_stands_there(data_folder, schema):
    _add(data_folder, 0, 3)
    build_corpus(data_folder.root, schema)
    before = data_folder.files()
    with pytest.raises(CorpusError, match=r"annotations: none of 3 articles has been labelled by 3 readers"):
        build_corpus(data_folder.root, schema, readers=3)
    assert data_folder.files() == before


def test_building_from_one_reader_takes_what_one_has_read(data_folder, schema):
    data_folder.article("once", "It rains.")
    data_folder.reading("anna", "once")
    assert [row.id for row in build_corpus(data_folder.root, schema, readers=1).splits["train"]] == ["once:0"]


def test_nothing_temporary_is_left(data_folder, schema):
    _add(data_folder, 0, 3)
    before = set(data_folder.files())
    build_corpus(data_folder.root, schema)
    made = {"corpus/train.jsonl", "corpus/validation.jsonl", "corpus/test.jsonl", "splits.json"}
    assert set(data_folder.files()) - before == made


# Mistakes


def _break_article(data_folder) -> str:
    path = data_folder.article("a001", "It rains.")
    path.write_text(path.read_text().replace("date: ", "day: "))
    return "a001.txt:2"


def _break_pass(data_folder) -> str:
    data_folder.line("anna", "nonsense")
    return "pass.jsonl:"


def _break_agreement(data_folder) -> str:
    data_folder.reading("cleo", "a001", {0: ["threat"], 1: ["threat"]})
    return "a001:1: readers differ"


def _break_plan(data_folder) -> str:
    data_folder.plan(seed="one")
    return "splits.json"


@pytest.mark.parametrize(
    "breaks", [_break_article, _break_pass, _break_agreement, _break_plan], ids=["article", "pass", "agreement", "plan"]
)
@pytest.mark.parametrize("built_before", [False, True], ids=["first", "again"])
def test_nothing_is_written_when_something_is_wrong(data_folder, schema, breaks, built_before: bool):
    _add(data_folder, 0, 12)
    if built_before:
        build_corpus(data_folder.root, schema)
    told = breaks(data_folder)
    before = data_folder.files()
    with pytest.raises(CorpusError) as error:
        build_corpus(data_folder.root, schema)
    assert told in str(error.value)
    assert data_folder.files() == before


def test_all_sentences_on_which_readers_differ_are_told_together(data_folder, schema):
    for name in ("a", "b"):
        data_folder.article(name, "One.", "Two.")
        data_folder.reading("anna", name, {0: ["threat"], 1: ["threat"]})
        data_folder.reading("ben", name)
    with pytest.raises(CorpusError) as error:
        build_corpus(data_folder.root, schema)
    assert [problem.where for problem in error.value.problems] == ["a:0", "a:1", "b:0", "b:1"]


# The split plan


def test_absent_plan_is_an_empty_one(tmp_path):
    assert read_split_plan(tmp_path / "splits.json") == SplitPlan()


@pytest.mark.parametrize(
    "fields",
    [{"seeds": 1}, {"seed": "one"}, {"held_out_topics": "floods"}, {"validation_share": "much"}, {"articles": {"a": 1}}],
    ids=["unknown", "seed", "topics", "share", "place"],
)
def test_wrong_field_of_the_plan_is_told_by_name(data_folder, fields):
    path = data_folder.plan(**fields)
    with pytest.raises(CorpusError) as error:
        read_split_plan(path)
    assert str(error.value).startswith(str(path))
    assert next(iter(fields)) in str(error.value)


@pytest.mark.parametrize("share", [-0.1, 0, 0.7, 1, 2])
def test_share_that_cannot_be_split_off_is_told(data_folder, share: float):
    with pytest.raises(CorpusError, match="validation_share"):
        read_split_plan(data_folder.plan(validation_share=share))


def test_place_that_is_no_split_is_told(data_folder):
    with pytest.raises(CorpusError, match="dev"):
        read_split_plan(data_folder.plan(articles={"a": "train", "b": "dev"}))


@pytest.mark.parametrize(
    "raw", [b'{"seed": 1', b"[]", b"", '{"held_out_topics": ["\u00fc"]}'.encode("latin-1")], ids=["cut", "list", "empty", "encoding"]
)
def test_plan_that_is_no_json_object_is_told(tmp_path, raw: bytes):
    path = tmp_path / "splits.json"
    path.write_bytes(raw)
    with pytest.raises(CorpusError, match=r"splits\.json"):
        read_split_plan(path)


@pytest.mark.parametrize("name", ["articles/w1/notes.txt", "annotations/anna/old.jsonl"])
def test_folder_with_the_name_of_a_file_is_passed_over(data_folder, schema, name: str):
    _add(data_folder, 0, 3)
    (data_folder.root / name).mkdir(parents=True)
    assert len(build_corpus(data_folder.root, schema).splits["train"]) > 0


@pytest.mark.parametrize(("name", "told"), [("splits.json", "is a directory"), ("corpus", "is a file")])
def test_place_that_is_taken_is_told(data_folder, schema, name: str, told: str):
    _add(data_folder, 0, 3)
    place = data_folder.root / name
    place.mkdir() if told == "is a directory" else place.write_text("")
    with pytest.raises(CorpusError, match=f"{name}: {told}"):
        build_corpus(data_folder.root, schema)


def test_written_article_may_begin_with_a_mark(data_folder, schema):
    _add(data_folder, 0, 3)
    path = next((data_folder.root / "articles").glob("*/a000.txt"))
    path.write_text("\ufeff" + path.read_text())
    assert "a000" in {row.article_id for rows in build_corpus(data_folder.root, schema).splits.values() for row in rows}
