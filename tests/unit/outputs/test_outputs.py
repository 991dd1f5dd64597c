"""Tagged articles in every format: what stands in the file, that it is true to the text, and that it is whole or not there."""

from __future__ import annotations

import csv
import json
import os
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pactag.errors import MissingExtraError, PactagError
from pactag.inputs import read_articles
from pactag.outputs import WRITERS, check_apart, format_of, write
from pactag.outputs.annotation import article_annotations
from pactag.outputs.base import Maker
from pactag.outputs.brat import annotation_lines
from pactag.outputs.page import article_html
from pactag.outputs.utf16 import utf16_offsets
from pactag.tagging import TaggedArticle, TaggedSentence

TEXT = "He said no 🚪.\n\nUnless <b>you</b>\nagree & sign, we e\u0301 leave. A menu"
SPANS = ((0, 13), (15, 54))


@pytest.fixture(scope="module")
def maker(schema) -> Maker:
    return Maker(schema, "tfidf-0123")


@pytest.fixture(scope="module")
def tagged(schema):
    def make(text: str = TEXT, spans=SPANS, labels=((), ("threat", "condition")), id: str = "a", title: str | None = None) -> TaggedArticle:
        found = []
        for (start, end), names in zip(spans, labels, strict=True):
            scores = {name: 0.91234567 if name in names else 0.1 for name in schema.names}
            found.append(TaggedSentence(start, end, text[start:end], names, scores, ("proposal", "threat") if names else ()))
        return TaggedArticle(id, text, title, tuple(found))

    return make


