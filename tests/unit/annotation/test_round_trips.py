"""What a tool exports comes back whole: annotators, labels, skips, comments; and nothing that is wrong passes in silence."""

from __future__ import annotations

import csv
import io
import json

import pytest
from tool_exports import doccano_export, filled_csv, label_studio_export, prodigy_export

from pactag.annotation.judgements import read_judgements
from pactag.annotation.rounds import take_in
from pactag.errors import PactagError

ALL = {"port:0": [], "port:1": ["threat", "condition"], "port:2": ["proposal"], "dam:0": [], "dam:1": ["accusation"]}


@pytest.fixture
def imported(tmp_path, schema):
    """Imports one export given as text; the file gets the name of an annotator."""

    def run(folder, *exports: str, name: str = "anna", suffix: str = ".jsonl", tool=None):
        paths = []
        for number, content in enumerate(exports):
            paths.append(tmp_path / f"{name if not number else f'ben{number}'}{suffix}")
            paths[-1].write_text(content, encoding="utf-8", newline="")
        return take_in(paths, folder, schema, tool=tool)

    return run


def _labels(found, annotator: str) -> dict[str, list[str]]:
    return {one.id: list(one.labels) for one in found.judgements if one.annotator == annotator and one.status == "judged"}


def test_label_studio_keeps_annotators_and_skips(started, imported):
    folder = started("label-studio")
    found = imported(folder, label_studio_export(folder, {"anna@x.org": ALL, "ben@x.org": {**ALL, "dam:1": None}}), suffix=".json")
    assert _labels(found, "anna@x.org") == ALL
    assert [one.id for one in found.judgements if one.status == "skipped"] == ["dam:1"]
    assert found.missing == {}


def test_label_studio_keeps_comments(started, imported):
    folder = started("label-studio")
    area = {"id": "c", "from_name": "comment", "to_name": "text", "type": "textarea", "value": {"text": ["unsure"]}}
    found = imported(folder, label_studio_export(folder, {"anna@x.org": ALL}, result=[area]), suffix=".json")
    assert {one.comment for one in found.judgements} == {"unsure"}


@pytest.mark.parametrize("value", [{"text": None}, {"text": [None]}, {}])
def test_label_studio_comment_without_text_is_none(started, imported, value):
    folder = started("label-studio")
    area = {"id": "c", "from_name": "comment", "to_name": "text", "type": "textarea", "value": value}
    found = imported(folder, label_studio_export(folder, {"anna@x.org": ALL}, result=[area]), suffix=".json")
    assert {one.comment for one in found.judgements} == {None}


def test_label_studio_user_number_is_a_name(started, imported):
    folder = started("label-studio")
    found = imported(folder, label_studio_export(folder, {"anna@x.org": ALL}, completed_by=3), suffix=".json")
    assert {one.annotator for one in found.judgements} == {"user 3"}


def test_annotators_can_be_renamed(started, tmp_path, schema):
    folder = started("label-studio")
    (tmp_path / "export.json").write_text(label_studio_export(folder, {"anna@x.org": ALL}, completed_by=3), encoding="utf-8")
    assert {one.annotator for one in take_in([tmp_path / "export.json"], folder, schema, names={"user 3": "cleo"}).judgements} == {"cleo"}
    with pytest.raises(PactagError, match=r"--name user 1: is no annotator of these exports\. They are: user 3"):
        take_in([tmp_path / "export.json"], folder, schema, names={"user 1": "anna"})


def test_label_studio_json_min_is_told(started, imported):
    with pytest.raises(PactagError, match=r"task 1: has no 'data' or no list of 'annotations'\. Export as JSON \(not JSON-MIN"):
        imported(started("label-studio"), json.dumps([{"sentence_id": "port:0", "labels": "threat"}]), suffix=".json")


def test_label_studio_draft_is_told(started, imported):
    folder = started("label-studio")
    tasks = json.loads(label_studio_export(folder, {"anna@x.org": ALL}))
    tasks[1]["drafts"] = [{"id": 1, "user": "ben@x.org", "annotation": None, "result": []}]
    with pytest.raises(PactagError, match=r"task 2 \(port:1\): has a draft that was not submitted"):
        imported(folder, json.dumps(tasks), suffix=".json")


