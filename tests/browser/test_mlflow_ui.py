"""MLflow's pages on runs of pactag, as `pactag ui` opens them in a real browser: make test-browser."""

from __future__ import annotations

import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from mlflow_pages import NO_ASSISTANT, PATIENCE, open_runs, scroll_to

from pactag.tracking import Tracker
from pactag.training import train

pytestmark = pytest.mark.browser

LABELS = ("proposal", "accusation", "threat", "condition")


@pytest.fixture(scope="session")
def six_runs(config_of, tmp_path_factory) -> str:
    """A store with two runs of each family; the last is champion."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('ui') / 'mlflow.db'}"
    tracking = {"uri": uri, "experiment": "pactag", "pictures": True}
    for kind in ("tfidf", "frozen", "encoder"):
        training = {"training": {"epochs": 2, "learning_rate": 1e-3}} if kind == "encoder" else {}
        runs = [train(config_of(kind, name=f"{kind}-{seed}", seed=seed, tracking=tracking, **training)) for seed in (1, 2)]
    Tracker(uri).promote(runs[-1].run_id)
    return uri


@pytest.fixture(scope="session")
def opened(six_runs) -> Iterator[str]:
    """The address that `pactag ui` tells to open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pactag.cli", "ui", "--tracking-uri", six_runs, "--port", str(port), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [told.put(line) for line in server.stdout], daemon=True).start()
    try:
        line = ""
        while not line.startswith("runs: "):
            line = told.get(timeout=PATIENCE)
        yield line.removeprefix("runs: ").strip()
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def page(browser, opened):
    """The page of the experiment; it must ask nobody but the server."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    here = opened.partition("/#")[0]
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith((here, "data:", "blob:")) else elsewhere.append(request.url))
    page.add_init_script(NO_ASSISTANT)
    page.goto(opened, wait_until="domcontentloaded")
    page.wait_for_selector("text=matching runs")
    yield page
    context.close()
    assert elsewhere == []


def test_experiment_opens_with_the_columns_that_matter(page):
    headers = "[...document.querySelectorAll('[data-testid^=sort-header-]')].map(one => one.dataset.testid.slice(12))"
    # They come by name first, and then in the order of the view.
    page.wait_for_function(f"{headers}.slice(0, 3).join() === 'Run Name,Created,test/f1_macro'")
    assert set(page.evaluate(headers)[3:7]) == {f"test/{name}/f1" for name in LABELS}
    for kind in ("tfidf", "frozen", "encoder"):
        for seed in (1, 2):
            page.get_by_role("link", name=f"{kind}-{seed}", exact=True).wait_for()
    page.wait_for_function("document.body.innerText.includes('6 matching runs')")


def test_two_runs_are_compared_by_parameters_figures_and_tags(page):
    rows = page.locator(".ag-pinned-left-cols-container [role=row]")
    for name in ("tfidf-1", "encoder-1"):
        rows.filter(has_text=name).get_by_label("Press Space to toggle row selection").check(force=True)
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_selector("text=Comparing 2 Runs")
    page.wait_for_selector("text=Parallel Coordinates Plot")
    page.get_by_text("best_dev/f1_macro", exact=True).first.wait_for(state="attached")
    shown = page.inner_text("body")
    for name in ("tfidf-1", "encoder-1", "model.kind", "training.learning_rate", "corpus_digest", "git.commit"):
        assert name in shown
    # The list of figures holds only what its window shows.
    page.locator(".ReactVirtualized__Grid").first.evaluate("found => { found.scrollTop = found.scrollHeight; }")
    page.get_by_text("test/threat/recall", exact=True).first.wait_for(state="attached")


def test_charts_stand_in_groups_and_pictures_in_grids(page, opened):
    open_runs(page, opened, "CHART")
    search = page.get_by_placeholder("Search metric charts")
    for name in ("dev/f1_macro", "dev/threat/f1", "best_dev/f1_macro", "test/f1_macro", "test/threat/f1", "speed/tag_sentences_per_second"):
        search.fill(f"^{name}$")
        scroll_to(page, name)
    search.fill("^no figure at all$")
    for name in ("data/input length", "dev/learning curve", "test/confusion", "test/precision recall", "test/reliability"):
        scroll_to(page, name)
        picture = page.locator(f"img[src*='{quote(name.replace('/', '~'))}']").first
        picture.wait_for(state="attached")
        # The grid holds small copies.
        page.wait_for_function("found => found.complete && found.naturalWidth > 100", arg=picture.element_handle())


def test_tables_are_compared_across_runs(page, opened):
    open_runs(page, opened, "ARTIFACT")
    page.get_by_text("tables/test_per_label.json").first.wait_for()
    for label in LABELS:
        page.get_by_text(label, exact=True).first.wait_for()
    shown = page.inner_text("body")
    assert re.search(r"Compare:\s+f1", shown)
    page.get_by_text("tables/test_per_label.json").first.click()
    for name in ("test_predictions", "test_worst_errors", "test_confusion"):
        page.get_by_text(f"tables/{name}.json").first.wait_for()
    page.keyboard.press("Escape")


def test_run_has_its_note_at_the_top(page):
    page.get_by_role("link", name="encoder-2", exact=True).click()
    page.wait_for_selector("text=encoder-2: test macro-F1")
    page.wait_for_selector("text=pactag reproduce")
