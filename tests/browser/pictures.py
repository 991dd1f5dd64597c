"""The pictures of MLflow's pages in the README, from the store of `make showcase`.

    MLFLOW_TRACKING_URI=sqlite:///experiments/showcase/mlflow.db pactag ui --no-browser    # prints an address
    python tests/browser/pictures.py ADDRESS experiments/pages

ADDRESS is the whole line after `runs:`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlflow_pages import NO_ASSISTANT, PATIENCE, chromium, open_runs, scroll_to
from PIL import Image
from playwright.sync_api import Page, sync_playwright

# Bytes: a page of documentation should not weigh more.
HEAVIEST = 300_000


def main(address: str, folder: Path) -> None:
    """Write one picture a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1440, "height": 860}).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.add_init_script(NO_ASSISTANT)
        _open(page, address)
        _keep(page, folder / "runs.png")
        open_runs(page, address, "CHART")
        page.wait_for_selector("text=matching runs")
        page.get_by_placeholder("Search metric charts").fill("^test/.*/f1$|^(test|dev)/f1_macro$")
        scroll_to(page, "test/f1_macro")
        _keep(page, folder / "charts.png")
        open_runs(page, address, "ARTIFACT")
        page.get_by_text("tables/test_per_label.json").first.wait_for()
        _keep(page, folder / "tables.png")
        _open(page, address)
        page.get_by_role("link", name="quick", exact=True).click()
        page.wait_for_selector("text=quick: test macro-F1")
        _keep(page, folder / "run.png")
        _open(page, address)
        page.get_by_role("link", name="sweep quick", exact=True).click()
        page.wait_for_selector("text=Sweep quick")
        _keep(page, folder / "sweep.png")
        browser.close()


def _open(page: Page, address: str) -> None:
    open_runs(page, address)
    page.wait_for_selector("text=matching runs")


def _keep(page: Page, path: Path) -> None:
    page.wait_for_timeout(8000)
    page.screenshot(path=path)
    if path.stat().st_size > HEAVIEST:
        with Image.open(path) as image:
            image.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(path, optimize=True)
    sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