def test_label_studio_foreign_control_is_told(started, imported):
    folder = started("label-studio")
    other = {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": ["bad"]}}
    with pytest.raises(PactagError, match="holds a result of 'sentiment'"):
        imported(folder, label_studio_export(folder, {"anna@x.org": ALL}, result=[other]), suffix=".json")


@pytest.mark.parametrize("key", ["label", "labels"])
def test_doccano_comes_back_whole(started, imported, key: str):
    folder = started("doccano")
    ben = doccano_export(folder, {"port:0": ["threat"]}, key=key)
    found = imported(folder, doccano_export(folder, ALL, key=key, comments={"dam:1": ["who?", "the chair"]}), ben)
    assert _labels(found, "anna") == ALL
    assert _labels(found, "ben1") == {"port:0": ["threat"]}
    assert [one.comment for one in found.judgements if one.comment] == ["who?\nthe chair"]


def test_prodigy_keeps_accept_ignore_and_reject(started, imported):
    folder = started("prodigy")
    given = [("anna", sentence, "accept", labels) for sentence, labels in ALL.items()]
    given += [("ben", "port:0", "ignore", []), ("ben", "port:1", "reject", ["threat"])]
    found = imported(folder, prodigy_export(folder, given))
    assert _labels(found, "acts-anna") == ALL
    ben = [(one.id, one.status, one.labels) for one in found.judgements if one.annotator == "acts-ben"]
    assert ben == [("port:0", "skipped", ()), ("port:1", "rejected", ("threat",))]


def test_prodigy_keeps_comments_and_flags(started, imported):
    folder = started("prodigy")
    found = imported(folder, prodigy_export(folder, [("anna", "port:0", "accept", [])], comment="odd", flagged=True))
    assert found.judgements[0].comment == "odd\nflagged"


@pytest.mark.parametrize("session", ["2026-02-06_10-17-19", "acts-2026-02-06_10-17-19"])
def test_prodigy_without_a_session_names_the_annotator_by_the_file(started, imported, session: str):
    folder = started("prodigy")
    export = prodigy_export(folder, [("anna", "port:0", "accept", [])], _annotator_id=session, _session_id=session)
    assert [one.annotator for one in imported(folder, export).judgements] == ["anna"]


def test_comment_that_is_no_utf8_is_kept_as_it_can_be_written(started, imported):
    folder = started("prodigy")
    found = imported(folder, prodigy_export(folder, [("anna", "port:0", "accept", [])], comment="odd \ud800"))
    assert found.judgements[0].comment == "odd \\ud800"


def test_csv_shows_suggestions_and_marks_none(started, imported, schema, trained):
    from pactag import Tagger

    tagger = Tagger.load(trained["tfidf"].folder)
    tagger.manifest = tagger.manifest.model_copy(update={"thresholds": dict.fromkeys(schema.names, 0.0)})
    folder = started("csv", tagger=tagger)
    assert f'"{", ".join(schema.names)}"' in (folder / "upload.csv").read_text(encoding="utf-8")
    # A sheet that nobody has looked at holds no judgement.
    with pytest.raises(PactagError, match="holds no judgement"):
        imported(folder, filled_csv(folder, {}), suffix=".csv")


@pytest.mark.parametrize(
    "text", ["- a raise of four percent", "=SUM(1) is no act.", "'- so he said.", "@mayor said no.", "'quoted' it was."]
)
def test_csv_shows_no_formula_and_takes_the_sentence_back(tmp_path, imported, schema, text: str):
    from pactag.annotation.rounds import start

    (tmp_path / "item.jsonl").write_text(json.dumps({"id": "item", "title": "+1", "text": text, "spans": [[0, len(text)]]}) + "\n")
    start([tmp_path / "item.jsonl"], tmp_path / "items", schema, tool="csv")
    shown = (tmp_path / "items" / "upload.csv").read_text(encoding="utf-8-sig")
    assert not [cell for row in csv.reader(io.StringIO(shown)) for cell in row if cell[:1] in "=+-@" and cell]
    found = imported(tmp_path / "items", filled_csv(tmp_path / "items", {"item:0": {"none": "x"}}), suffix=".csv")
    assert [one.text for one in found.judgements] == [text]


@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\n")])
def test_csv_comes_back_whole(started, imported, delimiter: str, end: str):
    folder = started("csv")
    marks = {sentence: {f"label {name}": "x" for name in labels} or {"none": "X"} for sentence, labels in ALL.items()}
    marks["dam:0"] = {"skip": "yes", "comment": "a, b; c", "annotator": "ben"}
    found = imported(folder, filled_csv(folder, marks, delimiter=delimiter, end=end), suffix=".csv")
    assert _labels(found, "anna") == {sentence: labels for sentence, labels in ALL.items() if sentence != "dam:0"}
    assert [(one.id, one.status, one.comment) for one in found.judgements if one.annotator == "ben"] == [("dam:0", "skipped", "a, b; c")]


def test_csv_row_without_a_mark_is_missing_not_none(started, imported):
    folder = started("csv")
    found = imported(folder, filled_csv(folder, {"port:0": {"none": "x"}}), suffix=".csv")
    assert found.missing == {"anna": ("port:1", "port:2", "dam:0", "dam:1")}


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"label threat": "maybe"}, r"anna\.csv:2: 'maybe' under 'label threat' is no mark"),
        ({"label threat": "x", "none": "x"}, r"anna\.csv:2: is marked as threat and as none"),
        ({"comment": "hm"}, r"anna\.csv:2: has a comment and no mark"),
    ],
)
def test_csv_contradiction_is_told(started, imported, marks, message: str):
    folder = started("csv")
    with pytest.raises(PactagError, match=message):
        imported(folder, filled_csv(folder, {"port:0": marks}), suffix=".csv")


