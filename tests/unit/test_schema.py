"""The labelling schema: one ordered set of labels, and every mistake in the file told at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pactag.errors import SchemaError
from pactag.schema import Schema, check_same_labels, load_schema

TEXT = """\
version: 1
name: small
title: Three labels
unit: one sentence
multi_label: any subset
rules:
  - {id: G1, rule: An act and no topic., example: The talks went on.}
labels:
  - name: offer
    meaning: Somebody offers something.
    color: "#0000ff"
    mark: O
    hotkey: o
    in:
      - {rule: bare offers, example: They offered help.}
    out:
      - {rule: plans, example: They plan to help.}
  - name: denial
    meaning: Somebody denies something.
    color: "#ff0000"
    mark: D
    hotkey: d
  - name: apology
    meaning: Somebody regrets something.
    color: "#00ff00"
    mark: A
    hotkey: a
"""
NAMES = ("offer", "denial", "apology")


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Schema:
    path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    path.write_text(TEXT)
    return load_schema(path)


def _problems(tmp_path, text: str) -> list[str]:
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(SchemaError) as error:
        load_schema(path)
    return [str(problem).removeprefix(str(tmp_path) + "/") for problem in error.value.problems]


def test_names_stand_in_the_order_of_the_file(small):
    assert small.names == NAMES


def test_rules_for_and_against_are_read(small):
    assert [rule.rule for rule in small.labels[0].rules_in] == ["bare offers"]
    assert [rule.rule for rule in small.labels[0].rules_out] == ["plans"]


def test_vector_follows_schema_order_not_the_order_given(small):
    np.testing.assert_array_equal(small.encode(["apology", "offer"]), np.array([1, 0, 1], dtype=np.float32))


@given(wanted=st.sets(st.sampled_from(NAMES)))
def test_decoding_inverts_encoding(small, wanted):
    assert small.decode(small.encode(wanted)) == tuple(name for name in NAMES if name in wanted)


def test_unknown_label_is_refused_with_those_there_are(small):
    with pytest.raises(SchemaError, match=r"unknown 'bribe', 'ofer'\. The schema has: offer, denial, apology"):
        small.encode(["ofer", "denial", "bribe"])


def test_many_rows_make_a_matrix(small):
    matrix = small.encode_many([["offer"], [], ["denial", "apology"]])
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 0, 0], [0, 1, 1]])


def test_no_rows_make_an_empty_matrix_with_all_columns(small):
    assert small.encode_many([]).shape == (0, 3)


def test_vector_of_another_length_is_not_decoded(small):
    with pytest.raises(ValueError, match="zip"):
        small.decode(np.array([1, 0]))


def test_a_schema_cannot_be_changed(small):
    with pytest.raises(ValidationError, match="frozen"):
        small.labels[0].name = "other"


def test_unknown_field_is_told_with_line_and_close_spelling(tmp_path):
    text = TEXT.replace("    mark: D", "    marke: D\n    mark: D")
    assert _problems(tmp_path, text) == ["schema.yaml:21: labels.1.marke: unknown field. Did you mean mark?"]


def test_spelling_is_suggested_inside_a_rule(tmp_path):
    text = TEXT.replace("rule: plans, example", "rule: plans, example: x, exampel")
    assert _problems(tmp_path, text) == ["schema.yaml:17: labels.0.out.0.exampel: unknown field. Did you mean example?"]


def test_missing_field_is_told_with_the_line_of_its_label(tmp_path):
    assert _problems(tmp_path, TEXT.replace("    hotkey: d\n", "")) == ["schema.yaml:18: labels.1.hotkey: is missing. Add it"]


@pytest.mark.parametrize(
    ("field", "old", "new"), [("name", "denial", "offer"), ("mark", "mark: D", "mark: O"), ("hotkey", "key: d", "key: o")]
)
def test_two_labels_may_not_share(tmp_path, field: str, old: str, new: str):
    (problem,) = _problems(tmp_path, TEXT.replace(old, new))
    assert problem.startswith("schema.yaml:8: labels: not allowed. Two labels have the same " + field)


@pytest.mark.parametrize("name", ["Offer", "my label", "2nd", "", "a-b"])
def test_label_name_is_a_plain_lower_case_word(tmp_path, name: str):
    (problem,) = _problems(tmp_path, TEXT.replace("name: offer", f"name: {name!r}"))
    assert problem.startswith(f"schema.yaml:9: labels.0.name: {name!r} is not allowed")


@pytest.mark.parametrize("color", ["blue", "#00f", "#00000g"])
def test_colour_has_six_digits(tmp_path, color: str):
    (problem,) = _problems(tmp_path, TEXT.replace("#0000ff", color))
    assert problem.startswith(f"schema.yaml:11: labels.0.color: {color!r} is not allowed")


@pytest.mark.parametrize(("field", "value"), [("mark", ""), ("mark", "OFF"), ("hotkey", ""), ("hotkey", "oo")])
def test_mark_and_hotkey_are_short(tmp_path, field: str, value: str):
    line = "    mark: O\n" if field == "mark" else "    hotkey: o\n"
    (problem,) = _problems(tmp_path, TEXT.replace(line, f"    {field}: '{value}'\n"))
    assert f": labels.0.{field}: {value!r} is not allowed" in problem


def test_schema_without_labels_is_refused(tmp_path):
    text = TEXT[: TEXT.index("labels:")] + "labels: []\n"
    (problem,) = _problems(tmp_path, text)
    assert problem.startswith("schema.yaml:8: labels: not allowed")


def test_all_mistakes_are_told_together(tmp_path):
    text = TEXT.replace("version: 1\n", "").replace("#0000ff", "blue").replace("hotkey: d", "hotky: d")
    assert [problem.split(": ")[1] for problem in _problems(tmp_path, text)] == [
        "version",
        "labels.0.color",
        "labels.1.hotkey",
        "labels.1.hotky",
    ]


def test_missing_schema_file_is_told(tmp_path):
    with pytest.raises(SchemaError, match=r"nowhere\.yaml: no such file"):
        load_schema(tmp_path / "nowhere.yaml")


def test_same_labels_in_the_same_order_pass():
    assert check_same_labels(["a", "b"], ("a", "b"), where="model") is None


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["a"], "model: lacks b, c. The schema asked for has: a, b, c"),
        (["a", "b", "c", "d"], "model: has d besides"),
        (["a", "b", "x"], "model: lacks c and has x besides"),
        (["c", "b", "a"], "model: has the labels in another order (c, b, a)"),
    ],
    ids=["fewer", "more", "other", "order"],
)
def test_other_labels_are_refused_with_what_differs(found, told: str):
    with pytest.raises(SchemaError) as error:
        check_same_labels(["a", "b", "c"], found, where="model")
    assert str(error.value).startswith(told)
