"""From articles to task folders."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from tool_exports import DAM, PORT

from pactag.annotation.files import check_folder
from pactag.annotation.rounds import start
from pactag.annotation.tasks import read_task_folder
from pactag.errors import PactagError

TOOLS = ("label-studio", "doccano", "prodigy", "csv")


@pytest.mark.parametrize("tool", TOOLS)
def test_tasks_keep_ids_and_offsets(started, schema, tool: str):
    tasks = read_task_folder(started(tool), schema).tasks
    assert list(tasks) == ["port:0", "port:1", "port:2", "dam:0", "dam:1"]
    texts = {"port": PORT, "dam": DAM}
    assert all(texts[task.article_id][task.start : task.end] == task.text for task in tasks.values())


def test_task_shows_title_and_sentences_before(started, schema):
    task = read_task_folder(started("csv", preceding=1), schema).tasks["port:2"]
    assert (task.title, task.before) == ("Port talks", ("Unless pay rises, they will strike, the guild said.",))


@pytest.mark.parametrize("tool", TOOLS)
def test_no_suggestion_without_a_model(started, tool: str):
    folder = started(tool)
    if tool == "label-studio":
        assert all("predictions" not in task for task in json.loads((folder / "tasks.json").read_text()))
    elif tool == "csv":
        assert ",x," not in (folder / "upload.csv").read_text()
    else:
        lines = map(json.loads, (folder / "upload.jsonl").read_text().splitlines())
        assert all(line.get("label", []) == [] and line.get("accept", []) == [] for line in lines)


def test_label_studio_has_the_predictions_of_a_model(started, schema, trained):
    from pactag import Tagger

    tagger = Tagger.load(trained["tfidf"].folder)
    tagger.manifest = tagger.manifest.model_copy(update={"thresholds": dict.fromkeys(schema.names, 0.0)})
    folder = started("label-studio", tagger=tagger)
    (prediction,) = json.loads((folder / "tasks.json").read_text())[0]["predictions"]
    assert prediction["result"][0]["value"]["choices"] == list(schema.names)
    assert read_task_folder(folder, schema).about.model == tagger.model_id


def test_label_studio_interface_follows_the_schema(started, schema):
    view = ElementTree.parse(started("label-studio") / "interface.xml").getroot()
    choices = view.find("Choices")
    assert choices.get("choice") == "multiple"
    assert [(c.get("value"), c.get("hotkey")) for c in choices] == [(label.name, label.hotkey) for label in schema.labels]
    assert all(label.color in c.get("style") for c, label in zip(choices, schema.labels, strict=True))
    shown = " ".join(header.get("value") for header in view.iter("Header"))
    assert all(rule.rule in shown for label in schema.labels for rule in (*label.rules_in, *label.rules_out))


def test_label_studio_data_has_every_field_of_the_interface(started):
    folder = started("label-studio")
    view = ElementTree.parse(folder / "interface.xml").getroot()
    wanted = {value[1:] for element in view.iter() if (value := element.get("value", "")).startswith("$")}
    assert all(wanted <= task["data"].keys() for task in json.loads((folder / "tasks.json").read_text()))


def test_doccano_labels_follow_the_schema(started, schema):
    labels = json.loads((started("doccano") / "labels.json").read_text())
    assert [(label["text"], label["suffix_key"], label["background_color"]) for label in labels] == [
        (label.name, label.hotkey, label.color) for label in schema.labels
    ]


def test_prodigy_keys_do_not_collide(started):
    config = json.loads((started("prodigy") / "prodigy.json").read_text())
    keys = [*config["keymap_by_label"].values(), *(key for own in config["keymap"].values() for key in own)]
    assert len(keys) == len(set(keys))


def test_folder_with_work_in_it_is_left_alone(started, articles, schema):
    folder = started("csv")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(PactagError, match="holds something already"):
        start(articles, folder, schema, tool="csv")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_file_in_the_place_of_the_folder_is_told_before_any_work(tmp_path, schema):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PactagError, match=r"tasks: cannot be made: .*/file is a file\. Name another folder"):
        check_folder(tmp_path / "file" / "tasks")


def test_all_bad_inputs_are_told_and_nothing_is_written(tmp_path, schema):
    (tmp_path / "a.txt").write_text("He said no.")
    (tmp_path / "latin.txt").write_bytes("Le président.".encode("latin-1"))
    (tmp_path / "more.jsonl").write_text('{"id": "a", "text": "She left."}\n{"id": 3}\n{broken\n')
    with pytest.raises(PactagError) as error:
        start([tmp_path / name for name in ("a.txt", "latin.txt", "more.jsonl", "gone.txt")], tmp_path / "out", schema, tool="csv")
    told = str(error.value)
    for expected in (
        "latin.txt: byte 5",
        "more.jsonl:2: has no field 'text'",
        "more.jsonl:3: invalid JSON",
        "gone.txt: no such file",
        "'a': is given twice",
    ):
        assert expected in told
    assert not (tmp_path / "out").exists()


def test_judgements_are_no_articles(judged, tmp_path, schema):
    path = judged({"anna": {"port:0": ["threat"]}})
    with pytest.raises(PactagError) as told:
        start([path], tmp_path / "out", schema, tool="csv")
    assert str(told.value) == f"{path}: holds judgements. For those that differ: pactag annotate agreement {path} -o differ.jsonl"


@pytest.mark.parametrize("name", ["chosen", "chosen/*.jsonl"])
@pytest.mark.parametrize("kind", ["chosen sentences", "judgements"])
def test_files_of_the_loop_in_a_folder_or_pattern_are_no_articles(started, judged, tmp_path, schema, name: str, kind: str):
    (tmp_path / "chosen").mkdir()
    if kind == "judgements":
        judged({"anna": {"port:0": ["threat"]}}, name="chosen/a.jsonl")
    else:
        (tmp_path / "chosen/a.jsonl").write_bytes((started("csv") / "tasks.jsonl").read_bytes())
    with pytest.raises(PactagError) as told:
        start([tmp_path / name], tmp_path / "out", schema, tool="csv")
    assert str(told.value) == f"{tmp_path}/chosen/a.jsonl: holds {kind}, not articles. Name the file itself"
    assert not (tmp_path / "out").exists()


def test_article_without_a_sentence_is_told(tmp_path, schema):
    (tmp_path / "wire.jsonl").write_text('{"id": "empty", "text": "No.", "spans": []}\n')
    with pytest.raises(PactagError, match="article 'empty': holds no sentence"):
        start([tmp_path / "wire.jsonl"], tmp_path / "out", schema, tool="csv")


@pytest.mark.parametrize(
    ("article", "told"),
    [
        ({"id": "gap", "text": "No.\n\nYes.", "spans": [[0, 3], [3, 5], [5, 9]]}, "article 'gap': its sentence 3:5 is white space"),
        ({"id": " ", "text": "No."}, "article ' ': has no name"),
    ],
)
def test_what_no_corpus_takes_is_told_before_it_is_judged(tmp_path, schema, article, told: str):
    (tmp_path / "wire.jsonl").write_text(json.dumps(article) + "\n")
    with pytest.raises(PactagError, match=told):
        start([tmp_path / "wire.jsonl"], tmp_path / "out", schema, tool="csv")


def test_chosen_sentences_get_suggestions(tmp_path, started, schema, trained):
    """Sentences that `annotate next` chose carry no views: they are judged independently, with a model's labels if wanted."""
    from pactag import Tagger

    chosen = [task for task in read_task_folder(started("csv"), schema).tasks.values() if task.index == 1]
    (tmp_path / "next.jsonl").write_text("".join(task.to_json() + "\n" for task in chosen), encoding="utf-8")
    tagger = Tagger.load(trained["tfidf"].folder)
    tasks = start([tmp_path / "next.jsonl"], tmp_path / "chosen", schema, tool="csv", tagger=tagger)
    assert read_task_folder(tmp_path / "chosen", schema).about.round == "independent"
    whole = tagger.tag(PORT, title="Port talks").sentences[1]
    assert tasks[0].scores == {name: round(score, 4) for name, score in whole.scores.items()}


