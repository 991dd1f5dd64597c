"""The browser that all tests of pages share."""

from __future__ import annotations

import pytest
from mlflow_pages import chromium


@pytest.fixture(scope="session")
def browser():
    # Imported here: the other tests collect this file without playwright.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"])
        yield started
        started.close()
