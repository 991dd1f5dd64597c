"""What the README shows runs as printed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CONSOLE = [line.split("#")[0].strip() for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python_block_runs(code: str, trained, store, monkeypatch, capsys):
    from pactag.tracking import Tracker

    Tracker(store).promote(trained["tfidf"].run_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_two_set_up_commands_come_first():
    assert [line for line in CONSOLE if line][:2] == ["make quickstart", "make test"]


@pytest.mark.parametrize("target", ["quickstart", "test"])
def test_make_knows_the_target(target: str):
    done = subprocess.run(["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", [line for line in CONSOLE if re.match(r"pactag (tag|evaluate|promote|compare) .*(latest|examples)", line)])
def test_console_line_runs(line: str, pactag, trained, store, config_of, tmp_path):
    from pactag.tracking import Tracker
    from pactag.training import train

    Tracker(store).promote(trained["tfidf"].run_id)
    # The latest run can be compared with the champion, whatever other tests trained before.
    train(config_of("tfidf"))
    # What a line writes is not left in the repository.
    line = re.sub(r"(--predictions|--html|-o) (\S+)", rf"\1 {tmp_path}/\2", line)
    arguments = [str(path) for word in line.split()[1:] for path in (sorted(REPOSITORY.glob(word)) if "*" in word else [word])]
    done = pactag(*arguments, MLFLOW_TRACKING_URI=store)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_file_named_in_the_tree_exists():
    tree = re.search(r"## What is where\n\n```\n(.*?)```", README, re.DOTALL)
    assert tree is not None
    names = [line.split()[0] for line in tree[1].splitlines() if line and not line.startswith(" ")]
    assert [name for name in names if not (REPOSITORY / name).exists()] == []


def test_fifth_label_needs_no_code(tmp_path, small_corpus, store):
    """A user edits the schema, relabels, trains, tags."""
    import json

    from pactag import Tagger
    from pactag.config import RunConfig
    from pactag.training import train

    schema = (REPOSITORY / "data/schema.yaml").read_text(encoding="utf-8")
    fifth = '\n  - name: praise\n    meaning: An actor praises another.\n    color: "#555555"\n    mark: R\n    hotkey: r\n'
    (tmp_path / "schema.yaml").write_text(schema.replace("name: threat", "name: menace") + fifth)
    shutil.copytree(small_corpus, tmp_path / "corpus")
    for path in (tmp_path / "corpus").glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for number, row in enumerate(rows):
            row["labels"] = ["menace" if label == "threat" else label for label in row["labels"]] + (["praise"] if number % 3 == 0 else [])
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = RunConfig.model_validate(
        {
            "name": "fifth",
            "data": {"corpus": tmp_path / "corpus", "schema_file": tmp_path / "schema.yaml"},
            "model": {"kind": "tfidf"},
            "tracking": {"uri": store, "experiment": "tests"},
            "output": tmp_path / "runs",
        }
    )
    tagger = Tagger.load(train(config).folder)
    assert tagger.schema.names == ("proposal", "accusation", "menace", "condition", "praise")
    assert set(tagger.tag("He said no.").sentences[0].scores) == set(tagger.schema.names)


def test_module_runs_as_a_script():
    done = subprocess.run([sys.executable, "-m", "pactag.cli", "--help"], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