def test_articles_come_in_every_kind_of_file(tmp_path, schema):
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.txt").write_text("He said no.")
    (tmp_path / "wire.csv").write_text("id,text\nb,She left.\n")
    tasks = start([tmp_path / "news", tmp_path / "wire.csv"], tmp_path / "out", schema, tool="csv")
    assert [task.id for task in tasks] == ["a:0", "b:0"]


def test_articles_of_other_kinds_are_read_as_the_tagger_reads_them(tmp_path, schema):
    (tmp_path / "wire.csv").write_text("id,title,text\nport,Port talks,He said no. She left.\n")
    (tmp_path / "own.jsonl").write_text('{"text": "One. Two. Three.", "spans": [[0, 9], [10, 16]]}\n')
    start([tmp_path / "wire.csv", tmp_path / "own.jsonl"], tmp_path / "out", schema, tool="csv")
    tasks = read_task_folder(tmp_path / "out", schema).tasks
    assert [task.text for task in tasks.values()] == ["He said no.", "She left.", "One. Two.", "Three."]
    assert list(tasks)[2] == "own:1:0"


def test_what_a_file_holds_may_be_said(tmp_path, schema):
    (tmp_path / "wire.json").write_text('{"id": "port", "text": "He said no."}\n')
    tasks = start([tmp_path / "wire.json"], tmp_path / "out", schema, tool="csv", kind="jsonl")
    assert [task.id for task in tasks] == ["port:0"]
