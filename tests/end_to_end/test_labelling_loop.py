"""The labelling loop of the README, command by command as it stands there, on its ten articles."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Label your own articles")[2].partition("\n## ")[0]
COMMANDS = [shlex.split(line, comments=True) for line in re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL)[0].splitlines()]


@pytest.fixture
def walked(pactag, tmp_path, small_corpus, store, tiny_base) -> tuple[dict[str, str], Path]:
    """Runs every line, in the repository but with what is written in a folder of its own; what each printed, by its first words."""
    written = {"tasks", "first.jsonl", "differ.jsonl", "settle", "second.jsonl", "my-corpus", "doubted", "more"}
    # In place of the whole corpus, a small one; in place of the bundled encoder, one without layers to speak of.
    quicker = {"next": ["--base", str(tiny_base)], "train": ["--set", f"output={tmp_path / 'runs'}"]}
    said = {}
    for command in COMMANDS:
        if command[0] == "cp":
            shutil.copytree(small_corpus, tmp_path / command[-1])
            continue
        words = []
        for word in command[1:]:
            name, equals, value = word.partition("=")
            if word in written:
                words.append(str(tmp_path / word))
            elif equals and value in written:
                words.append(f"{name}={tmp_path / value}")
            else:
                words += map(str, sorted(REPOSITORY.glob(word))) if "*" in word else [word]
        words += next((more for name, more in quicker.items() if name in command[1:3]), [])
        done = pactag(*words, MLFLOW_TRACKING_URI=store)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
        said[" ".join(command[1:3]) + (f" {command[3]}" if command[2] in ("start", "import") else "")] = done.stdout
    return said, tmp_path


def test_the_walk_through_runs_as_printed(walked, schema):
    """One test for the whole walk, since each step needs those before it."""
    said, folder = walked
    assert "73 sentences of 10 articles" in said["annotate start data/walk-through/articles"]
    assert "ben: 72 judged, 1 skipped, 2 comments" in said["annotate import data/walk-through/answers/anna.csv"]
    assert "anna and ben: 72 sentences, 5 differ" in said["annotate agreement"]
    assert "6 sentences to settle" in said["annotate agreement"]
    assert "test: 7 new sentences in 1 articles" in said["data add"]
    assert "20 sentences in" in said["annotate suspects"]
    assert "5 of" in said["annotate next"]
    rows = [json.loads(line) for path in (folder / "my-corpus").glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    settled = {f"{row['article_id']}:{row['index']}": row["labels"] for row in rows}
    assert settled["museum-bronze:4"] == ["proposal", "condition"]
    assert len((folder / "more" / "tasks.jsonl").read_text(encoding="utf-8").splitlines()) == 5
