"""`pactag sweep` as a person meets it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def sweep_file(config_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "base.yaml").write_text(config_of("tfidf", save=False).to_yaml())
    path = folder / "tiny.yaml"
    lines = ["name: tiny", f"config: {folder}/base.yaml", f"storage: sqlite:///{folder}/tiny.db", "trials: 1"]
    path.write_text("\n".join([*lines, "space:", "  model.c: {kind: float, low: 1.0, high: 8.0}", ""]))
    return path


@pytest.fixture(scope="module")
def storage(sweep_file):
    return f"sqlite:///{sweep_file.parent}/other.db"


def test_sweep_runs_shows_and_writes_the_best(pactag, sweep_file, tmp_path):
    done = pactag("sweep", sweep_file)
    assert done.returncode == 0, done.stderr
    assert "1 trained to the end, 0 pruned" in done.stdout
    parent = done.stdout.split("runs:/")[1].split()[0]
    assert "model.c" in pactag("sweep", "show", sweep_file).stdout
    from_file, from_run = tmp_path / "file.yaml", tmp_path / "run.yaml"
    assert pactag("sweep", "best", sweep_file, "-o", from_file).returncode == 0
    store = f"sqlite:///{_store(sweep_file)}"
    assert pactag("sweep", "best", parent, "-o", from_run, "--tracking-uri", store).returncode == 0
    assert from_file.read_text() == from_run.read_text()
    assert pactag("sweep", "best", sweep_file, "-o", from_file).returncode == 0
    assert pactag("validate", from_file).returncode == 0


@pytest.mark.parametrize("name", ["tiny.yaml", "base.yaml"])
def test_best_trial_replaces_no_other_config(pactag, sweep_file, name: str):
    place = sweep_file.with_name(name)
    before = place.read_bytes()
    done = pactag("sweep", "best", sweep_file, "-o", place)
    assert done.returncode == 2
    assert f"{name}: exists already and holds no best trial of a sweep" in " ".join(done.stderr.split())
    assert place.read_bytes() == before


def test_storage_may_be_another_one(pactag, sweep_file, storage):
    done = pactag("sweep", "show", sweep_file, "--storage", storage)
    assert done.returncode == 2
    assert "other.db: does not exist. Run the sweep first" in done.stderr


def test_sweep_that_is_missing_is_told(pactag):
    done = pactag("sweep", "configs/sweeps/nothing.yaml")
    assert done.returncode == 2
    assert "no such file" in done.stderr


def _store(sweep_file) -> str:
    import yaml

    uri = yaml.safe_load((sweep_file.parent / "base.yaml").read_text())["tracking"]["uri"]
    return uri.removeprefix("sqlite:///")
