"""The command line as a person meets it: output, help, exit codes, and what bad input gives."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pactag.score_files import read_scores

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def model(trained) -> Path:
    return trained["tfidf"].folder


@pytest.mark.parametrize(
    "command",
    [
        "",
        "train",
        "evaluate",
        "calibrate",
        "tag",
        "validate",
        "compare",
        "promote",
        "rollback",
        "reproduce",
        "sweep",
        "sweep run",
        "sweep best",
        "ui",
        "schema show",
        "config schema",
        "config show",
        "data check",
        "data stats",
    ],
)
def test_help_says_what_a_command_does(pactag, command: str):
    done = pactag(*command.split(), "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_no_command_shows_the_help(pactag):
    assert "Usage" in pactag().stdout


def test_train_prints_figures_model_and_run(pactag, config_of, tmp_path):
    config = _written(config_of("tfidf", output=str(tmp_path / "runs")), tmp_path)
    done = pactag("train", config)
    assert done.returncode == 0, done.stderr
    assert "macro" in done.stdout
    folder = re.search(r"model +(\S+)", done.stdout)
    assert folder is not None
    assert (Path(folder[1]) / "pactag.json").is_file()
    assert re.search(r"runs:/[0-9a-f]{32}", done.stdout)


def test_train_as_json_is_one_document(pactag, config_of, tmp_path):
    config = _written(config_of("tfidf", output=str(tmp_path / "runs")), tmp_path)
    done = pactag("train", config, "--json", "--set", "seed=2")
    data = json.loads(done.stdout)
    assert set(data) == {"run_id", "model", "fit_seconds", "validation", "test"}


def test_train_with_a_wrong_override_names_it(pactag, config_of, tmp_path):
    done = pactag("train", _written(config_of("encoder"), tmp_path), "--set", "training.lerning_rate=1")
    assert done.returncode == 2
    assert "training.lerning_rate: unknown field. Did you mean learning_rate" in done.stderr
    assert "Traceback" not in done.stderr


def test_train_with_a_bad_corpus_tells_every_row(pactag, config_of, small_corpus, tmp_path):
    bad = tmp_path / "corpus"
    bad.mkdir()
    for split in ("train", "validation", "test"):
        (bad / f"{split}.jsonl").write_bytes((small_corpus / f"{split}.jsonl").read_bytes())
    lines = (bad / "train.jsonl").read_text().splitlines()
    lines[1] = lines[1].replace('"labels": [', '"labels": ["menace"' + (", " if '"labels": []' not in lines[1] else ""))
    lines[3] = "{not json"
    (bad / "train.jsonl").write_text("\n".join(lines))
    done = pactag("train", _written(config_of("tfidf"), tmp_path), "--set", f"data.corpus={bad}")
    assert done.returncode == 2
    assert "train.jsonl:2: unknown label 'menace'" in done.stderr
    assert "train.jsonl:4: invalid JSON" in done.stderr


def test_validate_tells_every_error_of_every_file(pactag, tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\nmodel: {kind: tfdf}\n")
    (tmp_path / "b.yaml").write_text("nam: b\nmodel: {kind: tfidf, c: -1}\n")
    done = pactag("validate", tmp_path / "a.yaml", tmp_path / "b.yaml", REPOSITORY / "configs/tfidf.yaml")
    assert done.returncode == 2
    assert "a.yaml:2: model.kind: 'tfdf' is not a kind. Allowed kinds: 'tfidf', 'frozen', 'encoder'" in done.stderr
    assert "b.yaml:1: nam: unknown field. Did you mean name?" in done.stderr
    assert "b.yaml:2: model.c: -1 is not allowed" in done.stderr
    assert "ok configs/tfidf.yaml" in done.stdout.replace(str(REPOSITORY) + "/", "")
    assert "2 of 3 configs" in done.stderr


def test_validate_checks_the_configs_of_the_checkout_by_default(pactag):
    done = pactag("validate")
    assert done.returncode == 0
    assert "ok configs/quick.yaml" in done.stdout


def test_config_schema_is_json_schema(pactag):
    data = json.loads(pactag("config", "schema").stdout)
    assert data["$schema"].startswith("https://json-schema.org/")
    assert "learning_rate" in data["$defs"]["TrainingConfig"]["properties"]


def test_config_show_applies_overrides(pactag):
    done = pactag("config", "show", "configs/quick.yaml", "--set", "training.learning_rate=3e-5")
    assert "learning_rate: 3.0e-05" in done.stdout


def test_schema_show_prints_every_label(pactag, schema):
    done = pactag("schema", "show")
    assert all(f"{label.mark}  {label.name}" in done.stdout for label in schema.labels)


def test_schema_show_prints_brackets_as_they_stand(pactag, tmp_path):
    text = (REPOSITORY / "data/schema.yaml").read_text().replace("id: G1", 'id: "[g1]"')
    (tmp_path / "schema.yaml").write_text(re.sub(r"plover: \[.*?\]", 'plover: ["[/x]"]', text))
    done = pactag("schema", "show", "--schema", tmp_path / "schema.yaml")
    assert done.returncode == 0
    assert "[g1]" in done.stdout
    assert "PLOVER [/x]" in done.stdout


def test_schema_show_outside_a_checkout_has_that_of_the_built_in_model(pactag, schema, monkeypatch, tmp_path):
    monkeypatch.setattr("pactag.cli.settings.DEFAULT_SCHEMA", tmp_path / "schema.yaml")
    done = pactag("schema", "show", "--json")
    assert json.loads(done.stdout) == schema.model_dump(mode="json", by_alias=True)
    assert "the schema of the built-in model" in done.stderr


def test_schema_that_was_named_is_not_replaced_by_another(pactag, tmp_path):
    done = pactag("schema", "show", "--schema", tmp_path / "schema.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such file" in done.stderr


def test_data_stats_as_json(pactag, small_corpus):
    data = json.loads(pactag("data", "stats", small_corpus, "--json").stdout)
    assert data["splits"]["train"]["articles"] == 24


def test_data_check_of_a_good_corpus(pactag, small_corpus):
    done = pactag("data", "check", small_corpus)
    assert "rows are well-formed" in done.stdout


@pytest.mark.parametrize("folder", ["", "news[/2020]/", "[red]"])
def test_data_check_tells_repeated_text(pactag, tmp_path, folder: str):
    sentence = "The minister said that the second bridge will be closed for repairs in May."
    for split in ("train", "validation", "test"):
        row = {"article_id": folder + split, "index": 0, "text": sentence, "labels": []}
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    done = pactag("data", "check", tmp_path)
    assert done.returncode == 2
    assert f"eight words in {folder}test, {folder}train, {folder}validation: the minister" in done.stderr
    assert f"{folder}train:0 and {folder}validation:0 are near-duplicates" in done.stderr


def test_evaluate_prints_the_figures_of_the_training(pactag, model, small_corpus, trained):
    done = pactag("evaluate", model, "--data", small_corpus / "test.jsonl", "--by", "register", "--json")
    data = json.loads(done.stdout)
    assert data["figures"]["f1_macro"] == pytest.approx(trained["tfidf"].test.figures["f1_macro"])
    assert sum(part["sentences"] for part in data["by"].values()) == data["figures"]["sentences"]


def test_evaluate_by_a_field_that_no_row_has_lists_the_fields(pactag, model, small_corpus):
    done = pactag("evaluate", model, "--data", small_corpus / "test.jsonl", "--by", "sorce")
    assert done.returncode == 2
    assert "article_id, title" in done.stderr


def test_evaluate_by_article_shows_no_interval_of_one(pactag, model, small_corpus):
    done = pactag("evaluate", model, "--data", small_corpus / "test.jsonl", "--by", "article_id")
    whole, _, apart = done.stdout.partition("article_id = ")
    assert " to " in whole
    assert "article_id = " in apart
    assert " to " not in apart


def test_evaluate_gives_programs_no_interval_of_one_article_either(pactag, model, small_corpus):
    done = pactag("evaluate", model, "--data", small_corpus / "test.jsonl", "--by", "article_id", "--json")
    data = json.loads(done.stdout)
    assert data["intervals"]
    assert [part["intervals"] for part in data["by"].values()] == [{}] * len(data["by"])


def test_evaluate_gives_the_mean_of_several_models(pactag, model, small_corpus, trained):
    other = trained["encoder"].folder
    done = pactag("evaluate", model, other, "--data", small_corpus / "test.jsonl", "--json")
    data = json.loads(done.stdout)
    expected = [trained[kind].test.figures["f1_macro"] for kind in ("tfidf", "encoder")]
    assert [part["figures"]["f1_macro"] for part in data["models"]] == pytest.approx(expected, abs=1e-6)
    assert data["mean"]["f1_macro"] == pytest.approx(sum(expected) / 2, abs=1e-6)
    low, high = data["intervals"]["f1_macro"]
    assert low <= data["mean"]["f1_macro"] <= high


def test_evaluate_writes_what_the_model_says_of_each_sentence(pactag, model, small_corpus, trained, tmp_path):
    done = pactag("evaluate", model, "--data", small_corpus / "test.jsonl", "--predictions", tmp_path / "said.csv")
    assert done.returncode == 0, done.stderr
    found = read_scores(tmp_path / "said.csv", trained["tfidf"].test.labels)
    assert list(found) == [row.id for row in trained["tfidf"].test.rows]
    assert np.allclose(np.stack(list(found.values())), trained["tfidf"].test.scores, atol=1e-4)


def test_predictions_of_two_models_are_refused(pactag, model, trained, tmp_path):
    done = pactag("evaluate", model, trained["encoder"].folder, "--predictions", tmp_path / "said.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--predictions: is for one model, found 2" in " ".join(done.stderr.split())


def test_tag_prints_labelled_sentences(pactag, model):
    done = pactag("tag", REPOSITORY / "data/examples/stalled-talks.txt", "--model", model)
    assert done.returncode == 0, done.stderr
    assert re.search(r"stalled-talks: \d+ of \d+ sentences carry an act", done.stdout)


def test_tag_as_json_has_true_offsets(pactag, model):
    path = REPOSITORY / "data/examples/stalled-talks.txt"
    rows = [json.loads(line) for line in pactag("tag", path, "--model", model, "--json").stdout.splitlines()]
    text = path.read_text(encoding="utf-8")
    assert rows
    assert all(text[row["start"] : row["end"]] == row["text"] for row in rows)


def test_tag_reads_standard_input(pactag, model):
    done = pactag("tag", "-", "--model", model, "--json", stdin=b"He said no. She left.")
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["He said no.", "She left."]


BAD_FILES = {
    "binary": (bytes(range(256)) * 20, "is a binary file"),
    "latin": ("Le président a refusé.".encode("latin-1"), "byte 5 (0xe9, line 1) is not valid UTF-8"),
    "utf16": ("He said no.".encode("utf-16"), "is UTF-16"),
    "empty": (b"", "holds no text"),
    "missing": (None, "no such file"),
    "folder": ("folder", "holds no file that pactag reads"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_unreadable_file_is_told_and_the_others_are_tagged(pactag, model, tmp_path, content, message: str):
    bad, good = tmp_path / "bad.txt", tmp_path / "good.txt"
    good.write_text("He said no. She left.")
    if content == "folder":
        bad.mkdir()
    elif content is not None:
        bad.write_bytes(content)
    output = tmp_path / "acts.jsonl"
    done = pactag("tag", bad, good, "--model", model, "-o", output)
    assert done.returncode == 2
    assert f"{bad}: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert [json.loads(line)["article_id"] for line in output.read_text().splitlines()] == ["good", "good"]


@pytest.mark.parametrize("content", [b"Ceasefire", "He left 🚪.\r\nمرحبا.".encode(), b"A\0B." + b" He said no." * 20])
def test_odd_but_readable_file_is_tagged(pactag, model, tmp_path, content: bytes):
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    assert pactag("tag", path, "--model", model).returncode == 0


@pytest.mark.parametrize("name", ["acts.csv", "acts.html", "acts.jsonld", "acts.brat"])
def test_ending_of_the_output_tells_the_format(pactag, model, tmp_path, name: str):
    done = pactag("tag", REPOSITORY / "data/examples", "--model", model, "-o", tmp_path / name)
    assert done.returncode == 0, done.stderr
    opening = {"csv": "article_id,", "html": "<!doctype html>", "jsonld": '{"@context"', "brat": "T1\t"}[name.split(".")[1]]
    path = tmp_path / name
    assert (path / "stalled-talks.ann" if path.is_dir() else path).read_text().startswith(opening)


def test_output_of_an_unknown_ending_is_told_before_the_model_is_loaded(pactag, tmp_path):
    done = pactag("tag", REPOSITORY / "data/examples", "--model", tmp_path / "nowhere", "-o", tmp_path / "acts.docx")
    assert done.returncode == 2
    assert "tells no format" in done.stderr


def test_format_without_output_is_told(pactag, tmp_path):
    done = pactag("tag", REPOSITORY / "data/examples", "--model", tmp_path / "nowhere", "--format", "csv")
    assert done.returncode == 2
    assert "need --output" in done.stderr


@pytest.mark.parametrize("options", [["-o", "wire.jsonl"], ["-o", "acts.jsonl", "--texts", "wire.jsonl"]], ids=["output", "texts"])
def test_input_is_not_written_over(pactag, tmp_path, options: list[str]):
    wire = tmp_path / "wire.jsonl"
    wire.write_text('{"text": "He said no."}\n')
    places = [option if option.startswith("-") else tmp_path / option for option in options]
    done = pactag("tag", wire, "--model", "built-in-small", *places)
    assert (done.returncode, wire.read_text()) == (2, '{"text": "He said no."}\n')
    assert "is one of the inputs" in done.stderr


@pytest.mark.parametrize("name", ["acts.jsonl", "acts/"])
def test_json_and_output_together_are_told(pactag, tmp_path, name: str):
    done = pactag("tag", "data/examples", "--model", tmp_path / "nowhere", "--json", "-o", f"{tmp_path}/{name}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Use one of the two" in done.stderr


def test_brat_folder_that_is_there_is_not_taken_for_a_folder_of_parts(pactag, tmp_path):
    (tmp_path / "acts.brat").mkdir()
    done = pactag("tag", "data/examples", "--model", "built-in-small", "-o", tmp_path / "acts.brat")
    assert "exists already" in done.stderr


@pytest.mark.parametrize("command", [["tag", "-", "--model", "latest"], ["evaluate", "latest"], ["demo", "--model", "latest"]])
def test_latest_without_a_store_is_told_and_makes_none(pactag, tmp_path, command: list[str]):
    done = pactag(*command, MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/none.db")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert f"store sqlite:///{tmp_path}/none.db: is not there" in done.stderr


def test_bad_row_is_told_and_the_others_are_tagged(pactag, model):
    rows = b'{"id": "a", "text": "He said no."}\n{"id": "b"}\n{"id": "c", "text": "She left."}\n'
    done = pactag("tag", "-", "--input-format", "jsonl", "--model", model, "--json", stdin=rows)
    assert done.returncode == 2
    assert "standard input:2: has no field 'text'" in done.stderr
    assert [json.loads(line)["article_id"] for line in done.stdout.splitlines()] == ["a", "c"]


def test_output_into_a_missing_folder_is_told(pactag, model, tmp_path):
    good = tmp_path / "good.txt"
    good.write_text("He said no.")
    done = pactag("tag", good, "--model", model, "-o", tmp_path / "nowhere/acts.jsonl")
    assert done.returncode == 2
    assert "there is no folder" in done.stderr


def test_missing_model_is_told(pactag, tmp_path):
    done = pactag("tag", REPOSITORY / "data/examples/stalled-talks.txt", "--model", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "no such folder" in done.stderr


def test_promote_names_the_champion(pactag, trained, store):
    done = pactag("promote", trained["tfidf"].run_id, "--force", "for the test", "--tracking-uri", store)
    assert re.search(r"models:/pactag@champion is (now )?version \d+", done.stdout)


def test_promote_of_an_unknown_run_is_told(pactag, trained, store):
    done = pactag("promote", "0123", "--tracking-uri", store)
    assert done.returncode == 2
    assert "run '0123': is not in this store" in done.stderr


def test_piped_output_has_no_colour_codes(pactag, model):
    done = pactag("tag", REPOSITORY / "data/examples/stalled-talks.txt", "--model", model)
    assert "\x1b[" not in done.stdout


def _written(config, folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(config.to_yaml())
    return path


def test_terminated_training_ends_its_run_as_killed(config_of, store, tmp_path):
    from pactag.tracking import Tracker

    training = {"epochs": 100, "early_stopping": None}
    config = _written(config_of("encoder", name="terminated", training=training), tmp_path)
    command = [sys.executable, "-m", "pactag.cli", "train", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # The first line of progress says that training is under way.
        assert process.stderr.readline().startswith("training terminated")
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    tracker = Tracker(store)
    runs = tracker.client.search_runs([tracker.experiment_id("tests")], "attributes.run_name = 'terminated'")
    assert [run.info.status for run in runs] == ["KILLED"]


def test_tag_into_a_folder_writes_parts_and_goes_on(pactag, model, tmp_path):
    command = ["tag", "data/examples", "--model", model, "-o", f"{tmp_path}/acts/", "--part-size", "1"]
    done = pactag(*command)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ sentences in [\d.]+ s, \d+ a second; 1 part in ", done.stderr)
    assert sorted(path.name for path in (tmp_path / "acts").iterdir()) == ["finished.json", "job.json", "part-000000-000000.jsonl"]
    again = pactag(*command)
    assert (again.returncode, "--resume" in again.stderr) == (2, True)
    assert "1 part there already" in pactag(*command, "--resume").stderr


@pytest.mark.parametrize("option", [["--resume"], ["--shard", "1/2"], ["--part-size", "5"], ["--engine", "ray"]])
def test_option_for_parts_without_a_folder_is_told(pactag, tmp_path, option):
    done = pactag("tag", "data/examples", "--model", tmp_path / "nowhere", "-o", tmp_path / "acts.jsonl", *option)
    assert done.returncode == 2
    assert "need a folder as output" in done.stderr


def test_address_inside_a_network_is_told(pactag, model):
    done = pactag("tag", "http://127.0.0.1:9/", "data/examples", "--model", model)
    assert done.returncode == 2
    assert "127.0.0.1 stands in a private or reserved network" in done.stderr
    assert "sentences carry an act" in done.stdout


def test_without_a_store_the_built_in_model_tags(pactag, tmp_path):
    done = pactag("tag", "-", "--json", stdin=b"The guild offered talks.", MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/none.db")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"] == ["proposal"]
    assert not list(tmp_path.iterdir())


def test_without_a_champion_the_built_in_model_tags_and_it_is_told(pactag, tmp_path):
    from pactag.tracking import Tracker

    store = f"sqlite:///{tmp_path}/runs.db"
    Tracker(store).experiment_id("empty")
    done = pactag("tag", "-", "--json", stdin=b"The guild offered talks.", MLFLOW_TRACKING_URI=store)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"] == ["proposal"]
    assert "no run is promoted in" in " ".join(done.stderr.split())


def test_predictions_take_the_place_of_predictions_alone(pactag, model, small_corpus, tmp_path):
    data = tmp_path / "mine.jsonl"
    shutil.copy(small_corpus / "test.jsonl", data)
    before = data.read_bytes()
    done = pactag("evaluate", model, "--data", data, "--predictions", data)
    assert done.returncode == 2
    assert "exists already and holds no predictions" in done.stderr
    assert data.read_bytes() == before
    articles = tmp_path / "articles.csv"
    articles.write_text("id,title,text\nport,Port talks,He said no.\n")
    assert pactag("evaluate", model, "--data", data, "--predictions", articles).returncode == 2
    assert articles.read_text().startswith("id,title,text")
    for _ in range(2):
        assert pactag("evaluate", model, "--data", data, "--predictions", tmp_path / "said.csv").returncode == 0


def test_predictions_that_cannot_be_written_are_told_before_the_work(pactag, tmp_path):
    done = pactag("evaluate", tmp_path / "no-model", "--predictions", tmp_path / "none" / "said.csv")
    assert done.returncode == 2
    assert "said.csv: there is no folder" in " ".join(done.stderr.split())


def test_evaluate_tells_labels_that_no_sentence_carries(pactag, model, tmp_path):
    data = tmp_path / "mine.jsonl"
    data.write_text(json.dumps({"article_id": "a", "index": 0, "text": "It rained.", "labels": ["threat"]}) + "\n")
    done = pactag("evaluate", model, "--data", data)
    assert "no sentence carries proposal, accusation, condition: macro-F1 counts them as 0" in done.stderr
    assert json.loads(pactag("evaluate", model, "--data", data, "--json").stdout)["absent_labels"] == [
        "proposal",
        "accusation",
        "condition",
    ]


def test_values_with_brackets_are_shown_as_they_are(pactag, model, tmp_path):
    data = tmp_path / "mine [ap].jsonl"
    row = {"article_id": "a", "index": 0, "text": "It rained.", "labels": [], "source": "wire [/k]"}
    data.write_text(json.dumps(row) + "\n")
    done = pactag("evaluate", model, "--data", data, "--by", "source")
    assert done.returncode == 0, done.stderr
    assert "source = wire [/k]" in done.stdout
    assert "mine [ap].jsonl" in done.stdout


def test_output_stays_when_nothing_could_be_read(pactag, model, tmp_path):
    output = tmp_path / "acts.csv"
    output.write_text("yesterday\n")
    done = pactag("tag", tmp_path / "typo.txt", "-m", model, "-o", output)
    assert done.returncode == 2
    assert "nothing could be read" in done.stderr
    assert output.read_text() == "yesterday\n"


def test_articles_with_one_id_are_told(pactag, model, tmp_path):
    (tmp_path / "wire.jsonl").write_text('{"id": "a", "text": "He left."}\n' * 2 + '{"id": "b", "text": "He left."}\n')
    done = pactag("tag", tmp_path / "wire.jsonl", "-m", model, "-o", tmp_path / "acts.jsonl")
    assert (done.returncode, "several articles have the id 'a': their sentences" in done.stderr) == (0, True)


@pytest.mark.parametrize("arguments", [("-m", ""), ("-o", "")], ids=["model", "output"])
def test_empty_name_is_refused(pactag, tmp_path, arguments):
    (tmp_path / "a.txt").write_text("He left.")
    done = pactag("tag", tmp_path / "a.txt", *arguments)
    assert done.returncode == 2
    assert "is empty" in done.stderr


def test_empty_input_is_refused(pactag, model):
    done = pactag("tag", "", "-m", model)
    assert (done.returncode, "input: is empty" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "command", ["tag a.txt -m {}", "evaluate {}", "data check {}", "schema show --schema {}", "study show {}", "sync {}"]
)
def test_name_that_the_system_refuses_is_told(pactag, command: str):
    done = pactag(*command.format("a" * 300).split())
    assert done.returncode == 2
    assert "File name too long" in done.stderr


def test_of_very_many_problems_the_first_are_told(pactag, model, tmp_path):
    data = tmp_path / "mine.csv"
    data.write_text("a,b\n" * 500)
    done = pactag("evaluate", model, "--data", data)
    assert len(done.stderr.splitlines()) == 31
    assert done.stderr.endswith("and 470 more\n")