class _Page(HTMLParser):
    """The elements, and the text that is seen in articles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


# Canonical rows and tables


def test_jsonl_rows(tagged, maker, tmp_path):
    assert write([tagged()], tmp_path / "a.jsonl", maker) == 2
    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert list(first) == ["article_id", "index", "start", "end", "text", "labels", "scores", "uncertain", "model"]
    assert (second["index"], second["labels"], second["scores"]["threat"]) == (1, ["threat", "condition"], 0.9123)
    assert (first["uncertain"], second["uncertain"]) == ([], ["proposal", "threat"])
    assert TEXT[second["start"] : second["end"]] == second["text"]


def test_csv_and_parquet_hold_the_same_table(tagged, maker, tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    for name in ("a.csv", "a.parquet"):
        write([tagged(), tagged(id="b")], tmp_path / name, maker)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["text"] == TEXT[15:54]
    assert (rows[0]["labels"], rows[1]["labels"], rows[1]["score_threat"]) == ("", "threat condition", "0.9123")
    assert (rows[0]["uncertain"], rows[1]["uncertain"]) == ("", "proposal threat")
    same = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert [{name: str(value) for name, value in row.items()} for row in same] == rows


# The page


def test_page_shows_every_character_of_an_article(tagged, schema):
    page = _Page("".join(article_html(tagged(id="", title="T"), schema)))
    seen = "".join(page.text.split())
    for heard in ("T?threat0.91,uncertain:", "Ccondition0.91:"):
        assert heard in seen
        seen = seen.replace(heard, "")
    assert seen.endswith("".join(TEXT.split()))


@pytest.mark.parametrize("field", ["text", "title", "id"])
@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style></main><iframe>", "&lt;b&gt;"])
def test_page_escapes_all_that_comes_from_an_article(tagged, maker, tmp_path, field: str, hostile: str):
    plain = {"text": "x" * len(hostile), "title": "x", "id": "x"}
    given = {**plain, field: hostile}
    for name, content in (("plain", plain), ("hostile", given)):
        article = tagged(content["text"], ((0, len(content["text"])),), (("threat",),), content["id"], content["title"])
        write([article], tmp_path / f"{name}.html", maker)
    pages = {name: _Page((tmp_path / f"{name}.html").read_text()) for name in ("plain", "hostile")}
    assert pages["hostile"].elements == pages["plain"].elements
    assert hostile in pages["hostile"].text


def test_labelled_sentences_can_be_reached_by_key_and_carry_scores(tagged, maker, tmp_path):
    write([tagged()], tmp_path / "a.html", maker)
    marks = [attributes for tag, attributes in _Page((tmp_path / "a.html").read_text()).elements if tag == "mark"]
    assert [mark["tabindex"] for mark in marks] == ["0"]
    assert marks[0]["data-scores"] == "proposal 0.10? · accusation 0.10 · threat 0.91? · condition 0.91"


def test_sentence_without_a_label_shows_what_is_uncertain_of_it(tagged, maker, tmp_path):
    article = tagged(labels=((), ()))
    first, second = article.sentences
    near = replace(second, scores={**second.scores, "threat": 0.44}, uncertain=("threat",))
    write([replace(article, sentences=(first, near))], tmp_path / "a.html", maker)
    page = (tmp_path / "a.html").read_text()
    shown = _Page(page)
    assert f"{second.text}threat 0.44?" in shown.text
    assert "? marks a label whose score lies near its threshold" in shown.text
    own = [attributes for tag, attributes in shown.elements if "data-scores" in attributes]
    assert [(one["class"], one["tabindex"], one["data-scores"]) for one in own] == [
        ("plain", "0", "proposal 0.10 · accusation 0.10 · threat 0.44? · condition 0.10")
    ]
    assert "<mark" not in page
    # Like every sentence without a label, it goes when only those with one are wanted, and what is said of it with the box of the label.
    assert "body:has(#only:checked) :is(.plain, mark) { display: none; }" in page
    assert "body:has(#show-threat:checked) .doubt.is-threat { display: inline; }" in page


def test_page_has_a_filter_and_a_colour_for_every_label(tagged, maker, tmp_path):
    write([tagged()], tmp_path / "a.html", maker)
    page = (tmp_path / "a.html").read_text()
    boxes = [attributes["id"] for tag, attributes in _Page(page).elements if tag == "input"]
    assert boxes == [*(f"show-{name}" for name in maker.schema.names), "only"]
    assert all(f".chip.is-{label.name} {{ background: {label.color};" in page for label in maker.schema.labels)


def test_page_loads_and_runs_nothing(tagged, maker, tmp_path):
    write([tagged()], tmp_path / "a.html", maker)
    page = _Page((tmp_path / "a.html").read_text())
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object"}
    assert not [name for _, attributes in page.elements for name in attributes if name in {"src", "href"} or name.startswith("on")]


def test_blank_line_begins_a_paragraph(tagged, schema):
    page = "".join(article_html(tagged(), schema))
    assert page.count('<p dir="auto">') == 2


# brat


def test_brat_offsets_name_the_words(tagged, maker, tmp_path):
    assert write([tagged()], tmp_path / "a.brat", maker) == 2
    text = (tmp_path / "a.brat/a.txt").read_bytes().decode()
    assert text == TEXT
    lines = (tmp_path / "a.brat/a.ann").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["T1", "#1", "T2", "#2"]
    label, where = lines[0].split("\t")[1].split(" ", 1)
    words = " ".join(text[int(start) : int(end)] for start, end in (piece.split() for piece in where.split(";")))
    assert (label, words) == ("threat", lines[0].split("\t")[2])


@given(text=st.text(st.characters(codec="utf-8"), min_size=1))
@example("a\u2028b\x85 c\n\t")
def test_brat_has_one_annotation_a_line_whatever_the_text(tagged, maker, text):
    lines = annotation_lines(tagged(text, ((0, len(text)),), (("threat",),)), maker).splitlines()
    assert len(lines) in ((0, 2) if not text.strip() else (2,))


def test_brat_file_names_are_safe_and_differ(tagged, maker, tmp_path):
    articles = [tagged(id=name) for name in ("../a", "A/b", "a_b", "a b", "", "x" * 300)]
    write(articles, tmp_path / "out", maker, format="brat")
    assert len(list((tmp_path / "out").glob("*.ann"))) == len(articles)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_brat_knows_the_labels(tagged, maker, tmp_path):
    write([], tmp_path / "a.brat", maker)
    assert all(f"\n{name}\n" in (tmp_path / "a.brat/annotation.conf").read_text() for name in maker.schema.names)


# Web Annotation and UTF-16


@given(
    text=st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\U0001f468\u200d\U0001f469e\u0301\U0001f1f3\U0001f1f4"))),
    data=st.data(),
)
@example("👩‍👩‍👧 e\u0301 🇳🇴", None)
def test_utf16_offsets_are_those_of_the_encoded_text(text, data):
    offsets = list(range(len(text) + 1))
    if data is not None:
        offsets = data.draw(st.permutations(offsets)) if len(offsets) < 50 else offsets[::-1]
    assert utf16_offsets(text, offsets) == [len(text[:offset].encode("utf-16-le")) // 2 for offset in offsets]


@pytest.mark.parametrize("offset", [-1, 3])
def test_utf16_offset_outside_the_text_is_refused(offset: int):
    with pytest.raises(ValueError, match=f"offset {offset} is outside a text of 2"):
        utf16_offsets("a🚪", [offset])


def test_annotation_selects_the_sentence_in_both_units(tagged, maker):
    (annotation,) = article_annotations(tagged(), maker)
    position, quote = annotation["target"]["selector"]
    units = TEXT.encode("utf-16-le")
    assert TEXT[position["start"] : position["end"]] == quote["exact"]
    assert units[2 * position["startUtf16"] : 2 * position["endUtf16"]].decode("utf-16-le") == quote["exact"]
    assert [body["value"] for body in annotation["body"]] == ["threat", "condition"]


@pytest.mark.parametrize(("id", "source"), [("a b/ç", "a%20b%2F%C3%A7"), ("https://example.org/a?b", "https://example.org/a?b")])
def test_source_of_an_annotation_is_an_address(tagged, maker, id: str, source: str):
    assert [annotation["target"]["source"] for annotation in article_annotations(tagged(id=id), maker)] == [source]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_annotation_page_is_json_with_an_id_for_everything(tagged, maker, tmp_path, count: int):
    write([tagged(id=str(number)) for number in range(count)], tmp_path / "a.jsonld", maker)
    page = json.loads((tmp_path / "a.jsonld").read_text())
    ids = [page["id"], *(item["id"] for item in page["items"])]
    assert (page["type"], len(set(ids))) == ("AnnotationPage", count + 1)
    assert all(one.startswith("urn:uuid:") for one in ids)


# Places


@pytest.mark.parametrize("format", WRITERS)
def test_output_is_there_whole_or_not_at_all(tagged, maker, tmp_path, format: str):
    if format == "parquet":
        pytest.importorskip("pyarrow")

    def broken():
        yield tagged()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(broken(), tmp_path / "acts", maker, format=format, texts=tmp_path / "texts.jsonl")
    assert list(tmp_path.iterdir()) == []
    write([tagged()], tmp_path / "acts", maker, format=format)
    assert [path.name for path in tmp_path.iterdir()] == ["acts"]


@pytest.mark.parametrize("format", WRITERS)
def test_same_articles_give_the_same_bytes(tagged, maker, tmp_path, format: str):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    written = []
    for name in ("one", "two"):
        write([tagged()], tmp_path / name, maker, format=format)
        files = sorted((tmp_path / name).iterdir()) if format == "brat" else [tmp_path / name]
        written.append([path.read_bytes() for path in files])
    assert all(a == b for a, b in pairwise(written))


def test_kept_texts_can_be_tagged_again(tagged, maker, tmp_path):
    write([tagged(title="Talks")], tmp_path / "a.csv", maker, texts=tmp_path / "texts.jsonl")
    (article,) = read_articles([tmp_path / "texts.jsonl"])
    assert (article.id, article.title, article.text, article.spans) == ("a", "Talks", TEXT, SPANS)


@pytest.mark.parametrize(
    ("name", "message"), [("acts.docx", "tells no format"), ("no/acts.csv", "there is no folder"), ("acts.csv", "is a folder")]
)
def test_place_that_cannot_be_written_is_told(tmp_path, name: str, message: str):
    (tmp_path / "acts.csv").mkdir()
    with pytest.raises(PactagError, match=message):
        format_of(tmp_path / name)


def test_pipe_as_output_is_refused_with_what_to_do(tmp_path):
    os.mkfifo(tmp_path / "acts.jsonl")
    with pytest.raises(PactagError, match="use --json and >"):
        format_of(tmp_path / "acts.jsonl")


def test_pipe_for_the_texts_is_refused(tmp_path):
    os.mkfifo(tmp_path / "texts")
    with pytest.raises(PactagError, match=r"texts: is neither a file nor a folder"):
        check_apart(tmp_path / "acts.csv", tmp_path / "texts")


@pytest.mark.parametrize("name", ["wire.jsonl", "sub/../wire.jsonl", "symbolic.jsonl", "hard.jsonl", "dangling.jsonl"])
@pytest.mark.parametrize("what", ["output", "texts"])
def test_input_is_not_written_over(tmp_path, name: str, what: str):
    (tmp_path / "sub").mkdir()
    (tmp_path / "wire.jsonl").write_text("{}\n")
    (tmp_path / "symbolic.jsonl").symlink_to("wire.jsonl")
    (tmp_path / "hard.jsonl").hardlink_to(tmp_path / "wire.jsonl")
    (tmp_path / "dangling.jsonl").symlink_to("new.jsonl")
    places = {"output": tmp_path / "acts.csv", "texts": tmp_path / "texts.jsonl"} | {what: tmp_path / name}
    with pytest.raises(PactagError, match=f"{what} .*{name}: is one of the inputs"):
        check_apart(*places.values(), inputs=["-", tmp_path / "new.jsonl", str(tmp_path / "wire.jsonl")])


def test_texts_that_are_the_output_by_another_way_are_refused(tmp_path):
    (tmp_path / "sub").mkdir()
    with pytest.raises(PactagError, match="the output itself"):
        check_apart(tmp_path / "acts.jsonl", tmp_path / "sub/../acts.jsonl")


def test_folder_of_another_run_is_not_replaced(maker, tmp_path):
    write([], tmp_path / "a.brat", maker)
    with pytest.raises(PactagError, match="exists already"):
        write([], tmp_path / "a.brat", maker)


def test_parquet_without_its_extra_is_told(maker, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pactag\[parquet\]"):
        write([], tmp_path / "a.parquet", maker)
    assert list(tmp_path.iterdir()) == []