def test_csv_foreign_columns_are_told(started, imported):
    folder = started("csv")
    content = filled_csv(folder, {"port:0": {"none": "x"}}).replace("skip (", "skipp (")
    with pytest.raises(PactagError, match=r"anna\.csv:1: unknown column 'skipp'"):
        imported(folder, content, suffix=".csv")


def test_csv_without_a_label_is_told(started, imported):
    content = "sentence_id,text,label proposal,label accusation,none\nport:0,The port has 14 pilots.,,,x\n"
    with pytest.raises(PactagError) as told:
        imported(started("csv"), content, suffix=".csv")
    assert [problem.found for problem in told.value.problems] == ["has no column 'label threat'", "has no column 'label condition'"]


def test_csv_label_of_another_name_is_told_once(started, imported):
    folder = started("csv")
    marks = {sentence: {"label threat": "x"} for sentence in ALL}
    with pytest.raises(PactagError) as told:
        imported(folder, filled_csv(folder, marks).replace("label threat (", "label Threat ("), suffix=".csv")
    assert [problem.found for problem in told.value.problems] == ["unknown column 'label Threat'", "has no column 'label threat'"]


@pytest.fixture
def named(tmp_path, schema):
    """A task folder for a spreadsheet, of articles of one sentence with these ids."""
    from pactag.annotation.rounds import start

    def make(*ids: str):
        articles = tmp_path / "named.jsonl"
        articles.write_text("".join(json.dumps({"id": name, "text": "He said no."}) + "\n" for name in ids), encoding="utf-8")
        start([articles], tmp_path / "named", schema, tool="csv")
        return tmp_path / "named"

    return make


def _none(sentence: str) -> str:
    header = "sentence_id,text,label proposal,label accusation,label threat,label condition,none"
    return f"{header}\n{sentence},He said no.,,,,,x\n"


@pytest.mark.parametrize(
    ("id", "cell"),
    [
        (" port", " port:0"),
        (" port", "port:0"),
        ("port", " port:0 "),
        ("12", "[12:0]"),
        ("12", "12:0"),
        ("12", "12:00"),
        (" 12", "[ 12:0]"),
    ],
)
def test_csv_id_comes_back_in_every_form(named, imported, id: str, cell: str):
    assert [one.id for one in imported(named(id), _none(cell), suffix=".csv").judgements] == [f"{id}:0"]


def test_csv_id_that_could_be_two_is_unknown(named, imported):
    with pytest.raises(PactagError, match="unknown sentence 'port:0'"):
        imported(named(" port", "  port"), _none("port:0"), suffix=".csv")


def test_csv_id_that_differs_by_blanks_alone_is_the_exact_one(named, imported):
    assert [one.id for one in imported(named(" port", "port"), _none("port:0"), suffix=".csv").judgements] == ["port:0"]


def test_csv_id_is_no_time_of_day(named):
    folder = named("12", "wire-7")
    assert [row.split(",")[0] for row in (folder / "upload.csv").read_text(encoding="utf-8").splitlines()[1:]] == ["[12:0]", "wire-7:0"]


