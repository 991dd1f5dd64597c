"""Agreement of annotators, and the sentences that go round once more."""

from __future__ import annotations

import json

import pytest
from tool_exports import label_studio_export

from pactag.annotation.judgements import read_judgements, views_of
from pactag.annotation.rounds import start, take_in, unsettled
from pactag.annotation.tasks import read_task_folder
from pactag.corpus.agreement import agreement_of
from pactag.errors import InputError, PactagError

ANNA = {"port:0": [], "port:1": ["threat", "condition"], "port:2": ["proposal"], "dam:0": [], "dam:1": ["accusation"]}
BEN = {**ANNA, "port:1": ["threat"], "dam:0": None}


def _read(path, schema):
    return [placed.judgement for placed in read_judgements([path], schema)]


def test_agreement_counts_what_both_judged(judged, schema):
    (found,) = agreement_of(views_of(_read(judged({"anna": ANNA, "ben": BEN}), schema)), schema)
    assert (found.readers, found.sentences, found.differing) == (("anna", "ben"), 4, 1)
    # On the label `condition` anna says yes once in four, ben never: no better than chance.
    assert found.kappa == pytest.approx((1.0, 1.0, 1.0, 0.0))
    assert found.f1 == pytest.approx((1.0, 1.0, 1.0, 0.0))


def test_every_pair_of_three_annotators_is_measured(judged, schema):
    found = agreement_of(views_of(_read(judged({"anna": ANNA, "ben": BEN, "cleo": ANNA}), schema)), schema)
    assert [item.readers for item in found] == [("anna", "ben"), ("anna", "cleo"), ("ben", "cleo")]


def test_differences_carry_what_each_said(judged, schema):
    (task,) = unsettled(_read(judged({"anna": ANNA, "ben": {**BEN, "dam:0": []}}), schema))
    assert task.id == "port:1"
    assert [(said.annotator, said.labels) for said in task.said] == [("anna", ("threat", "condition")), ("ben", ("threat",))]


def test_sentence_that_all_passed_over_is_to_settle(judged, schema):
    nobody = {**ANNA, "dam:0": None}
    assert [task.id for task in unsettled(_read(judged({"anna": nobody, "ben": nobody}), schema))] == ["dam:0"]


def test_sentence_that_one_of_two_passed_over_is_to_settle(judged, schema):
    assert [task.id for task in unsettled(_read(judged({"anna": ANNA, "ben": BEN}), schema))] == ["dam:0", "port:1"]


def test_sentence_that_one_of_three_passed_over_is_settled(judged, schema):
    views = {"anna": ANNA, "ben": {**ANNA, "dam:0": None}, "cleo": ANNA}
    assert unsettled(_read(judged(views), schema)) == []


def test_differences_go_round_again_and_are_settled(judged, schema, tmp_path):
    first = judged({"anna": ANNA, "ben": {**BEN, "dam:0": []}})
    file = tmp_path / "to-settle.jsonl"
    file.write_text("".join(task.to_json() + "\n" for task in unsettled(_read(first, schema))), encoding="utf-8")
    folder = tmp_path / "settle"
    start([file], folder, schema, tool="label-studio")
    assert "anna: threat, condition\\nben: threat" in (folder / "tasks.json").read_text(encoding="utf-8")
    assert 'value="$said"' in (folder / "interface.xml").read_text(encoding="utf-8")
    assert read_task_folder(folder, schema).about.round == "adjudication"
    export = tmp_path / "settled.json"
    export.write_text(label_studio_export(folder, {"dora": {"port:1": ["condition"]}}), encoding="utf-8")
    settled = take_in([export], folder, schema).judgements
    assert [(one.annotator, one.round, one.labels) for one in settled] == [("dora", "adjudication", ("condition",))]
    assert unsettled([*_read(first, schema), *settled]) == []


def test_adjudicator_is_not_measured(judged, schema):
    judgements = _read(judged({"anna": ANNA, "ben": BEN}), schema)
    settled = [one.model_copy(update={"annotator": "dora", "round": "adjudication"}) for one in judgements if one.annotator == "anna"]
    assert set(views_of([*judgements, *settled])) == {"anna", "ben"}


