"""Studies: a row a run, going on where they stopped, and honest means."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from pactag.config import load_config
from pactag.errors import ConfigError, PactagError
from pactag.studies import load_study, read_results, run_study, spread
from pactag.tracking import Tracker
from pactag.training import train

STUDIES = sorted((Path(__file__).parents[2] / "experiments").glob("*/study.yaml"))


@pytest.fixture
def study(tmp_path, config_of) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text(config_of("tfidf").to_yaml())
    path = tmp_path / "which-c" / "study.yaml"
    path.parent.mkdir()
    lines = ["question: Which C?", "seeds: [1, 2]", "variants:"]
    lines += [f"  - {{name: c{c}, config: {config}, set: [model.c={c}, data.train_share=0.5]}}" for c in (1, 8)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_variant_and_seed_has_a_row(study, small_corpus):
    rows = run_study(study, also_measure={"more": small_corpus / "test.jsonl"})
    assert [(row["variant"], row["seed"]) for row in rows] == [("c1", "1"), ("c1", "2"), ("c8", "1"), ("c8", "2")]
    assert all(row["more/f1_macro"] == row["test/f1_macro"] for row in rows)
    assert read_results(study.parent / "results.csv") == rows


def test_runs_stand_under_one_parent(study, store):
    run_ids = [row["run_id"] for row in run_study(study, also_measure={})]
    parents = {Tracker(store).get_run(run_id).data.tags["mlflow.parentRunId"] for run_id in run_ids}
    assert len(parents) == 1
    assert Tracker(store).get_run(parents.pop()).data.tags["study"] == "which-c"


def test_models_are_kept_where_a_variant_asks_for_it(study, tmp_path):
    text = (
        study.read_text().replace("[1, 2]", "[1]").replace("set: [model.c=8,", f"set: [save=true, output={tmp_path / 'kept'}, model.c=8,")
    )
    study.write_text(text)
    run_study(study, also_measure={})
    assert [path.name[:5] for path in (tmp_path / "kept").iterdir() if (path / "config.yaml").exists()] == ["tfidf"]


def test_any_name_of_a_variant_gives_a_model_that_loads(study, tmp_path):
    text = study.read_text().replace("[1, 2]", "[1]").replace("name: c8", "name: 1/8 of C")
    study.write_text(text.replace("set: [model.c=8,", f"set: [save=true, output={tmp_path / 'kept'}, model.c=8,"))
    run_study(study, also_measure={})
    (folder,) = (path.parent for path in (tmp_path / "kept").glob("*/config.yaml"))
    assert load_config(folder / "config.yaml").name == "tfidf-1-8-of-C-1"


def test_study_goes_on_where_it_stopped(study):
    rows = run_study(study, also_measure={})
    results = study.parent / "results.csv"
    results.write_text("".join(results.read_text().splitlines(keepends=True)[:-1]))
    again = run_study(study, also_measure={})
    assert [row["run_id"] for row in again[:3]] == [row["run_id"] for row in rows[:3]]
    assert again[3]["run_id"] != rows[3]["run_id"]


def test_variant_that_was_changed_since_its_rows_is_refused(study):
    run_study(study, also_measure={})
    study.write_text(study.read_text().replace("model.c=8", "model.c=9"))
    with pytest.raises(ConfigError, match=r"variant 'c8': was changed .*\. Rename the variant, or remove its rows"):
        run_study(study, also_measure={})


def test_rows_from_other_data_are_not_gone_on_with(study, monkeypatch):
    run_study(study, also_measure={})
    results = study.parent / "results.csv"
    monkeypatch.setattr("pactag.studies.inputs_digest", lambda _: "another")
    assert len(run_study(study, also_measure={})) == 4
    results.write_text("".join(results.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match=r"variant 'c8': has rows from other sentences"):
        run_study(study, also_measure={})


def test_data_that_were_edited_between_two_runs_are_told(study, small_corpus, tmp_path, monkeypatch):
    shutil.copytree(small_corpus, tmp_path / "corpus")
    study.write_text(study.read_text().replace("set: [", f"set: [data.corpus={tmp_path / 'corpus'}, "))

    def train_and_edit(*arguments, **options):
        run = train(*arguments, **options)
        path = tmp_path / "corpus" / "train.jsonl"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
        return run

    monkeypatch.setattr("pactag.studies.train", train_and_edit)
    with pytest.raises(ConfigError, match=r"variant 'c1': has rows from other sentences"):
        run_study(study, also_measure={})
    assert [row["seed"] for row in read_results(study.parent / "results.csv")] == ["1"]


def test_row_that_stands_twice_is_told(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("variant,seed,test/f1_macro\na,1,.5\nb,1,.4\na,1,.5\n")
    with pytest.raises(ConfigError, match=r"results\.csv:4: has seed 1 of 'a', as line 2 does"):
        read_results(path)


def test_finished_study_is_trained_again_into_a_table_of_its_own(study, pactag, tmp_path):
    before = run_study(study, also_measure={})
    done = pactag("study", "run", study.parent)
    assert "nothing was trained" in " ".join(done.stderr.split())
    done = pactag("study", "run", study.parent, "--results", tmp_path / "again.csv")
    assert done.returncode == 0, done.stderr
    again = read_results(tmp_path / "again.csv")
    assert [row["test/f1_macro"] for row in again] == [row["test/f1_macro"] for row in before]
    assert {row["run_id"] for row in again}.isdisjoint(row["run_id"] for row in before)
    assert read_results(study.parent / "results.csv") == before


def test_table_in_a_folder_that_is_not_there_is_told_before_training(study, tmp_path):
    with pytest.raises(ConfigError, match=r"again\.csv: there is no folder .*nowhere\. Make it first"):
        run_study(study, also_measure={}, results=tmp_path / "nowhere" / "again.csv")
    assert not (tmp_path / "nowhere").exists()


def test_row_has_the_digests_of_what_it_was_measured_on(study, small_corpus, tmp_path, monkeypatch):
    news = tmp_path / "news.jsonl"
    before = (small_corpus / "test.jsonl").read_bytes()
    news.write_bytes(before)

    def edited_meanwhile(config, **options):
        run = train(config, **options)
        news.write_bytes(before + before)
        return run

    monkeypatch.setattr("pactag.studies.train", edited_meanwhile)
    one = study.read_text().replace("seeds: [1, 2]", "seeds: [1]")
    study.write_text("".join(one.splitlines(keepends=True)[:-1]))
    (row,) = run_study(study, also_measure={"news": news})
    assert row["measured"] == f"news={hashlib.sha256(before).hexdigest()[:12]}"


def test_rows_are_measured_on_the_same_further_files(study, small_corpus, tmp_path):
    news = tmp_path / "news.jsonl"
    news.write_bytes((small_corpus / "test.jsonl").read_bytes())
    run_study(study, also_measure={"news": news})
    results = study.parent / "results.csv"
    results.write_text("".join(results.read_text().splitlines(keepends=True)[:-1]))
    news.write_bytes((small_corpus / "validation.jsonl").read_bytes())
    with pytest.raises(ConfigError, match=r"--measure news: is another file than the one that 3 rows of"):
        run_study(study, also_measure={"news": news})
    assert len(run_study(study, also_measure={"newer": news})) == 4


@pytest.mark.parametrize(("row", "told"), [("base, longer,1,0.5", "more"), ("base,1", "fewer")])
def test_row_with_a_cell_too_many_or_too_few_is_told(tmp_path, row: str, told: str):
    path = tmp_path / "results.csv"
    path.write_text(f"variant,seed,test/f1_macro\nother,1,0.5\n{row}\n")
    with pytest.raises(ConfigError, match=rf"results\.csv:3: has {told} cells than there are columns"):
        read_results(path)


def test_study_that_another_process_runs_is_refused(study):
    with FileLock(study.parent / ".results.csv.lock"), pytest.raises(ConfigError, match="is being run by another process"):
        run_study(study, also_measure={})


def test_nothing_but_the_table_is_left_beside_a_study(study):
    run_study(study, also_measure={})
    assert sorted(path.name for path in study.parent.iterdir()) == ["results.csv", "study.yaml"]


def test_table_that_a_spreadsheet_saved_is_read_or_told(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("variant,seed\na,1\n", encoding="utf-8-sig")
    assert read_results(path) == [{"variant": "a", "seed": "1"}]
    path.write_text("variant;seed\na;1\n")
    with pytest.raises(ConfigError, match=r"has no column 'variant', 'seed'; it has 'variant;seed'"):
        read_results(path)


def test_figure_that_is_no_number_is_told(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("variant,seed,test/f1_macro\na,1,0.5\na,2,n/a\n")
    with pytest.raises(ConfigError, match=r"results\.csv:3: 'n/a' under 'test/f1_macro' is no number"):
        read_results(path)


def test_rows_from_before_configs_were_recorded_count(study):
    text = "variant,seed,run_id\n" + "".join(f"c{c},{seed},x\n" for c in (1, 8) for seed in (1, 2))
    (study.parent / "results.csv").write_text(text)
    assert [row["run_id"] for row in run_study(study, also_measure={})] == ["x"] * 4


def test_spread_is_mean_and_deviation_over_seeds():
    rows = [{"variant": "a", "seed": str(s), "x": str(value)} for s, value in enumerate((0.1, 0.2, 0.3))] + [{"variant": "b", "x": "9"}]
    found = spread(rows, "a", "x")
    assert (found.mean, found.deviation, found.seeds) == (pytest.approx(0.2), pytest.approx(0.1), 3)


def test_malformed_study_is_told_with_its_line(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("question: x\nvariants:\n  - {name: a, confg: b.yaml}\n")
    with pytest.raises(ConfigError, match=r"study\.yaml:3: variants\.0\.confg: unknown field\. Did you mean config\?"):
        load_study(path)


@pytest.mark.parametrize("name", ["test", "a/b"])
def test_measure_under_a_name_that_stands_for_something_else_is_refused(study, small_corpus, name: str):
    with pytest.raises(ConfigError, match="--measure: also_measure needs names of letters"):
        run_study(study, also_measure={name: small_corpus / "test.jsonl"})


@pytest.mark.parametrize(
    ("before", "after", "told"), [("[1, 2]", "[1, 1]", "seeds must differ"), ("name: c8", "name: c1", "names of variants must differ")]
)
def test_same_seed_or_name_twice_is_refused(study, before: str, after: str, told: str):
    study.write_text(study.read_text().replace(before, after))
    with pytest.raises(ConfigError, match=f"(?i){told}"):
        load_study(study)


def test_show_leaves_out_variants_without_a_value(study, pactag):
    results = study.parent / "results.csv"
    results.write_text("variant,seed,test/f1_macro,more/f1_macro\nc1,1,0.5,\nc8,1,0.6,0.7\n")
    shown = pactag("study", "show", str(study)).stdout
    assert [line.split()[1] for line in shown.splitlines() if "±" in line] == ["c1", "c8", "c8"]


def test_show_prints_question_and_names_as_they_are_written(study, pactag):
    study.write_text(study.read_text().replace("Which C?", "'Which C [red]?'").replace("name: c8", "name: '8 [/x]'"))
    (study.parent / "results.csv").write_text("variant,seed,test/f1_macro\n8 [/x],1,0.6\n")
    shown = pactag("study", "show", str(study)).stdout
    assert "Which C [red]?" in shown
    assert "8 [/x]" in shown


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.parent.name)
def test_shipped_study_is_valid(path: Path):
    from pactag.config import load_config

    root = path.parents[2]
    for variant in load_study(path).variants:
        load_config(root / variant.config, variant.set)


def test_missing_file_to_measure_on_is_told_before_a_run_is_opened(study, store, tmp_path):
    tracker = Tracker(store)
    before = len(tracker.search(tracker.experiment_id("tests"), ""))
    with pytest.raises(PactagError, match="no such file"):
        run_study(study, also_measure={"mine": tmp_path / "none.jsonl"})
    assert len(tracker.search(tracker.experiment_id("tests"), "")) == before
