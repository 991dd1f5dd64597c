"""Judged articles into a corpus: whole, once, and without moving what stands there."""

from __future__ import annotations

import json

import pytest

from pactag.annotation import merging
from pactag.annotation.judgements import PlacedJudgement, read_judgements
from pactag.annotation.merging import add_to_corpus
from pactag.corpus.rows import labelled_sentences, read_corpus
from pactag.errors import CorpusError, InputError

LABELS = {"port:0": [], "port:1": ["threat", "condition"], "port:2": ["proposal"], "dam:0": [], "dam:1": ["accusation"]}
BOTH = {"anna": LABELS, "ben": LABELS}


@pytest.fixture
def corpus(tmp_path):
    """A corpus of one article a split."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    texts = {"train": "Rain fell over the hills.", "validation": "The ferry was late again today.", "test": "A school opened in June."}
    for split, text in texts.items():
        row = {"article_id": f"old-{split}", "index": 0, "title": "T", "text": text, "labels": [], "topic": "weather"}
        (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    return folder


@pytest.fixture
def add(judged, corpus, schema):
    def run(given, **more):
        return add_to_corpus(read_judgements([judged(given)], schema), corpus, schema, **more)

    return run


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _refused(run, corpus, match: str):
    before = _files(corpus)
    with pytest.raises(CorpusError, match=match):
        run()
    assert _files(corpus) == before


def test_agreed_sentences_are_added_with_their_labels(add, corpus, schema):
    added = add(BOTH)
    now = read_corpus(corpus, schema)
    new = {row.id: list(row.labels) for row in now.rows if not row.article_id.startswith("old")}
    assert new == LABELS
    assert added.digest == now.digest


@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "a new folder"])
def test_new_folder_begins_a_corpus(judged, schema, tmp_path, monkeypatch, there):
    # Three articles are too few to draw from.
    monkeypatch.setattr(merging, "assign_splits", lambda articles, **_: {"port": "train", "dam": "test", "hill": "validation"})
    given = judged(BOTH)
    hill = [
        json.loads(line) | {"article_id": "hill", "text": "Snow lay on the hill."}
        for line in given.read_text().splitlines()
        if "dam" in line
    ]
    hill = [row | {"sentences": 1} for row in hill if row["index"] == 0]
    given.write_text(given.read_text() + "".join(json.dumps(row) + "\n" for row in hill))
    if there:
        (tmp_path / "mine").mkdir()
    added = add_to_corpus(read_judgements([given], schema), tmp_path / "mine", schema)
    now = read_corpus(tmp_path / "mine", schema)
    assert {split: len(rows) for split, rows in now.splits.items()} == {"train": 3, "validation": 1, "test": 2}
    assert now.digest == added.digest


def test_corpus_does_not_begin_with_an_empty_split(judged, schema, tmp_path):
    with pytest.raises(CorpusError, match=r"would begin without a sentence in validation\.jsonl"):
        add_to_corpus(read_judgements([judged(BOTH)], schema), tmp_path / "mine", schema, test=["dam"])
    assert not (tmp_path / "mine").exists()


def test_old_lines_stay_byte_for_byte(add, corpus):
    before = _files(corpus)
    add(BOTH)
    after = _files(corpus)
    assert after.keys() == before.keys()
    assert all(after[name].startswith(content) for name, content in before.items())


def test_last_line_without_an_end_stays_whole(add, corpus, schema):
    path = corpus / "train.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    add(BOTH)
    assert len(read_corpus(corpus, schema)["train"]) == 6


def test_article_held_out_goes_to_test(add):
    added = add(BOTH, test=["dam"])
    assert {split: {row.article_id for row in rows} for split, rows in added.rows.items()} == {
        "train": {"port"},
        "validation": set(),
        "test": {"dam"},
    }


def test_adjudicator_decides(judged, corpus, schema, tmp_path):
    path = judged({"anna": LABELS, "ben": {**LABELS, "port:0": ["threat"]}})
    lines = path.read_text(encoding="utf-8").splitlines()
    settled = {**json.loads(lines[0]), "annotator": "dora", "round": "adjudication", "labels": ["condition"]}
    path.write_text("\n".join([*lines, json.dumps(settled)]) + "\n", encoding="utf-8")
    add_to_corpus(read_judgements([path], schema), corpus, schema)
    assert {row.id: row.labels for row in read_corpus(corpus, schema).rows}["port:0"] == ("condition",)


def test_new_sentences_of_an_old_article_stay_in_its_split(add, corpus, schema):
    row = {"article_id": "port", "index": 0, "title": "Port talks", "text": "The port has 14 pilots.", "labels": []}
    with (corpus / "test.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    rest = {sentence: labels for sentence, labels in LABELS.items() if sentence != "port:0"}
    added = add({"anna": rest, "ben": rest})
    assert [row.id for row in added.rows["test"]] == ["port:1", "port:2"]
    assert [row.id for row in read_corpus(corpus, schema)["test"]] == ["old-test:0", "port:0", "port:1", "port:2"]


def test_unsettled_difference_is_refused(add, corpus):
    _refused(
        lambda: add({"anna": LABELS, "ben": {**LABELS, "port:2": []}}),
        corpus,
        r"jsonl:\d+: annotators differ on port:2 \(anna: proposal; ben: none",
    )


def test_too_few_annotators_are_refused(add, corpus):
    _refused(lambda: add({"anna": LABELS}), corpus, r"port:0 was judged by 1 of 2 annotators")


def test_one_annotator_twice_is_one(judged, corpus, schema):
    once = read_judgements([judged({"anna": LABELS})], schema)
    twice = [*once, *(PlacedJudgement(f"copy of {one.where}", one.judgement) for one in once)]
    _refused(lambda: add_to_corpus(twice, corpus, schema), corpus, r"port:0 was judged by 1 of 2 annotators")


def test_one_annotator_is_enough_when_asked_for(add):
    assert sum(map(len, add({"anna": LABELS}, readers=1).rows.values())) == 5


def test_hole_in_an_article_is_refused(add, corpus):
    some = {sentence: labels for sentence, labels in LABELS.items() if sentence != "port:2"}
    _refused(lambda: add({"anna": some, "ben": some}), corpus, r"article 'port' lacks 1 of its 3 sentences \(2\)")


def test_skipped_sentence_is_refused(add, corpus):
    skipped = {**LABELS, "dam:0": None}
    _refused(lambda: add({"anna": skipped, "ben": skipped}), corpus, r"nobody judged dam:0")


def test_skipped_sentence_is_left_out_of_a_part(add, corpus, schema):
    skipped = {**LABELS, "dam:0": None}
    added = add({"anna": skipped, "ben": skipped}, partial=True)
    assert added.left_out == ("dam:0",)
    assert {row.id for row in read_corpus(corpus, schema).rows if row.article_id == "dam"} == {"dam:1"}


def test_adjudicators_who_differ_are_told_what_helps(judged, corpus, schema):
    first, second = (judged({who: {"port:0": labels}}, f"{who}.jsonl") for who, labels in (("carl", ["threat"]), ("dora", [])))
    for path in (first, second):
        path.write_text(path.read_text().replace('"round": "independent"', '"round": "adjudication"'))
    with pytest.raises(CorpusError, match=r"adjudicators differ on port:0 .*Leave out the judgements of all but one of them"):
        add_to_corpus(read_judgements([first, second], schema), corpus, schema, partial=True)


def test_adding_twice_is_refused(add, corpus):
    add(BOTH)
    _refused(lambda: add(BOTH), corpus, r"jsonl:1: port:0 and 2 more of its article stand in .*train\.jsonl already")


def test_conflicting_label_is_refused(add, corpus):
    add(BOTH)
    other = {**LABELS, "dam:1": ["threat"]}
    _refused(lambda: add({"anna": other, "ben": other}), corpus, r"dam:1 has the labels accusation in .*train\.jsonl, and threat here")


def test_same_id_with_another_text_is_refused(add, corpus):
    row = {"article_id": "dam", "index": 0, "title": None, "text": "Another dam.", "labels": []}
    with (corpus / "train.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    _refused(lambda: add(BOTH), corpus, r"dam:0 stands in .*train\.jsonl with another text")


def test_sentence_of_another_article_is_refused(add, corpus):
    text = "Unless pay rises, they will strike, the guild said."
    row = {"article_id": "copy", "index": 0, "title": "T", "text": text, "labels": []}
    with (corpus / "test.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    _refused(lambda: add(BOTH), corpus, r"jsonl:\d+: port:1 is nearly the same as copy:0")


def test_unknown_article_to_hold_out_is_refused(add, corpus):
    _refused(lambda: add(BOTH, test=["gone"]), corpus, "--test gone: is no article of these judgements")


def test_corpus_that_is_built_from_articles_is_refused(add, corpus):
    (corpus.parent / "articles").mkdir()
    (corpus.parent / "splits.json").write_text("{}")
    _refused(lambda: add(BOTH), corpus, "is built from .* by pactag data build")


def test_part_of_an_article_is_added_with_its_context(add, corpus, schema):
    add({who: {"port:2": ["proposal"]} for who in BOTH}, partial=True)
    (row,) = [row for row in read_corpus(corpus, schema).rows if row.article_id == "port"]
    assert row.extra["before"] == ["The port has 14 pilots.", "Unless pay rises, they will strike, the guild said."]
    (seen,) = labelled_sentences([row], schema, preceding=1).inputs
    assert seen.before == ("Unless pay rises, they will strike, the guild said.",)


def test_whole_article_brings_no_context_of_its_own(add, corpus, schema):
    add(BOTH, partial=True)
    assert all("before" not in row.extra for row in read_corpus(corpus, schema).rows)


def test_rest_of_an_article_can_follow(add, corpus, schema):
    add({who: {"port:2": ["proposal"]} for who in BOTH}, partial=True)
    before = read_corpus(corpus, schema)
    add({who: {"port:0": [], "port:1": ["threat"]} for who in BOTH})
    now = read_corpus(corpus, schema)
    assert [row.id for row in now["train"] if row.article_id == "port"] == ["port:0", "port:1", "port:2"]
    assert before.digest != now.digest


def test_corrected_sentence_gets_its_labels_in_its_place(add, corpus, schema, judged):
    add(BOTH)
    before = (corpus / "train.jsonl").read_bytes().split(b"\n")
    added = add({who: {"port:2": []} for who in BOTH}, correct=True)
    after = (corpus / "train.jsonl").read_bytes().split(b"\n")
    changed = [number for number, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert [json.loads(after[number])["labels"] for number in changed] == [[]]
    assert [row.id for row in added.corrected] == ["port:2"]
    assert added.digest == read_corpus(corpus, schema).digest


def test_correction_that_changes_nothing_leaves_every_byte(add, corpus):
    add(BOTH)
    before = _files(corpus)
    assert add(BOTH, correct=True).corrected == ()
    assert _files(corpus) == before


def test_processes_add_in_turn(add, corpus, monkeypatch):
    """What is checked against is read, and the rows are written, while the lock of this folder is held."""
    events: list[str] = []

    class Lock:
        def __init__(self, path):
            self.path = path

        def __enter__(self):
            events.append(f"lock {self.path}")

        def __exit__(self, *_):
            events.append("unlock")

    def seen(name: str):
        own = getattr(merging, name)
        monkeypatch.setattr(merging, name, lambda *given: (events.append(name), own(*given))[1])

    monkeypatch.setattr(merging, "FileLock", Lock)
    seen("read_corpus")
    seen("_write")
    add(BOTH)
    assert [event.split()[0] for event in events] == ["lock", "read_corpus", "_write", "unlock"]
    with merging._in_turn(corpus.parent / "other"), merging._in_turn(corpus / ".." / corpus.name):
        other, same = events[-2:]
    assert same == events[0] != other


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"index": 9}, "index is 9, counted from 0, where the article has"),
        ({"article_id": "  "}, "article_id is white space"),
        ({"text": "   "}, "text is white space"),
        ({"end": -5}, "end is -5, before start"),
    ],
)
def test_judgement_that_no_corpus_could_hold_is_told(judged, schema, change, told: str):
    path = judged(BOTH)
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), **change}), *others]))
    with pytest.raises(InputError, match=rf"judgements\.jsonl:1: is no judgement \(.*{told}"):
        read_judgements([path], schema)


def test_folder_beside_the_articles_of_a_built_corpus_is_not_that_corpus(judged, schema, corpus, tmp_path):
    (tmp_path / "articles").mkdir()
    (tmp_path / "splits.json").write_text("{}")
    mine = corpus.rename(tmp_path / "mine")
    assert add_to_corpus(read_judgements([judged(BOTH)], schema), mine, schema).rows
