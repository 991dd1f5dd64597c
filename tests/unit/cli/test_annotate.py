"""The annotation loop as a person meets it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

TEXTS = {"port": "Unless pay rises, they will strike. It rained.", "dam": "The board lied, he said. Norway offered talks."}


@pytest.fixture
def files(tmp_path) -> list[Path]:
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text)
    return [tmp_path / f"{name}.txt" for name in TEXTS]


def _fill(folder: Path, to: Path, marks: dict[str, str | None]) -> Path:
    """Put an x under one column of each row: `none` for sentences that are not named; rows of None stay empty."""
    rows = list(csv.reader(io.StringIO((folder / "upload.csv").read_text(encoding="utf-8-sig"))))
    for row in rows[1:]:
        column = marks.get(row[0], "none")
        if column is not None:
            row[next(i for i, name in enumerate(rows[0]) if name.startswith(column))] = "x"
    with to.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return to


@pytest.mark.parametrize(
    "command", ["annotate", "annotate start", "annotate import", "annotate agreement", "annotate suspects", "annotate next", "data add"]
)
def test_help_says_what_a_command_does(pactag, command: str):
    assert "Usage" in pactag(*command.split(), "--help").stdout


def test_the_whole_loop(pactag, files, tmp_path, small_corpus):
    anna, ben = {"port:0": "label threat"}, {"port:0": "label condition"}
    done = pactag("annotate", "start", *files, "--for", "csv", "-o", tmp_path / "tasks")
    assert "4 sentences of 2 articles" in done.stdout, done.stderr
    exports = [_fill(tmp_path / "tasks", tmp_path / f"{name}.csv", marks) for name, marks in (("anna", anna), ("ben", ben))]
    done = pactag("annotate", "import", *exports, "--tasks", tmp_path / "tasks", "-o", tmp_path / "first.jsonl")
    assert "8 judgements" in done.stdout, done.stderr
    done = pactag("annotate", "agreement", tmp_path / "first.jsonl", "-o", tmp_path / "differ.jsonl")
    assert "anna and ben: 4 sentences, 1 differ" in done.stdout, done.stderr
    assert "1 sentences to settle" in done.stdout
    assert pactag("annotate", "start", tmp_path / "differ.jsonl", "--for", "csv", "-o", tmp_path / "settle").returncode == 0
    settled = _fill(tmp_path / "settle", tmp_path / "dora.csv", {"port:0": "label threat"})
    pactag("annotate", "import", settled, "--tasks", tmp_path / "settle", "-o", tmp_path / "second.jsonl")
    corpus = tmp_path / "corpus"
    shutil.copytree(small_corpus, corpus)
    done = pactag("data", "add", tmp_path / "first.jsonl", tmp_path / "second.jsonl", "--to", corpus, "--test", "dam")
    assert "test: 2 new sentences in 1 articles" in done.stdout, done.stderr
    digest = json.loads(pactag("data", "stats", corpus, "--json").stdout)["digest"]
    assert f"digest {digest}" in done.stdout
    rows = [json.loads(line) for line in (corpus / "train.jsonl").read_text().splitlines()]
    assert [row["labels"] for row in rows if row["article_id"] == "port"] == [["threat"], []]


def test_import_tells_what_is_missing(pactag, files, tmp_path):
    pactag("annotate", "start", *files, "--for", "csv", "-o", tmp_path / "tasks")
    export = _fill(tmp_path / "tasks", tmp_path / "anna.csv", {"dam:1": None})
    done = pactag("annotate", "import", export, "--tasks", tmp_path / "tasks", "-o", tmp_path / "out.jsonl")
    assert "anna said nothing of 1 sentences: dam:1" in done.stderr


def test_bad_export_is_told_and_writes_nothing(pactag, files, tmp_path):
    pactag("annotate", "start", *files, "--for", "doccano", "-o", tmp_path / "tasks")
    (tmp_path / "anna.jsonl").write_text('{"sentence_id": "port:0", "text": "Changed.", "label": ["menace"]}\n')
    done = pactag("annotate", "import", tmp_path / "anna.jsonl", "--tasks", tmp_path / "tasks", "-o", tmp_path / "out.jsonl")
    assert done.returncode == 2
    assert "anna.jsonl:1: the text of port:0 was changed" in done.stderr
    assert "anna.jsonl:1: unknown label 'menace'" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_agreement_as_json(pactag, files, tmp_path):
    pactag("annotate", "start", *files, "--for", "csv", "-o", tmp_path / "tasks")
    exports = [_fill(tmp_path / "tasks", tmp_path / f"{name}.csv", {}) for name in ("anna", "ben")]
    pactag("annotate", "import", *exports, "--tasks", tmp_path / "tasks", "-o", tmp_path / "out.jsonl")
    data = json.loads(pactag("annotate", "agreement", tmp_path / "out.jsonl", "--json").stdout)
    assert data["to_settle"] == []
    assert data["pairs"][0]["kappa"] == [None] * 4


@pytest.fixture
def first(pactag, files, tmp_path) -> Path:
    """Judgements of one annotator, beside her export `anna.csv` and the folder `tasks`."""
    pactag("annotate", "start", *files, "--for", "csv", "-o", tmp_path / "tasks")
    export = _fill(tmp_path / "tasks", tmp_path / "anna.csv", {})
    pactag("annotate", "import", export, "--tasks", tmp_path / "tasks", "-o", tmp_path / "first.jsonl")
    return tmp_path / "first.jsonl"


def test_label_that_nobody_gave_has_a_dash(pactag, first, tmp_path):
    ben = _fill(tmp_path / "tasks", tmp_path / "ben.csv", {})
    pactag("annotate", "import", ben, "--tasks", tmp_path / "tasks", "-o", tmp_path / "more.jsonl")
    done = pactag("annotate", "agreement", first, tmp_path / "more.jsonl")
    (line,) = [line for line in done.stdout.splitlines() if "threat" in line]
    assert line.count(" - ") == 3


def test_agreement_names_annotators_as_they_are(pactag, first, tmp_path):
    ben = _fill(tmp_path / "tasks", tmp_path / "ben.csv", {})
    named = ("--name", "ben=ben [bold]", "--tasks", tmp_path / "tasks", "-o", tmp_path / "more.jsonl")
    assert "ben [bold]: 4 judged" in pactag("annotate", "import", ben, *named).stdout
    assert "anna and ben [bold]: 4 sentences" in pactag("annotate", "agreement", first, tmp_path / "more.jsonl").stdout


def test_import_leaves_earlier_judgements_alone(pactag, first, tmp_path):
    before = first.read_bytes()
    done = pactag("annotate", "import", _fill(tmp_path / "tasks", tmp_path / "ben.csv", {}), "--tasks", tmp_path / "tasks", "-o", first)
    assert (done.returncode, first.read_bytes()) == (2, before)
    assert "first.jsonl: holds judgements already. Name another file, or say --replace" in done.stderr


def test_import_replaces_judgements_when_asked(pactag, first, tmp_path):
    ben = _fill(tmp_path / "tasks", tmp_path / "ben.csv", {})
    done = pactag("annotate", "import", ben, "--tasks", tmp_path / "tasks", "-o", first, "--replace")
    assert done.returncode == 0, done.stderr
    assert "ben" in first.read_text()


def test_import_never_writes_over_an_export(pactag, first, tmp_path):
    export = tmp_path / "anna.csv"
    before = export.read_bytes()
    done = pactag("annotate", "import", export, "--tasks", tmp_path / "tasks", "-o", export, "--replace")
    assert (done.returncode, export.read_bytes()) == (2, before)
    assert "anna.csv: is there already, and holds no judgements" in done.stderr


def test_agreement_never_writes_over_judgements(pactag, first):
    before = first.read_bytes()
    done = pactag("annotate", "agreement", first, "-o", first)
    assert (done.returncode, first.read_bytes()) == (2, before)
    assert "first.jsonl: is there already, and holds no chosen sentences" in done.stderr


def test_agreement_finds_its_sentences_again(pactag, files, tmp_path):
    pactag("annotate", "start", *files, "--for", "csv", "-o", tmp_path / "tasks")
    marks = {"anna": {"port:0": "label threat"}, "ben": {}}
    exports = [_fill(tmp_path / "tasks", tmp_path / f"{name}.csv", own) for name, own in marks.items()]
    pactag("annotate", "import", *exports, "--tasks", tmp_path / "tasks", "-o", tmp_path / "out.jsonl")
    for _ in range(2):
        assert pactag("annotate", "agreement", tmp_path / "out.jsonl", "-o", tmp_path / "differ.jsonl").returncode == 0


def test_round_that_settles_is_imported_into_another_file(pactag, tmp_path):
    said = [{"annotator": "anna", "labels": []}]
    task = {"article_id": "a", "index": 0, "sentences": 1, "start": 0, "end": 11, "text": "He said no.", "said": said}
    (tmp_path / "differ.jsonl").write_text(json.dumps(task) + "\n")
    done = pactag("annotate", "start", tmp_path / "differ.jsonl", "--for", "csv", "-o", tmp_path / "settle")
    assert f"--tasks {tmp_path / 'settle'} -o settled.jsonl" in done.stdout, done.stderr


def test_suspects_never_write_over_the_corpus(pactag, tmp_path, small_corpus):
    corpus = tmp_path / "mine.jsonl"
    shutil.copy(small_corpus / "train.jsonl", corpus)
    done = pactag("annotate", "suspects", corpus, "-o", corpus)
    assert (done.returncode, corpus.read_bytes()) == (2, (small_corpus / "train.jsonl").read_bytes())
    assert "mine.jsonl: is there already, and holds no chosen sentences" in done.stderr


def test_suspects_become_tasks(pactag, small_corpus, tmp_path):
    done = pactag("annotate", "suspects", small_corpus, "--folds", 2, "--top", 3, "--for", "csv", "-o", tmp_path / "doubted")
    assert "3 sentences in" in done.stdout, done.stderr
    assert (tmp_path / "doubted" / "upload.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"), [(("--for", "csv"), "--for csv: has no place"), (("-o", "list.csv"), "does not end in .jsonl")]
)
def test_suspects_need_a_place_that_fits(pactag, small_corpus, arguments, told: str):
    done = pactag("annotate", "suspects", small_corpus, *arguments)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("place", "told"),
    [("nowhere/differ.jsonl", "there is no folder"), ("a.txt/differ.jsonl", "there is no folder"), ("full.jsonl", "is a")],
)
@pytest.mark.parametrize("command", ["suspects {corpus}", "next a.txt --corpus {corpus}"], ids=["suspects", "next"])
def test_place_that_cannot_be_written_is_told_before_anything_is_read(pactag, tmp_path, command: str, place: str, told: str):
    (tmp_path / "a.txt").write_text("He said no.")
    (tmp_path / "full.jsonl").mkdir()
    # A corpus that is not there would be told as soon as it was read.
    done = pactag("annotate", *command.format(corpus=tmp_path / "none").split(), "-o", tmp_path / place)
    assert done.returncode == 2
    assert f"{place}: {told}" in done.stderr


def test_next_writes_sentences_that_start_takes(pactag, files, tmp_path, small_corpus, trained):
    model = trained["tfidf"].folder
    options = ("--model", model, "--corpus", small_corpus, "--base", trained["frozen"].folder.parent / "none", "--budget", 4)
    # As many as there are: no vectors are needed to tell them apart, and so no encoder.
    done = pactag("annotate", "next", *files, *options, "-o", tmp_path / "next.jsonl")
    assert "4 of 4 sentences chosen, of 2 articles" in done.stdout, done.stderr
    done = pactag("annotate", "start", tmp_path / "next.jsonl", "--for", "csv", "-o", tmp_path / "tasks")
    assert "4 sentences of 2 articles" in done.stdout, done.stderr


def test_next_without_a_store_is_by_the_built_in_model(pactag, files, tmp_path, small_corpus):
    options = ("--corpus", small_corpus, "--base", tmp_path / "none", "--budget", 4)
    done = pactag("annotate", "next", *files, *options, MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/none.db")
    assert "4 of 4 sentences chosen" in done.stdout, done.stderr


def test_start_reads_json_whose_kind_is_said(pactag, tmp_path):
    (tmp_path / "wire.json").write_text('{"id": "port", "text": "He said no."}\n')
    refused = pactag("annotate", "start", tmp_path / "wire.json", "--for", "csv", "-o", tmp_path / "tasks")
    assert refused.returncode == 2
    assert "--input-format jsonl" in " ".join(refused.stderr.split())
    done = pactag("annotate", "start", tmp_path / "wire.json", "--input-format", "jsonl", "--for", "csv", "-o", tmp_path / "tasks")
    assert "1 sentences of 1 articles" in done.stdout, done.stderr
