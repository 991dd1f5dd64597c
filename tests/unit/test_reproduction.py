"""Training a run again: what is checked first, and when figures agree."""

from __future__ import annotations

import json
import shutil

import pytest

from pactag.config import RunConfig
from pactag.corpus.rows import read_corpus
from pactag.errors import ConfigError, TrackingError
from pactag.provenance import MACHINE
from pactag.reproduction import Check, Figure, Plan, Reproduction, _spread, plan, recorded_config, reproduce
from pactag.score_files import write_table
from pactag.seeds import train_seeds
from pactag.tracking import Tracker
from pactag.tracking.reading import logged_table
from pactag.training import train


@pytest.fixture(scope="module")
def tracker(store) -> Tracker:
    return Tracker(store)


@pytest.fixture(scope="module")
def done(tracker, trained):
    return reproduce(tracker, plan(tracker, trained["encoder"].run_id))


def test_same_machine_gives_the_same_to_the_last_bit(done):
    assert done.identical
    assert done.verdict == "agrees to the last bit"
    assert {"test/f1_macro", "best_dev/f1_macro", "test/threat/ece"} <= {figure.name for figure in done.figures}


def test_both_runs_say_what_came_of_it(done, tracker, trained):
    again = tracker.get_run(done.again.run_id)
    assert again.data.tags["reproduces"] == trained["encoder"].run_id
    assert again.data.tags["reproduction"] == "agrees to the last bit"
    assert done.again.run_id in tracker.get_run(trained["encoder"].run_id).data.tags["reproduction"]
    assert all(logged_table(tracker, done.again.run_id, "reproduction").columns["agrees"])


def test_model_is_not_saved_again(done):
    assert done.again.folder is None


def test_config_is_that_of_the_run(tracker, trained, config_of):
    config = plan(tracker, trained["encoder"].run_id).config
    expected = config_of("encoder")
    assert (config.model, config.training, config.data, config.seed) == (expected.model, expected.training, expected.data, expected.seed)


def test_mistake_in_an_override_is_not_blamed_on_the_version(tracker, trained):
    with pytest.raises(ConfigError, match="--set sed: unknown field"):
        recorded_config(tracker, trained["tfidf"].run_id, ["sed=2"])


@pytest.fixture
def elsewhere(tmp_path, small_corpus, config_of, tracker):
    """A run on data and a base model of its own, which tests may alter."""
    corpus, schema = tmp_path / "corpus", tmp_path / "schema.yaml"
    shutil.copytree(small_corpus, corpus)
    shutil.copy(config_of("tfidf").data.schema_file, schema)
    return tmp_path, train(config_of("tfidf", data={"corpus": str(corpus), "schema_file": str(schema)}, save=False)).run_id


def test_other_data_are_refused_with_both_digests(elsewhere, tracker):
    folder, run_id = elsewhere
    path = folder / "corpus/test.jsonl"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    with pytest.raises(TrackingError, match=r"the digest of test was [0-9a-f]{32}, and is [0-9a-f]{32} now"):
        plan(tracker, run_id)


def test_other_schema_is_refused(elsewhere, tracker):
    folder, run_id = elsewhere
    path = folder / "schema.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    with pytest.raises(TrackingError, match=r"the schema .* was"):
        plan(tracker, run_id)


def test_other_base_model_is_refused(tracker, config_of, tiny_base, tmp_path):
    import safetensors.torch

    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    run = train(config_of("frozen", model={"kind": "frozen", "base": str(base), "max_tokens": 48}, save=False))
    weights = safetensors.torch.load_file(base / "model.safetensors")
    safetensors.torch.save_file({name: tensor + 1 for name, tensor in weights.items()}, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrackingError, match="the digest of the base model"):
        plan(tracker, run.run_id)


def test_other_teachers_are_refused(tracker, config_of, small_corpus, schema, tmp_path):
    scores = tmp_path / "scores.csv"
    rows = read_corpus(small_corpus, schema)["train"]
    table = {"id": [row.id for row in rows], **{f"score_{name}": [0.1] * len(rows) for name in schema.names}}
    write_table(scores, table)
    run = train(config_of("encoder", training={"epochs": 1, "teachers": [str(scores)]}, save=False))
    plan(tracker, run.run_id)
    write_table(scores, {**table, f"score_{schema.names[0]}": [0.9] * len(rows)})
    with pytest.raises(TrackingError, match="the digest of its teachers"):
        plan(tracker, run.run_id)


def test_run_that_is_not_whole_is_refused(tracker):
    run_id = tracker.start(experiment="tests", name="half", tags={}).run_id
    with pytest.raises(TrackingError, match="is not whole"):
        plan(tracker, run_id)


@pytest.fixture(scope="module")
def seeds(config_of):
    """Three seeds of a config that nothing else here has."""
    data = {**config_of("tfidf").data.model_dump(), "train_share": 0.7}
    return train_seeds(config_of("tfidf", name="spread", seeds=[1, 2, 3], data=data, save=False))


def test_parent_of_several_runs_is_refused_and_names_them(seeds, tracker):
    with pytest.raises(TrackingError, match=f"Name one of them, such as {seeds.runs[1].run_id}"):
        plan(tracker, seeds.run_id)


