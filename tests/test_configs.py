"""Every shipped config is whole, commented and usable."""

from pathlib import Path

import pytest

from pactag.config import RunConfig, load_config
from pactag.sweeps.config import Sweep, load_sweep

REPOSITORY = Path(__file__).parents[1]
CONFIGS = sorted((REPOSITORY / "configs").glob("*.yaml"))
SWEEPS = sorted((REPOSITORY / "configs/sweeps").glob("*.yaml"))


def _names(value: object, at: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {at}
    return {name for key, inner in value.items() for name in _names(inner, f"{at}.{key}" if at else key)}


def test_there_are_configs():
    assert {path.stem for path in CONFIGS} >= {
        "quick",
        "tfidf",
        "frozen",
        "minilm",
        "soup",
        "deberta-v3-base",
        "modernbert-base",
        "conflibert",
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_valid_and_named_after_its_file(path: Path):
    assert load_config(path).name == path.stem


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_header_gives_the_command_that_runs_it(path: Path):
    assert f"pactag train {path.relative_to(REPOSITORY)}" in path.read_text().split("\n\n")[0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_spells_out_every_setting(path: Path):
    import yaml

    given = _names(yaml.safe_load(path.read_text()))
    resolved = load_config(path).model_dump(mode="json")
    # Settings of an objective that is not chosen, and a training part that a kind does not have, stay away.
    idle = {"operating_point.precision", "operating_point.threshold", "training"}
    assert _names(resolved) - given - idle == set()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_resolved_config_reads_back_as_itself(path: Path, tmp_path: Path):
    config = load_config(path)
    copy = tmp_path / "config.yaml"
    copy.write_text(config.to_yaml())
    assert load_config(copy) == config


def test_every_scalar_setting_is_described_in_the_json_schema():
    schema = RunConfig.model_json_schema()
    parts = {"RunConfig": schema, **schema["$defs"]}
    undescribed = [
        f"{part}.{name}"
        for part, definition in parts.items()
        for name, field in definition["properties"].items()
        if "description" not in field and name != "kind" and "$ref" not in field and "allOf" not in field
    ]
    assert undescribed == []


def test_every_yaml_is_a_config_or_a_sweep():
    assert {*CONFIGS, *SWEEPS} == set((REPOSITORY / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sweep_is_valid_and_named_after_its_file(path: Path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    assert load_sweep(path).sweep.name == path.stem


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sweep_spells_out_every_setting_and_its_command(path: Path):
    import yaml

    assert set(Sweep.model_fields) == set(yaml.safe_load(path.read_text()))
    assert f"pactag sweep {path.relative_to(REPOSITORY)}" in path.read_text().split("\n\n")[0]
