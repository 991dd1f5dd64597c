"""Sweep files: what they allow, and what they say of mistakes."""

from __future__ import annotations

import pytest

from pactag.errors import ConfigError
from pactag.sweeps.config import load_sweep


@pytest.fixture
def sweep_file(tmp_path, config_of):
    """Writes a sweep over a small encoder config; keywords replace fields."""
    config = tmp_path / "config.yaml"
    config.write_text(config_of("encoder").to_yaml())

    def write(space: str = "training.learning_rate: {kind: float, low: 1.0e-5, high: 1.0e-3, log: true}", more: str = ""):
        path = tmp_path / "sweep.yaml"
        path.write_text(f"name: small\nconfig: {config}\nspace:\n  {space}\n{more}\n")
        return path

    return write


def test_trial_config_is_the_base_with_its_settings(sweep_file):
    loaded = load_sweep(sweep_file())
    config = loaded.trial_config({"training.learning_rate": 1e-05}, name="small-000", save=False)
    assert config.training.learning_rate == 1e-05
    assert (config.name, config.save) == ("small-000", False)
    assert config.model == loaded.base.model


def test_config_is_the_one_that_stood_there_at_first(sweep_file):
    loaded = load_sweep(sweep_file())
    epochs = loaded.base.training.epochs
    text = loaded.sweep.config.read_text()
    loaded.sweep.config.write_text(text.replace(f"epochs: {epochs}", "epochs: 99"))
    assert loaded.trial_config({}).training.epochs == epochs


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("training.lerning_rate: {kind: float, low: 0.1, high: 0.2}", r"sweep\.yaml:4: .*unknown field. Did you mean learning_rate"),
        ("training.learning_rate: {kind: float, low: 0.1, high: 2.0}", "2.0 is refused by"),
        ("training.epochs: {kind: int, low: 5, high: 2}", "low must be below high, found 5 and 2"),
        ("training.learning_rate: {kind: float, low: 0.0, high: 0.1, log: true}", "log needs low above 0"),
        ("training.epochs: {kind: int, low: 1, high: 4, log: true, step: 2}", "step and log exclude each other"),
        ("training.schedule: {kind: categorical, choices: [linear, cosin]}", "'cosin' is refused by"),
        ("training.epochs: {kind: integer, low: 1, high: 2}", "'integer' is not a kind"),
        ("training.epochs: {kind: int, low: 1, hihg: 2}", "Did you mean high"),
    ],
)
def test_mistakes_are_told(sweep_file, space: str, message: str):
    with pytest.raises(ConfigError, match=f"(?i){message}"):
        load_sweep(sweep_file(space))


def test_other_space_has_another_fingerprint(sweep_file):
    first = load_sweep(sweep_file()).fingerprint
    assert load_sweep(sweep_file(more="trials: 3")).fingerprint == first
    assert load_sweep(sweep_file("training.learning_rate: {kind: float, low: 1.0e-5, high: 1.0e-4}")).fingerprint != first


def test_changes_for_all_trials_reach_them(sweep_file):
    assert load_sweep(sweep_file(more="set: [training.epochs=2]")).trial_config({}).training.epochs == 2


def test_range_of_numbers_for_a_field_of_whole_numbers_is_told(tmp_path, config_of):
    (tmp_path / "base.yaml").write_text(config_of("tfidf").to_yaml())
    path = tmp_path / "sweep.yaml"
    path.write_text(f"name: s\nconfig: {tmp_path}/base.yaml\nspace:\n  model.min_count: {{kind: float, low: 1, high: 5}}\n")
    with pytest.raises(ConfigError, match=r"sweep\.yaml:4: space\.model\.min_count: 2\.48 is refused by .*base\.yaml"):
        load_sweep(path)
