"""Several seeds of one config: a parent, its children, and honest spreads."""

from __future__ import annotations

import json
import shutil

import pytest

from pactag.config import RunConfig
from pactag.errors import CorpusError
from pactag.seeds import Spread, train_seeds
from pactag.tracking import Tracker
from pactag.tracking.reading import logged_table
from pactag.training import train
from pactag.unfinished import CHECKPOINTS, Job


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def done(config_of, store):
    data = {**config_of("tfidf").data.model_dump(), "train_share": 0.5}
    return train_seeds(config_of("tfidf", name="several", seeds=[1, 2], data=data, save=False))


def test_spread_agrees_with_scipy():
    from scipy import stats

    values = (0.61, 0.66, 0.7, 0.64)
    spread = Spread(values)
    expected = stats.t.interval(0.95, 3, loc=spread.mean, scale=stats.sem(values))
    assert spread.interval == pytest.approx(tuple(map(float, expected)))
    assert spread.deviation == pytest.approx(stats.tstd(values))


def test_a_further_run_may_fall_further_off_than_the_mean():
    spread = Spread((0.6, 0.65, 0.7))
    assert spread.next_one[0] < spread.interval[0] < spread.interval[1] < spread.next_one[1]


def test_each_seed_is_a_child_with_its_own_seed(done, tracker):
    for seed, run in done.runs.items():
        child = tracker.get_run(run.run_id)
        assert child.data.tags["mlflow.parentRunId"] == done.run_id
        assert child.data.params["seed"] == child.data.tags["seed"] == str(seed)
        assert "seeds" not in child.data.params
        assert child.data.tags["group"] == "seeds"


def test_parent_has_mean_spread_and_interval(done, tracker):
    values = [run.figures["test/f1_macro"] for run in done.runs.values()]
    metrics = tracker.get_run(done.run_id).data.metrics
    assert metrics["test/f1_macro"] == pytest.approx(sum(values) / 2)
    assert metrics["test_std/f1_macro"] == pytest.approx(Spread(tuple(values)).deviation)
    assert metrics["test_low/f1_macro"] <= metrics["test/f1_macro"] <= metrics["test_high/f1_macro"]


def test_parent_has_the_config_without_a_seed_of_its_own(done, tracker):
    params = tracker.get_run(done.run_id).data.params
    assert params["seeds"] == "[1, 2]"
    assert "seed" not in params


def test_parent_has_a_table_with_every_seed(done, tracker):
    table = logged_table(tracker, done.run_id, "seeds").columns
    row = table["figure"].index("test/f1_macro")
    assert table["seed 2"][row] == pytest.approx(done.runs[2].figures["test/f1_macro"])


@pytest.mark.parametrize("seeds", [[1], [1, 1], [-1, 2]])
def test_seeds_that_say_nothing_are_refused(config_of, seeds):
    with pytest.raises(ValueError, match="seeds"):
        RunConfig.model_validate({**config_of("tfidf").model_dump(), "seeds": seeds})


def test_time_before_it_was_cut_off_counts(config_of, tmp_path, store, monkeypatch):
    config = config_of("tfidf", seeds=[1, 2], save=False, output=str(tmp_path))

    def cut_at_the_second(config, **options):
        if config.seed == 2:
            raise KeyboardInterrupt
        return train(config, **options)

    with monkeypatch.context() as patch:
        patch.setattr("pactag.seeds.train", cut_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            train_seeds(config, resume=False)
    (folder,) = (path.parent for path in (tmp_path / CHECKPOINTS).glob("*/runs.json"))
    Job(folder).history().took(1000)
    done = train_seeds(config, resume=True)
    assert 1000 < Tracker(store).get_run(done.run_id).data.metrics["speed/wall_seconds"] < 1500


def test_command_prints_the_table(pactag, config_of, tmp_path):
    path = tmp_path / "several.yaml"
    path.write_text(config_of("tfidf", seeds=[1, 2], save=False).to_yaml())
    done = pactag("train", path)
    assert done.returncode == 0, done.stderr
    assert "95% interval" in done.stdout
    assert "test/f1_macro" in done.stdout


def test_command_prints_json_for_programs(pactag, config_of, tmp_path):
    path = tmp_path / "several.yaml"
    path.write_text(config_of("tfidf", seeds=[1, 2], save=False).to_yaml())
    data = json.loads(pactag("train", path, "--json").stdout)
    assert list(data["runs"]) == ["1", "2"]
    assert len(data["figures"]["test/f1_macro"]["values"]) == 2


def test_seeds_of_one_parent_learn_from_the_same(config_of, tmp_path, monkeypatch):
    usual = config_of("tfidf").data
    schema = tmp_path / "schema.yaml"
    shutil.copy(usual.schema_file, schema)
    data = {**usual.model_dump(), "schema_file": schema}

    def edited_meanwhile(config, **options):
        run = train(config, **options)
        schema.write_text(schema.read_text() + "# more\n")
        return run

    monkeypatch.setattr("pactag.seeds.train", edited_meanwhile)
    with pytest.raises(CorpusError, match="seed 2: is not what the first seed had"):
        train_seeds(config_of("tfidf", seeds=[1, 2], data=data, save=False))
