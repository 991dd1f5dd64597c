"""Scores as CSV: what is written is read, and what is not scores is told with its line."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.errors import InputError, PactagError
from pactag.score_files import read_scores, write_table

HEADER = "id,text,score_threat,score_proposal\n"


@pytest.fixture
def scores(tmp_path):
    def write(content: str):
        path = tmp_path / "scores.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_scores_come_back_in_the_order_asked_for(tmp_path):
    path = tmp_path / "scores.csv"
    texts = ['He said "no",\nand left.', "x"]
    write_table(path, {"id": ["a:0", "a:1"], "text": texts, "score_threat": [0.25, 1.0], "score_proposal": [0, 0.5]})
    found = read_scores(path, ("proposal", "threat"))
    assert {name: values.tolist() for name, values in found.items()} == {"a:0": [0.0, 0.25], "a:1": [0.5, 1.0]}
    assert found["a:0"].dtype == np.float32


def test_text_with_a_lone_carriage_return_comes_back(tmp_path):
    path = tmp_path / "scores.csv"
    write_table(path, {"id": ["a:0", "a:1"], "text": ["one\rtwo", "x"], "score_threat": [0.25, 1.0]})
    assert path.read_bytes().startswith(b"id,text,")
    assert {name: values.tolist() for name, values in read_scores(path, ("threat",)).items()} == {"a:0": [0.25], "a:1": [1.0]}


def test_missing_column_is_named(scores):
    with pytest.raises(InputError, match=r"scores\.csv: has no column 'score_condition'; it has 'id', 'text'"):
        read_scores(scores(HEADER), ("threat", "condition"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a:1,x,high,0.5", "scores that are no numbers"),
        ("a:1,x,0.5", "scores that are no numbers"),
        ("a:1,x,nan,0.5", "outside 0 to 1"),
        ("a:1,x,1.5,0.5", "outside 0 to 1"),
        ("a:0,x,0.5,0.5", "'a:0' stands in the file already"),
    ],
)
def test_broken_line_is_told_with_its_place(scores, line, told):
    with pytest.raises(InputError, match=rf"scores\.csv:3: .*{told}"):
        read_scores(scores(f"{HEADER}a:0,x,0.1,0.2\n{line}\n"), ("threat", "proposal"))


def test_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_scores(tmp_path / "none.csv", ("threat",))


def test_table_for_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(PactagError, match="there is no folder"):
        write_table(tmp_path / "none" / "scores.csv", {"id": []})


def test_folder_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_scores(tmp_path, ("threat",))
