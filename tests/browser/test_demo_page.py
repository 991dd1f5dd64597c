"""`pactag demo` as a person meets it, in a real browser: make test-browser."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import psutil
import pytest

from pactag import Tagger
from pactag.annotation.judgements import read_judgements

pytestmark = pytest.mark.browser

SENTENCES = [
    "The guild offered to meet on Monday.",
    "Unless the rota changes, its drivers will strike.",
    "He accused the board of lying.",
    "It rained.",
]
ARTICLE = " ".join(SENTENCES[:2]) + "\n\n" + " ".join(SENTENCES[2:])
# What is a template to Gradio, and a tag to a browser.
ODD = "The price is ${1+1} and {{value}} and `x`, he said. <b onmouseover=\"document.title='no'\">Bold</b> & more."


@pytest.fixture(scope="session")
def tagger(trained) -> Tagger:
    return Tagger.load(trained["tfidf"].folder)


@pytest.fixture(scope="session")
def address(tagger) -> Iterator[str]:
    from pactag.demo.page import serve

    # Gradio does not take port 0 as "any": a free one is found here.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = serve(tagger, port=port, wait=False)
    yield f"http://127.0.0.1:{port}"
    page.close()


@pytest.fixture
def page(browser, address):
    """A fresh page; it must ask nobody but the demo, and log no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    elsewhere, errors = [], []
    page.on("request", lambda request: None if request.url.startswith((address, "data:", "blob:")) else elsewhere.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#tag-text")
    yield page
    context.close()
    assert elsewhere == []
    assert errors == []


def _tag(page, text: str) -> None:
    page.fill("#text textarea", text)
    page.click("#tag-text")


def _status(page, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#status')?.innerText.includes(text)", arg=text)


def _sentences(page):
    page.wait_for_selector("#article [data-index]")
    return page.locator("#article [data-index]")


def test_article_is_shown_sentence_by_sentence(page, tagger):
    _tag(page, ARTICLE)
    shown = _sentences(page)
    assert [shown.nth(i).inner_text().startswith(text) for i, text in enumerate(SENTENCES)] == [True] * 4
    marked = {int(one.get_attribute("data-index")) for one in page.locator("#article .act").all()}
    assert marked == {i for i, one in enumerate(tagger.tag(ARTICLE).sentences) if one.labels}
    assert page.locator("#article p").count() == 2


def test_chosen_sentence_tells_scores_and_words(page, tagger):
    _tag(page, ARTICLE)
    _sentences(page).nth(1).click()
    page.wait_for_selector("#details table")
    scores = tagger.tag(ARTICLE).sentences[1].scores
    text = page.inner_text("#details")
    assert all(f"{score:.2f}" in text for score in scores.values())
    page.wait_for_selector("#labels")


def test_keyboard_alone_chooses_and_corrects(page):
    page.focus("#text textarea")
    page.keyboard.insert_text(ARTICLE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    _sentences(page).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#details table")
    assert page.evaluate("document.activeElement.dataset.index") == "2"
    assert page.locator("#article [tabindex='0']").get_attribute("data-index") == "2"
    page.locator("#labels input").nth(2).focus()
    page.keyboard.press("Space")
    _status(page, "1 sentences corrected")


def test_corrections_are_downloaded_as_judgements(page, tagger, schema, tmp_path):
    _tag(page, ARTICLE)
    _sentences(page).nth(3).click()
    page.wait_for_selector("#labels")
    page.check("#labels label:has-text('threat') input")
    _status(page, "1 sentences corrected")
    page.click("text=Download corrections")
    page.fill("#annotator input, #annotator textarea", "anna")
    page.click("#save")
    page.wait_for_selector("#download")
    with page.expect_download() as download:
        page.click("#download")
    path = tmp_path / "corrections.jsonl"
    download.value.save_as(path)
    (one,) = [placed.judgement for placed in read_judgements([path], schema)]
    assert (one.annotator, one.text, one.index) == ("anna", "It rained.", 3)
    assert set(one.labels) == {*tagger.tag(ARTICLE).sentences[3].labels} ^ {"threat"}
    assert (one.sentences, one.before) == (4, tuple(SENTENCES[1:3]))


def test_page_asks_before_corrections_are_lost(page):
    _tag(page, ARTICLE)
    _sentences(page).nth(3).click()
    page.wait_for_selector("#labels")
    page.check("#labels label:has-text('threat') input")
    _status(page, "1 sentences corrected")
    page.click("#tag-text")
    _status(page, "1 corrected sentences would be lost")
    assert _sentences(page).count() == 4
    page.click("#tag-text")
    _status(page, "of 4 sentences carry a label")


def test_missing_name_is_told(page):
    _tag(page, ARTICLE)
    _sentences(page)
    page.click("text=Download corrections")
    page.click("#save")
    _status(page, "your name: is missing")


@pytest.mark.parametrize("text", ["", "  \n "])
def test_empty_article_is_told(page, text: str):
    _tag(page, text)
    _status(page, "text: is empty")


def test_text_of_an_article_is_never_code(page):
    _tag(page, ODD)
    _sentences(page).first.click()
    page.wait_for_selector("#details table")
    assert "${1+1} and {{value}} and `x`" in page.inner_text("#article")
    assert page.locator("#article b").count() == 0


def test_huge_article_comes_in_parts(page):
    _tag(page, " ".join(f"Sentence number {number} says nothing at all." for number in range(5000)))
    assert _sentences(page).count() == 200
    page.click("#after")
    page.wait_for_selector("#article [data-index='200']")
    assert page.locator("#article [data-index]").count() == 200
    page.click("#before")
    page.wait_for_selector("#article [data-index='0']")


def test_file_with_several_articles(page, tmp_path):
    lines = [json.dumps({"id": f"a{number}", "title": f"Title {number}", "text": text}) for number, text in enumerate(SENTENCES)]
    (tmp_path / "wire.jsonl").write_text("\n".join(lines), encoding="utf-8")
    page.click("button[role=tab]:has-text('File')")
    page.set_input_files("#file input[type=file]", tmp_path / "wire.jsonl")
    page.wait_for_selector("#file >> text=wire")
    page.click("#tag-file")
    assert "Title 0" in page.inner_text("#article")
    page.click("#which input")
    page.click("[role=option]:has-text('Title 2')")
    page.wait_for_selector("#article >> text=He accused the board of lying.")


def test_broken_file_is_told(page, tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00\x01")
    page.click("button[role=tab]:has-text('File')")
    page.set_input_files("#file input[type=file]", tmp_path / "bad.txt")
    page.wait_for_selector("#file >> text=bad")
    page.click("#tag-file")
    _status(page, "is UTF-16, not UTF-8")


@pytest.mark.parametrize(
    ("given", "told"),
    [("ftp://x.org/a", "does not begin with http"), ("http://127.0.0.1:1/a", "127.0.0.1"), ("http://10.0.0.1/", "10.0.0.1")],
)
def test_address_that_is_not_of_the_public_web_is_refused(page, given: str, told: str):
    page.click("button[role=tab]:has-text('Address')")
    page.fill("#address input, #address textarea", given)
    page.click("#tag-address")
    _status(page, told)


@pytest.mark.parametrize("width", [320, 360])
def test_phone_needs_no_sideways_scrolling(page, width: int):
    page.set_viewport_size({"width": width, "height": 740})
    _tag(page, ARTICLE + " " + "x" * 300)
    _sentences(page).nth(1).click()
    page.wait_for_selector("#details table")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_demo_listens_to_this_machine_alone(address):
    port = int(address.rpartition(":")[2])
    listening = [one.laddr for one in psutil.Process().net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert {one.ip for one in listening if one.port == port} == {"127.0.0.1"}
