"""YAML is read so that a mistake can be told with file, line and field."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pactag.errors import ConfigError, SchemaError
from pactag.yaml_files import YamlContent, field_names, read_yaml, validation_problems


def _read(tmp_path: Path, text: str | bytes) -> YamlContent:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path, ConfigError)


def _refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as error:
        _read(tmp_path, text)
    return str(error.value).replace(f"{tmp_path}/", "")


def test_data_is_that_of_the_file(tmp_path):
    assert _read(tmp_path, "a: 1\nb:\n  - {c: x}\n").data == {"a": 1, "b": [{"c": "x"}]}


def test_each_field_knows_its_line(tmp_path):
    content = _read(tmp_path, "# head\na: 1\nb:\n  - c: x\n    d: y\n  - c: z\n")
    assert content.where(("a",)) == f"{content.path}:2: a"
    assert content.where(("b", 0, "d")) == f"{content.path}:5: b.0.d"
    assert content.where(("b", 1, "c")) == f"{content.path}:6: b.1.c"


def test_absent_field_is_placed_at_its_nearest_parent(tmp_path):
    content = _read(tmp_path, "a: 1\nb:\n  c: x\n")
    assert content.where(("b", "d", "e")) == f"{content.path}:2: b.d.e"


def test_the_whole_file_is_placed_by_its_path(tmp_path):
    content = _read(tmp_path, "a: 1\n")
    assert content.where(()) == str(content.path)


def test_number_as_key_has_its_own_line(tmp_path):
    content = _read(tmp_path, "a: 1\n\n7: x\n")
    with pytest.raises(ValidationError) as error:
        _Shelf.model_validate(content.data)
    places = [problem.where for problem in validation_problems(error.value, content, _Shelf) if problem.where.endswith(": 7")]
    assert places == [f"{content.path}:3: 7"]


def test_error_is_of_the_kind_asked_for(tmp_path):
    with pytest.raises(SchemaError):
        read_yaml(tmp_path / "none.yaml", SchemaError)


def test_missing_file_names_the_closest_ones(tmp_path):
    for name in ("minilm.yaml", "tfidf.yaml", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"minilmm\.yaml: no such file\. Files beside it: minilm\.yaml$"):
        read_yaml(tmp_path / "minilmm.yaml", ConfigError)


def test_missing_file_in_a_missing_folder_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"no such file\. Files beside it: none"):
        read_yaml(tmp_path / "nowhere" / "a.yaml", ConfigError)


def test_path_that_goes_on_below_a_file_is_told(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\n")
    with pytest.raises(ConfigError, match=r"a\.yaml/b\.yaml"):
        read_yaml(tmp_path / "a.yaml" / "b.yaml", ConfigError)


def test_directory_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"is a directory\. Name a YAML file"):
        read_yaml(tmp_path, ConfigError)


def test_other_encoding_is_told_with_its_first_byte(tmp_path):
    assert _refused(tmp_path, "name: Zürich\n".encode("latin-1")) == "file.yaml: byte 7 is not valid UTF-8. Save the file as UTF-8"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3),
        ("a: 1\nb:\n\t- x\n", 3),
        ('a: "open\n', 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: b: c\n", 1),
        ("a: *x\n", 1),
    ],
    ids=["bracket", "tab", "quote", "two documents", "colon", "alias"],
)
def test_broken_yaml_is_told_with_its_line(tmp_path, text: str, line: int):
    assert _refused(tmp_path, text).startswith(f"file.yaml:{line}: not valid YAML (")


def test_control_character_is_told(tmp_path):
    assert _refused(tmp_path, "a: \x01\n").startswith("file.yaml: not valid YAML (")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "null\n"])
def test_empty_file_is_told(tmp_path, text: str):
    assert _refused(tmp_path, text) == "file.yaml: is empty. Write `field: value` lines at the top level"


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "3\n"])
def test_file_without_fields_is_told(tmp_path, text: str):
    assert _refused(tmp_path, text) == "file.yaml: is not a mapping. Write `field: value` lines at the top level"


def test_every_key_given_twice_is_told(tmp_path):
    assert _refused(tmp_path, "a: 1\nb:\n  c: 1\n  c: 2\na: 2\n").split("\n") == [
        "file.yaml:4: b.c: is given twice. Keep one of the two",
        "file.yaml:5: a: is given twice. Keep one of the two",
    ]


def test_same_key_in_different_places_is_fine(tmp_path):
    assert _read(tmp_path, "a: {x: 1}\nb: {x: 2}\n").data == {"a": {"x": 1}, "b": {"x": 2}}


def test_anchors_and_merges_are_resolved(tmp_path):
    assert _read(tmp_path, "a: &a {x: 1}\nb: {<<: *a, y: 2}\n").data["b"] == {"x": 1, "y": 2}


def test_file_that_contains_itself_is_told(tmp_path):
    assert "file.yaml" in _refused(tmp_path, "a: &a\n  b: *a\n")


@pytest.mark.parametrize("value", ["2024-13-45", "0b_", "!!int x"])
def test_value_that_yaml_cannot_make_is_told(tmp_path, value: str):
    assert _refused(tmp_path, f"a: 1\nb: {value}\n").startswith("file.yaml")


@pytest.mark.parametrize("key", ["010", "1:30", "0x1F", "1_000", "+5"])
def test_any_number_may_be_a_key(tmp_path, key: str):
    assert len(_read(tmp_path, f"a: 1\n{key}: x\n").data) == 2


def test_file_that_is_nested_without_end_is_told(tmp_path):
    assert _refused(tmp_path, "a: " + "[" * 5000 + "]" * 5000).startswith("file.yaml")


def test_python_objects_are_not_made(tmp_path):
    assert "not valid YAML" in _refused(tmp_path, "a: !!python/object/apply:os.getcwd []\n")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Circle(_Strict):
    kind: Literal["circle"] = "circle"
    radius: float


class _Box(_Strict):
    kind: Literal["box"] = "box"
    sides: tuple[float, ...] = Field(alias="edges")


class _Shelf(_Strict):
    width: int
    things: tuple[Annotated[_Circle | _Box, Field(discriminator="kind")], ...] = ()


def _told(tmp_path: Path, text: str) -> list[str]:
    content = _read(tmp_path, text)
    with pytest.raises(ValidationError) as error:
        _Shelf.model_validate(content.data)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in validation_problems(error.value, content, _Shelf)]


def test_unknown_field_far_from_all_lists_those_allowed(tmp_path):
    assert _told(tmp_path, "width: 1\nzzz: 2\n") == ["file.yaml:2: zzz: unknown field. Allowed here: width, things"]


def test_unknown_field_in_one_of_several_kinds_suggests_that_kinds_field(tmp_path):
    text = "width: 1\nthings:\n  - kind: circle\n    radius: 2\n    radios: 3\n"
    assert _told(tmp_path, text) == ["file.yaml:5: things.0.radios: unknown field. Did you mean radius?"]


def test_suggestion_is_the_name_in_the_file(tmp_path):
    text = "width: 1\nthings:\n  - {kind: box, edges: [1], edge: [1]}\n"
    assert _told(tmp_path, text) == ["file.yaml:3: things.0.edge: unknown field. Did you mean edges?"]


def test_missing_field_is_told_where_it_should_stand(tmp_path):
    assert _told(tmp_path, "width: 1\nthings:\n  - kind: circle\n") == ["file.yaml:3: things.0.radius: is missing. Add it"]


def test_wrong_value_is_shown(tmp_path):
    (told,) = _told(tmp_path, "width: wide\n")
    assert told.startswith("file.yaml:1: width: 'wide' is not allowed. Input should be a valid integer")


def test_wrong_value_inside_a_list_has_its_own_line(tmp_path):
    text = "width: 1\nthings:\n  - kind: box\n    edges:\n      - 1\n      - x\n"
    (told,) = _told(tmp_path, text)
    assert told.startswith("file.yaml:6: things.0.edges.1: 'x' is not allowed")


def test_unknown_kind_is_told_with_those_there_are(tmp_path):
    text = "width: 1\nthings:\n  - kind: ball\n"
    assert _told(tmp_path, text) == ["file.yaml:3: things.0.kind: 'ball' is not a kind. Allowed kinds: 'circle', 'box'"]


def test_absent_kind_is_told(tmp_path):
    (told,) = _told(tmp_path, "width: 1\nthings:\n  - radius: 1\n")
    assert told.startswith("file.yaml:3: things.0.kind: does not say its kind")


def test_names_below_a_union_tag_are_those_of_that_kind():
    assert field_names(_Shelf, ("things", 0, "box")) == ["kind", "edges"]


def test_names_below_a_place_that_does_not_exist_are_none():
    assert field_names(_Shelf, ("nothing", "here")) == []


def test_path_that_the_system_refuses_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / ("a" * 300), ConfigError)


@pytest.mark.parametrize("value", ["!!bool x", "!!timestamp x"])
def test_tag_with_a_value_that_is_none_of_its_kind_is_told(tmp_path, value: str):
    path = tmp_path / "a.yaml"
    path.write_text(f"b: {value}\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_yaml(path, ConfigError)