def test_sentence_over_two_lines_survives_white_space_changes(tmp_path, schema, imported):
    from pactag.annotation.rounds import start

    (tmp_path / "a.txt").write_text("He said\nno to it.")
    start([tmp_path / "a.txt"], tmp_path / "out", schema, tool="csv")
    content = filled_csv(tmp_path / "out", {"a:0": {"none": "x"}}).replace("said\nno", "said\r\nno")
    (one,) = imported(tmp_path / "out", content, suffix=".csv").judgements
    assert one.text == "He said\nno to it."


def _line(sentence="port:0", text="The port has 14 pilots.", label=()):
    return json.dumps({"sentence_id": sentence, "text": text, "label": list(label)})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (_line(label=["threats"]), "unknown label 'threats'. Did you mean 'threat'"),
        (_line(label=["threat", "threat"]), "a label is given twice"),
        (_line(text="The port has 15 pilots."), "the text of port:0 was changed: 'has 15 pilots.' stands where 'has 14 pilots.' was"),
        (_line("gone:0"), "unknown sentence 'gone:0'"),
        (_line("port:1", "Unless pay rises, they will strike, the guild said."), "'anna' judged port:1 already at"),
        (json.dumps({"text": "x", "label": []}), "has no 'sentence_id'"),
        (json.dumps({"sentence_id": "port:0", "text": "The port has 14 pilots."}), "has neither 'label' nor 'labels'"),
        (json.dumps({"sentence_id": "port:0", "text": "x", "label": [3]}), "the labels are [3]"),
        ("{broken", "invalid JSON"),
        ("[1]", "is a JSON list"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(started, imported, line: str, message: str):
    folder = started("doccano")
    good = doccano_export(folder, {"port:1": []})
    with pytest.raises(PactagError) as error:
        imported(folder, good + line + "\n")
    assert "anna.jsonl:2: " in str(error.value)
    assert message in str(error.value)


def test_export_named_twice_is_told(started, tmp_path, schema):
    folder = started("doccano")
    (tmp_path / "anna.jsonl").write_text(doccano_export(folder, ALL), encoding="utf-8")
    with pytest.raises(PactagError) as told:
        take_in([tmp_path / "anna.jsonl"] * 2, folder, schema)
    assert str(told.value) == f"{tmp_path / 'anna.jsonl'}: is given twice. Name each file once"


def test_two_files_of_one_name_may_be_two_people(started, tmp_path, schema):
    folder = started("csv")
    paths = [tmp_path / who / "upload.csv" for who in ("anna", "ben")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(filled_csv(folder, {sentence: {"none": "x"} for sentence in ALL}), encoding="utf-8")
    with pytest.raises(PactagError) as told:
        take_in(paths, folder, schema)
    (problem,) = told.value.problems
    assert problem.found == f"'upload' judged port:0 already at {paths[0]}:2; the two files share 4 more"
    assert problem.fix.startswith("Keep one; or, if they are two people, name the files after them, fill in the column annotator")


def test_all_problems_are_told_together(started, imported):
    folder = started("doccano")
    with pytest.raises(PactagError) as error:
        imported(folder, "{broken\n" + _line(label=["menace"]) + "\n" + _line("gone:0") + "\n")
    assert len(error.value.problems) == 3


def test_missing_sentences_are_given_by_annotator(started, imported):
    folder = started("doccano")
    found = imported(folder, doccano_export(folder, ALL), doccano_export(folder, {"port:0": []}))
    assert found.missing == {"ben1": ("port:1", "port:2", "dam:0", "dam:1")}


def test_export_without_a_judgement_is_told(started, imported):
    folder = started("label-studio")
    with pytest.raises(PactagError, match="holds no judgement"):
        imported(folder, label_studio_export(folder, {}), suffix=".json")


def test_tasks_of_other_labels_are_refused(started, schema, tmp_path):
    folder = started("csv")
    fewer = schema.model_copy(update={"labels": schema.labels[:3]})
    with pytest.raises(PactagError, match=r"tasks-about\.json: has condition besides"):
        take_in([folder / "upload.csv"], folder, fewer)


def test_judgements_are_the_same_after_writing_and_reading(judged, schema, started):
    path = judged({"anna@x.org": ALL, "ben@x.org": {**ALL, "dam:1": None}})
    read = [placed.judgement for placed in read_judgements([path], schema)]
    assert "".join(one.to_json() + "\n" for one in read) == path.read_text(encoding="utf-8")
    assert len(read) == 10
