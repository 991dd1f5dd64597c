"""`pactag compare`, `promote` and `rollback` as a person meets them."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def names(trained) -> list[str]:
    return [trained["tfidf"].run_id, trained["encoder"].run_id]


def test_compare_prints_the_table_and_logs_it(pactag, names, store):
    done = pactag("compare", *names, "--tracking-uri", store)
    assert done.returncode == 0, done.stderr
    for word in ("macro-F1", "95% interval", "sentences changed", "Changed parameters", "model.kind", "Sentences whose scores differ most"):
        assert word in done.stdout
    assert "table  compared_with_" in done.stderr


def test_compare_as_json_is_one_document(pactag, names, store):
    data = json.loads(pactag("compare", *names, "--json", "--tracking-uri", store).stdout)
    assert set(data) == {"baseline", "test_digest", "sentences", "articles", "runs"}
    assert [run["run_id"] for run in data["runs"]] == names[1:]


def test_compare_writes_a_page(pactag, names, store, tmp_path):
    done = pactag("compare", *names, "--html", tmp_path / "page.html", "--tracking-uri", store)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("place", ["nowhere/page.html", ""], ids=["missing folder", "a folder"])
def test_page_that_cannot_be_written_is_told(pactag, names, store, tmp_path, place: str):
    done = pactag("compare", *names, "--html", tmp_path / place, "--tracking-uri", store)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_page_replaces_nothing_but_a_page_of_a_comparison(pactag, tmp_path):
    notes = tmp_path / "notes.html"
    notes.write_bytes(b"<!doctype html>My notes\r\n")
    done = pactag("compare", "1", "2", "--html", notes, "--tracking-uri", f"sqlite:///{tmp_path}/runs.db")
    assert done.returncode == 2
    assert "notes.html: exists already and holds no comparison of runs" in " ".join(done.stderr.split())
    assert notes.read_bytes() == b"<!doctype html>My notes\r\n"


def test_compare_of_one_run_is_told(pactag, names, store):
    done = pactag("compare", names[0], "--tracking-uri", store)
    assert done.returncode == 2
    assert "runs to compare: 1 given. Name two or more" in done.stderr


def test_compare_of_unknown_runs_tells_each(pactag, store):
    done = pactag("compare", "0123", "4567", "--tracking-uri", store)
    assert done.returncode == 2
    assert "run '0123': is not in this store" in done.stderr
    assert "run '4567': is not in this store" in done.stderr


def test_rollback_names_the_champion(pactag, trained, store):
    for kind in ("tfidf", "frozen"):
        pactag("promote", trained[kind].run_id, "--force", "for the test", "--tracking-uri", store)
    done = pactag("rollback", "--tracking-uri", store)
    assert done.returncode == 0, done.stderr
    assert "models:/pactag@champion is version" in done.stdout
