"""How to find one's way on MLflow's pages: for the tests and for the pictures of the README."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

# The other tests collect these files without playwright.
if TYPE_CHECKING:
    from playwright.sync_api import Page

# Seconds in which a page, or a server, shows what it has.
PATIENCE = 240
# MLflow opens its assistant over a part of the page once.
NO_ASSISTANT = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"


def chromium() -> str | None:
    """The browser of the system; without one, None for the one that `playwright install chromium` brought."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def open_runs(page: Page, address: str, mode: str | None = None) -> None:
    """Open the runs of an experiment, as a list, or as CHART or ARTIFACT."""
    # The address differs after the # only, which opens nothing by itself.
    page.goto("about:blank")
    page.goto(f"{address}&compareRunsMode={mode}" if mode else address, wait_until="domcontentloaded")


def scroll_to(page: Page, chart: str) -> None:
    """Bring a chart into sight; the page draws only the sections that are.

    :raises AssertionError: when there is none of that name.
    """
    page.mouse.move(1200, 800)
    page.mouse.wheel(0, -100_000)
    found = page.get_by_text(chart, exact=True)
    for _ in range(PATIENCE):
        page.wait_for_timeout(1000)
        if found.count():
            found.first.scroll_into_view_if_needed()
            return
        page.mouse.wheel(0, 400)
    raise AssertionError(f"no chart {chart}")