def test_spread_is_that_of_the_seeds_of_the_same_config(seeds, tracker, trained):
    parent, spreads = _spread(tracker, tracker.get_run(seeds.runs[2].run_id))
    assert parent == seeds.run_id
    expected = sorted(run.figures["test/f1_macro"] for run in seeds.runs.values())
    assert sorted(spreads["test/f1_macro"].values) == pytest.approx(expected)
    assert _spread(tracker, tracker.get_run(trained["frozen"].run_id)) == (None, {})


def judged(trained, tracker, *figures: Figure, same: bool, spread: str | None) -> Reproduction:
    run = tracker.get_run(trained["tfidf"].run_id)
    run.data.tags["git.dirty"] = "false"
    config = RunConfig.model_validate({"name": "x", "model": {"kind": "tfidf"}})
    planned = Plan(run, config, (Check("cpu", "a", "a" if same else "b"),))
    return Reproduction(planned, trained["tfidf"], figures, spread)


@pytest.mark.parametrize(
    ("again", "same", "spread", "agrees", "verdict"),
    [
        (0.7, False, None, True, "agrees to the last bit"),
        (0.7000001, True, "s", False, "differs, though machine"),
        (0.72, False, "s", True, "agrees within the spread"),
        (0.9, False, "s", False, "differs by more than the spread"),
        (0.72, False, None, False, "cannot be judged"),
    ],
)
def test_what_is_asked_for_depends_on_the_machine(trained, tracker, again, same, spread, agrees, verdict):
    done = judged(trained, tracker, Figure("test/f1_macro", 0.7, again, 0.65, 0.75), same=same, spread=spread)
    assert done.agrees is agrees
    assert verdict in done.verdict
    json.dumps(done.to_dict())


@pytest.mark.parametrize("tag", ["gpu", "resumed.threads"])
def test_on_a_gpu_or_resumed_elsewhere_the_last_bit_is_not_asked_for(trained, tracker, tag: str):
    done = judged(trained, tracker, Figure("test/f1_macro", 0.7, 0.72, 0.65, 0.75), same=True, spread="s")
    done.plan.run.data.tags[tag] = "some"
    assert done.verdict == "agrees within the spread of the seeds"


def test_further_files_to_measure_on_change_no_spread(seeds, tracker):
    run = tracker.get_run(seeds.runs[2].run_id)
    run.data.params["data.also_measure.mine"] = "mine.jsonl"
    assert _spread(tracker, run)[0] == seeds.run_id


def test_figures_on_another_file_of_the_same_name_are_no_spread(tracker, config_of, small_corpus, tmp_path):
    def seeds_measured_on(split: str):
        shutil.copy(small_corpus / f"{split}.jsonl", tmp_path / "mine.jsonl")
        data = {**config_of("tfidf").data.model_dump(), "train_share": 0.6, "also_measure": {"mine": str(tmp_path / "mine.jsonl")}}
        return train_seeds(config_of("tfidf", name="measured", seeds=[1, 2], data=data, save=False))

    older, newer = seeds_measured_on("test"), seeds_measured_on("validation")
    tracker.client.set_tag(newer.run_id, "status", "")
    names = [set(_spread(tracker, tracker.get_run(seeds.runs[1].run_id))[1]) for seeds in (older, newer)]
    assert {"mine/f1_macro", "test/f1_macro"} <= names[0]
    assert "test/f1_macro" in names[1]
    assert "mine/f1_macro" not in names[1]


def test_one_figure_that_differs_is_not_the_last_bit(trained, tracker):
    same, other = Figure("test/f1_macro", 0.7, 0.7, 0.65, 0.75), Figure("test/threat/ece", 0.05, 0.09, None, None)
    assert judged(trained, tracker, same, other, same=True, spread="s").verdict.startswith("differs, though machine")
    assert judged(trained, tracker, same, other, same=False, spread="s").verdict == "agrees within the spread of the seeds"


def test_spread_judges_macro_f1_and_no_single_label(trained, tracker):
    macro, label = Figure("test/f1_macro", 0.7, 0.71, 0.65, 0.75), Figure("test/threat/f1", 0.7, 0.9, 0.65, 0.75)
    assert judged(trained, tracker, macro, label, same=False, spread="s").agrees
    assert not judged(trained, tracker, label, same=False, spread="s").agrees


def test_seeds_on_other_data_are_no_spread(seeds, tracker):
    run = tracker.get_run(seeds.runs[2].run_id)
    run.data.tags["corpus_digest"] = "another"
    assert _spread(tracker, run) == (None, {})


def test_command_tells_and_exits_with_0_when_figures_agree(pactag, trained, store):
    done = pactag("reproduce", trained["tfidf"].run_id, "--tracking-uri", store)
    assert done.returncode == 0, done.stderr
    assert "agrees to the last bit" in done.stdout
    assert "schema, data and base model are those of the run" in done.stderr


def test_command_exits_with_3_when_figures_differ(pactag, trained, tracker, store, config_of):
    run = train(config_of("tfidf", save=False))
    tracker.recorder(run.run_id).metrics({"test/f1_macro": 123.0})
    done = pactag("reproduce", run.run_id, "--tracking-uri", store)
    assert done.returncode == 3, done.stderr
    assert "differs" in done.stdout


@pytest.mark.parametrize("package", ["pactag", "transformers"])
def test_version_of_what_decides_the_figures_is_compared(package: str):
    assert f"version.{package}" in MACHINE