def test_suggestions_for_adjudication_are_refused(judged, schema, tmp_path, trained):
    from pactag import Tagger

    file = tmp_path / "to-settle.jsonl"
    file.write_text("".join(task.to_json() + "\n" for task in unsettled(_read(judged({"anna": ANNA, "ben": BEN}), schema))))
    with pytest.raises(PactagError, match="--model: is given for sentences to settle"):
        start([file], tmp_path / "settle", schema, tool="csv", tagger=Tagger.load(trained["tfidf"].folder))


def test_judgement_given_twice_is_told(judged, schema):
    path = judged({"anna": ANNA})
    with pytest.raises(PactagError, match=r"again\.jsonl:1: 'anna' judged port:0 already at .*judgements\.jsonl:1"):
        read_judgements([path, judged({"anna": ANNA}, name="again.jsonl")], schema)


def test_judgements_named_twice_are_told(judged, schema):
    path = judged({"anna": ANNA})
    with pytest.raises(PactagError) as told:
        read_judgements([path, path.parent / "." / path.name, path], schema)
    assert {str(problem) for problem in told.value.problems} == {f"{path}: is given twice. Name each file once"}


def test_judgement_copied_within_a_file_is_told(judged, schema):
    path = judged({"anna": {"port:0": []}})
    path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(PactagError, match=r"judgements\.jsonl:2: 'anna' judged port:0 already at .*jsonl:1\. Keep one of the two"):
        read_judgements([path], schema)


def test_judgements_that_two_files_share_are_told_once(judged, schema):
    first, again = judged({"upload": ANNA}), judged({"upload": ANNA}, name="again.jsonl")
    with pytest.raises(PactagError, match="the two files share 4 more") as told:
        read_judgements([first, again], schema)
    (problem,) = told.value.problems
    assert problem.fix == "Keep one; or, if they are two people, import one of them again with --name"


def test_same_id_with_another_text_is_told(judged, schema):
    path = judged({"anna": ANNA})
    other = judged({"ben": ANNA}, name="other.jsonl")
    other.write_text(other.read_text(encoding="utf-8").replace("14 pilots", "15 pilots"), encoding="utf-8")
    with pytest.raises(PactagError, match=r"other\.jsonl:1: port:0 is another sentence than at .*judgements\.jsonl:1"):
        read_judgements([path, other], schema)


def test_export_in_place_of_judgements_is_told_once(schema, tmp_path):
    export = tmp_path / "anna.csv"
    export.write_text("sentence_id,title\nport:0,\nport:1,\n", encoding="utf-8")
    with pytest.raises(PactagError) as told:
        read_judgements([export], schema)
    assert [str(problem) for problem in told.value.problems] == [f"{export}: has no line of JSON. Write it with: pactag annotate import"]


def test_sentences_to_settle_and_others_are_not_started_together(judged, schema, tmp_path):
    differ, fresh = tmp_path / "differ.jsonl", tmp_path / "fresh.jsonl"
    tasks = unsettled([one.judgement for one in read_judgements([judged({"anna": {"port:0": ["threat"]}, "ben": {"port:0": []}})], schema)])
    differ.write_text("".join(task.to_json() + "\n" for task in tasks))
    fresh.write_text(tasks[0].model_copy(update={"index": 1, "said": None}).to_json() + "\n")
    with pytest.raises(InputError, match=r"to settle and 1 that nobody judged yet, the first 'port:1'\. Start one folder"):
        start([differ, fresh], tmp_path / "both", schema, tool="csv")
    assert not (tmp_path / "both").exists()


def test_order_of_labels_in_a_file_makes_no_difference(judged, schema):
    path = judged({"anna": {"port:0": ["threat", "proposal"]}, "ben": {"port:0": ["threat", "proposal"]}})
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "labels": ["threat", "proposal"]}), *others]))
    assert {one.judgement.labels for one in read_judgements([path], schema) if one.judgement.id == "port:0"} == {("proposal", "threat")}
