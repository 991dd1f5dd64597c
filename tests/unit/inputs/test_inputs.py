"""Articles from files, folders and standard input: what is read, what is refused, and that the others go on."""

from __future__ import annotations

import importlib.util
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pactag.articles import Article, normalise
from pactag.errors import InputError, MissingExtraError
from pactag.inputs import read_articles
from pactag.inputs.records import article_of

needs_trafilatura = pytest.mark.skipif(importlib.util.find_spec("trafilatura") is None, reason="the extra `html` is not installed")


def _all(*names, **options) -> tuple[list[Article], list[str]]:
    errors: list[str] = []
    articles = list(read_articles(names, on_error=lambda error: errors.append(str(error)), **options))
    return articles, errors


def _file(path, content: str | bytes):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Files, folders and patterns


def test_folder_gives_its_readable_files_sorted(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.txt", "a.TXT", "sub/c.txt", "photo.jpg", ".hidden/d.txt", ".e.txt"):
        _file(tmp_path / name, name)
    articles, errors = _all(tmp_path)
    assert [article.id for article in articles] == ["a", "b", "sub/c"]
    assert errors == []


def test_folder_without_readable_files_is_told(tmp_path):
    _file(tmp_path / "photo.jpg", b"x")
    assert "holds no file that pactag reads" in _all(tmp_path)[1][0]


def test_pattern_is_expanded(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "sub/a.txt", "c.csv"):
        _file(tmp_path / name, "He said no.")
    assert [article.id for article in _all(f"{tmp_path}/**/*.txt")[0]] == ["b", "a"]


def test_pattern_that_matches_nothing_is_told(tmp_path):
    assert _all(f"{tmp_path}/*.txt")[1] == [f"{tmp_path}/*.txt: matches no file. Check the pattern"]


def test_file_whose_name_looks_like_a_pattern_is_read(tmp_path):
    assert [article.id for article in _all(_file(tmp_path / "a[1].txt", "No."))[0]] == ["a[1]"]


def test_output_of_the_last_call_is_left_out(tmp_path):
    _file(tmp_path / "a.txt", "No.")
    last = _file(tmp_path / "acts.jsonl", "{}\n")
    assert _all(tmp_path, leave_out=[last]) == ([Article("a", "No.")], [])


def test_missing_file_is_told_and_the_next_is_read(tmp_path):
    articles, errors = _all(tmp_path / "nowhere.txt", _file(tmp_path / "a.txt", "No."))
    assert [article.id for article in articles] == ["a"]
    assert errors == [f"{tmp_path / 'nowhere.txt'}: no such file. Check the path"]


def test_first_error_is_raised_when_nobody_listens(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_articles([tmp_path / "nowhere.txt"]))


def test_unknown_kind_is_told_at_once(tmp_path):
    with pytest.raises(InputError, match=r"'docx': is not known\. Allowed: text, jsonl, csv, parquet, html"):
        read_articles([tmp_path], kind="docx")


def test_standard_input_takes_the_given_kind(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "No."}\n')))
    assert _all("-", kind="jsonl")[0] == [Article("stdin:1", "No.")]


def test_closed_standard_input_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert _all("-") == ([], ["standard input: is closed. Give a file, or pipe an article in"])


def test_reading_is_lazy(tmp_path):
    first = _file(tmp_path / "a.jsonl", '{"id": "x", "text": "No."}\n{"id": "y", "text": "Yes."}\n')
    stream = read_articles([first, tmp_path / "nowhere.txt"])
    assert [next(stream).id, next(stream).id] == ["x", "y"]
    with pytest.raises(InputError):
        next(stream)


# JSON Lines


def test_jsonl_fields(tmp_path):
    row = {"id": 7, "title": "Talks", "text": "No. Yes.", "spans": [[0, 3], [4, 8]], "date": "2011-09-14"}
    path = _file(tmp_path / "a.jsonl", "\ufeff" + json.dumps(row) + "\n\n" + '{"text": "No."}')
    assert _all(path) == ([Article("7", "No. Yes.", "Talks", ((0, 3), (4, 8))), Article("a:3", "No.")], [])


BAD_ROWS = {
    b"{not json": "a.jsonl:1: invalid JSON",
    b"[1]": "a.jsonl:1: is not a JSON object",
    b'{"id": "x", "txt": "No."}': "a.jsonl:1: has no field 'text'. It has: 'id', 'txt'",
    b'{"text": null}': "a.jsonl:1: its text is null",
    b'{"text": "No.", "title": 3}': "a.jsonl:1: its title is a number",
    b'{"text": "No.", "id": ["x"]}': "a.jsonl:1: its id is a list",
    b'{"text": "No.", "spans": "all"}': "a.jsonl:1: its spans are a string",
    b'{"text": "No.", "spans": [[0, 9]]}': "a.jsonl:1: spans[0]: (0, 9) is empty",
    b'{"text": "caf\xe9"}': "a.jsonl:1: byte 13 (0xe9) is not valid UTF-8",
    b"[" * 100_000: "a.jsonl:1: ",
    b"9" * 5000: "a.jsonl:1: JSON that cannot be read",
}


@pytest.mark.parametrize(("line", "message"), BAD_ROWS.items(), ids=range(len(BAD_ROWS)))
def test_bad_line_is_told_and_the_next_is_read(tmp_path, line: bytes, message: str):
    articles, errors = _all(_file(tmp_path / "a.jsonl", line + b'\n{"id": "y", "text": "Yes."}\n'))
    assert [article.id for article in articles] == ["y"]
    assert len(errors) == 1
    assert message in errors[0]


@pytest.mark.parametrize("content", ['{"text": "No."}\n'.encode("utf-16"), b"\x7fELF\0\0\n" * 500])
def test_file_that_is_no_utf8_text_is_one_error(tmp_path, content: bytes):
    articles, errors = _all(_file(tmp_path / "a.jsonl", content))
    assert (len(articles), len(errors)) == (0, 1)


def test_lone_surrogates_of_json_can_be_written_again(tmp_path):
    path = _file(tmp_path / "a.jsonl", r'{"id": "x\ud800", "title": "\udc00", "text": "a\ud800"}')
    (article,) = _all(path)[0]
    assert (article.id, article.title, article.text) == ("x\ufffd", "\ufffd", "a\ufffd")


@given(text=st.text(st.sampled_from("a\r\n\ufeff\U0001f600 "), min_size=1), data=st.data())
def test_spans_mark_the_same_words_after_normalisation(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    try:
        article = article_of({"text": text, "spans": [[start, end]]}, where="row", default_id="x")
    except InputError:
        # Only a span of which normalising leaves nothing may be refused.
        assert text[start:end].strip("\r\n\ufeff") == ""
        return
    ((left, right),) = article.spans
    assert article.text[left:right].split() == normalise(text[start:end].lstrip("\ufeff")).split() or "\ufeff" in text[start:end]


# Tables


def test_csv_rows(tmp_path):
    content = 'id,title,text,date\nx,Talks,"He said ""no"",\r\ntwice.",1\n\n,,Yes.,2\n'
    assert _all(_file(tmp_path / "a.csv", "\ufeff" + content)) == (
        [Article("x", 'He said "no",\ntwice.', "Talks"), Article("a:5", "Yes.")],
        [],
    )


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_separator_is_that_of_the_header(tmp_path, separator: str):
    path = _file(tmp_path / "a.csv", f"ID{separator}Text\nx{separator}No, no.\n")
    assert _all(path)[0] == [Article("x", "No, no.")]


def test_csv_field_may_be_long(tmp_path):
    (article,) = _all(_file(tmp_path / "a.csv", "text\n" + "word " * 100_000 + "\n"))[0]
    assert len(article.text) == 500_000


def test_bad_csv_rows_are_told_with_their_line(tmp_path):
    content = b'id,text\n1,"two\nlines"\n2,No, no.\n3,caf\xe9\n4,"a"b\n5,Yes.\n6,"open\n'
    articles, errors = _all(_file(tmp_path / "a.csv", content))
    assert [article.id for article in articles] == ["1", "5"]
    assert [error.removeprefix(str(tmp_path)).split(":")[1] for error in errors] == ["4", "5", "6", "8"]
    assert "has 3 fields, the header has 2" in errors[0]
    assert "is not valid UTF-8" in errors[1]
    assert "is not CSV" in errors[2]


@pytest.mark.parametrize("content", ["id,body\n1,No.\n", "", "\x01\x02\n"])
def test_csv_without_a_text_column_is_one_error(tmp_path, content: str):
    articles, errors = _all(_file(tmp_path / "a.csv", content))
    assert (len(articles), len(errors)) == (0, 1)
    assert "a.csv:1: has no column 'text'" in errors[0]


@pytest.fixture
def parquet(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    def write(**columns):
        path = tmp_path / "a.parquet"
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        return path

    return write


def test_parquet_rows(parquet):
    path = parquet(id=[1, None, 3], title=["Talks", None, "x"], text=["No.", "Yes.", None], more=[1, 2, 3])
    articles, errors = _all(path)
    assert articles == [Article("1", "No.", "Talks"), Article("a:2", "Yes.")]
    assert errors == [f"{path}: row 3: its text is null. Give a string"]


def test_parquet_without_a_text_column_is_told(parquet):
    assert "has no column 'text' ('body')" in _all(parquet(body=["No."]))[1][0]


def test_file_that_is_no_parquet_is_told(tmp_path):
    pytest.importorskip("pyarrow")
    assert "is not a Parquet file" in _all(_file(tmp_path / "a.parquet", "No."))[1][0]


# HTML

PAGE = """<!doctype html><html><head><title>Ferry talks stall</title></head><body><nav><a href="/">Home</a></nav><main><article>
<h1>Ferry talks stall</h1><p>The ferry guild offered on Monday to resume the talks about the timetable &amp; the rota.</p>
<h2>Deadline</h2><p>The operator accused the guild of bad faith and said that it would cancel every contract unless all sign soon.</p>
<p>About 4,000 commuters use the line every day, and most of them have no other way to reach the island in the winter.</p>
<button>Add a Comment</button></article></main><footer>Add a Comment. Subscribe to our newsletter</footer></body></html>"""


@needs_trafilatura
def test_html_gives_the_article_without_the_page_around_it(tmp_path):
    ((article,), errors) = _all(_file(tmp_path / "a.html", PAGE))
    assert errors == []
    assert (article.id, article.title) == ("a", "Ferry talks stall")
    assert "timetable & the rota" in article.text
    assert "Add a Comment" not in article.text
    assert "\n\nDeadline\n\n" in article.text


@needs_trafilatura
@pytest.mark.parametrize("content", [b"", b"<html></html>", bytes(range(256)) * 9])
def test_page_without_an_article_is_told(tmp_path, content: bytes):
    assert "holds no article" in _all(_file(tmp_path / "a.html", content))[1][0]


@pytest.mark.parametrize(("ending", "library", "extra"), [("html", "trafilatura", "html"), ("parquet", "pyarrow", "parquet")])
def test_missing_extra_is_told_once_and_the_others_are_read(tmp_path, monkeypatch, ending: str, library: str, extra: str):
    # What the import system itself records for a module that cannot be had.
    monkeypatch.setitem(sys.modules, library, None)
    for name in (f"a.{ending}", f"b.{ending}", "c.txt"):
        _file(tmp_path / name, "No.")
    errors: list = []
    articles = list(read_articles([tmp_path], on_error=errors.append))
    assert [article.id for article in articles] == ["c"]
    assert [type(error) for error in errors] == [MissingExtraError]
    assert f"pip install 'pactag[{extra}]'" in str(errors[0])
