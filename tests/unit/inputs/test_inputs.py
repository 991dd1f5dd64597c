"""Articles from files, folders and standard input: what is read, what is refused, and that the others go on."""

from __future__ import annotations

import csv
import glob
import gzip
import importlib.util
import io
import json
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pactag.articles import Article, normalise
from pactag.errors import InputError, MissingExtraError
from pactag.inputs import Source, read_articles, sources
from pactag.inputs.records import article_of
from pactag.sentences import segment

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


def test_folder_that_a_link_leads_to_is_read(tmp_path):
    _index_pages(tmp_path, "elsewhere/may")
    (tmp_path / "news").mkdir()
    (tmp_path / "news/archive").symlink_to(tmp_path / "elsewhere")
    assert [article.id for article in _all(tmp_path / "news")[0]] == ["archive/may/index"]


def test_folder_with_links_in_a_circle_is_read_once(tmp_path):
    _index_pages(tmp_path, "news/may")
    (tmp_path / "news/may/up").symlink_to(tmp_path / "news")
    (tmp_path / "news/all").symlink_to(tmp_path)
    (tmp_path / "news/0-latest").symlink_to("may")
    assert [article.id for article in _all(tmp_path / "news")[0]] == ["may/index"]


def test_folder_to_leave_out_is_left_out_behind_a_link(tmp_path):
    _index_pages(tmp_path, "news/may", "acts")
    (tmp_path / "news/acts").symlink_to(tmp_path / "acts")
    assert [article.id for article in _all(tmp_path / "news", leave_out=[tmp_path / "acts"])[0]] == ["may/index"]


def test_folder_without_readable_files_is_told(tmp_path):
    _file(tmp_path / "photo.jpg", b"x")
    assert "holds no file that pactag reads" in _all(tmp_path)[1][0]


def test_pattern_is_expanded(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "sub/a.txt", "c.csv"):
        _file(tmp_path / name, "He said no.")
    assert [article.id for article in _all(f"{tmp_path}/**/*.txt")[0]] == ["b", "sub/a"]


def _index_pages(folder, *subs: str) -> None:
    for sub in subs:
        (folder / sub).mkdir(parents=True)
        _file(folder / sub / "index.txt", "He said no.")


@pytest.mark.parametrize("pattern", ["news/**/*.txt", "news/0?/index.txt", "news/0*", "./news/*/index.txt"])
def test_id_in_a_pattern_is_the_way_from_where_it_begins(tmp_path, monkeypatch, pattern: str):
    _index_pages(tmp_path, "news/01", "news/02")
    monkeypatch.chdir(tmp_path)
    assert [article.id for article in _all(pattern)[0]] == ["01/index", "02/index"]


@pytest.mark.parametrize("pattern", ["*", "news/*.txt", "news/**/*.txt", "news/**", "**/b.txt", "news/*/**/b*", "[m-n]*/**/2*/**/*.txt"])
def test_pattern_without_links_reads_what_glob_finds(tmp_path, monkeypatch, pattern: str):
    _index_pages(tmp_path, "news/a", "news/a-b", "news/2020/21", "news/.old")
    for name in ("a.txt", "news/a.txt", "news/b.txt", "news/2020/b.txt", "news/2020/21/b.txt"):
        _file(tmp_path / name, "No.")
    monkeypatch.chdir(tmp_path)
    names = sorted(set(glob.glob(pattern, recursive=True)))  # noqa: PTH207
    found = [Path(name) for name in names if Path(name).is_file()]
    read = [source.path for source in sources([pattern]) if isinstance(source, Source)]
    assert [path for path in read if path in found] == found
    # Folders that match are read as well.
    assert pattern == "*" or read == found


@pytest.mark.parametrize("pattern", ["news/**/*.txt", "news/**", "news/**/", "news/*", "news/[!a]*", "news/*/**/*.txt", "**/*.txt"])
def test_file_to_which_links_lead_is_read_once_in_a_pattern(tmp_path, monkeypatch, pattern: str):
    _index_pages(tmp_path, "news/2020")
    for name, target in (("0-latest", "2020"), ("loop", "."), ("loops", "."), ("up", ".."), ("self", "self")):
        (tmp_path / "news" / name).symlink_to(target)
    (tmp_path / "news/2020/0-first.txt").symlink_to("index.txt")
    monkeypatch.chdir(tmp_path)
    assert [article.id.removeprefix("news/") for article in _all(pattern)[0]] == ["2020/index"]


@pytest.mark.parametrize("pattern", ["news/**/latest/*.txt", "news/**/l*/*.txt", "news/latest/**/*.txt", "news/*/*.txt", "news/*"])
def test_link_that_is_the_only_way_gives_the_id_in_a_pattern(tmp_path, monkeypatch, pattern: str):
    _index_pages(tmp_path, "elsewhere", "news")
    (tmp_path / "news/index.txt").unlink()
    (tmp_path / "news/latest").symlink_to("../elsewhere")
    monkeypatch.chdir(tmp_path)
    way = "index" if pattern.startswith("news/latest") else "latest/index"
    assert _all(pattern) == ([Article(way, "He said no.")], [])


def test_folders_beside_files_are_read_in_a_pattern(tmp_path, monkeypatch):
    _index_pages(tmp_path, "news/2020/may", "news/pictures")
    (tmp_path / "news/pictures/index.txt").rename(tmp_path / "news/pictures/a.jpg")
    _file(tmp_path / "news/a.txt", "No.")
    monkeypatch.chdir(tmp_path)
    articles, errors = _all("news/*")
    assert ([article.id for article in articles], errors) == (["2020/may/index", "a"], [])


def test_folders_without_files_are_told_where_a_pattern_matches_no_file(tmp_path, monkeypatch):
    _index_pages(tmp_path, "news/2020")
    (tmp_path / "news/2021").mkdir()
    monkeypatch.chdir(tmp_path)
    articles, errors = _all("news/*")
    assert [article.id for article in articles] == ["2020/index"]
    assert [error.partition(". ")[0] for error in errors] == ["news/2021: holds no file that pactag reads"]


def test_folder_to_leave_out_is_left_out_in_a_pattern(tmp_path, monkeypatch):
    _index_pages(tmp_path, "news/2020", "news/out")
    monkeypatch.chdir(tmp_path)
    for pattern in ("news/*", "news/**", "news/**/*.txt"):
        assert [article.id for article in _all(pattern, leave_out=[tmp_path / "news/out"])[0]] == ["2020/index"]


@pytest.mark.parametrize("names", [["01/index.txt", "02/index.txt"], ["01", "02"], ["01", "02/*.txt"]], ids=["files", "folders", "both"])
def test_files_that_would_have_one_id_have_their_path(tmp_path, monkeypatch, names: list[str]):
    _index_pages(tmp_path, "01", "02")
    _file(tmp_path / "a.txt", "No.")
    monkeypatch.chdir(tmp_path)
    assert [article.id for article in _all(*names, "a.txt")[0]] == ["01/index.txt", "02/index.txt", "a"]


def test_files_of_one_folder_that_differ_in_their_ending_have_two_ids(tmp_path, monkeypatch):
    for name in ("a.txt", "a.text", "b.txt"):
        _file(tmp_path / name, "No.")
    monkeypatch.chdir(tmp_path)
    assert [article.id for article in _all(".")[0]] == ["a.text", "a.txt", "b"]


def test_rows_of_files_of_one_name_have_two_ids(tmp_path, monkeypatch):
    _index_pages(tmp_path, "01", "02")
    monkeypatch.chdir(tmp_path)
    for sub in ("01", "02"):
        _file(tmp_path / sub / "wire.csv", "text\nNo.\n")
    assert [article.id for article in _all("01/wire.csv", "02/wire.csv")[0]] == ["01/wire.csv:2", "02/wire.csv:2"]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Dr. Smith speaks", "Dr. Smith speaks"),
        ("wire.2024-01-05", "wire.2024-01-05"),
        ("U.S.-talks.TXT", "U.S.-talks"),
        ("wire.2024-01-05.gz", "wire.2024-01-05"),
        ("a.b.html.zst", "a.b"),
        ("notes.md", "notes.md"),
        ("rows.json", "rows"),
    ],
)
def test_id_of_a_file_is_its_name_without_the_endings_that_are_known(tmp_path, name: str, id: str):
    assert [source.id for source in sources([tmp_path / name])] == [id]


def test_file_that_is_named_twice_keeps_its_id(tmp_path, monkeypatch):
    _file(tmp_path / "a.txt", "No.")
    monkeypatch.chdir(tmp_path)
    assert [article.id for article in _all("a.txt", "./a.txt")[0]] == ["a", "a"]


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


# Nothing in it


@pytest.mark.parametrize("content", ["", " \n\n"])
def test_text_file_without_text_is_told_and_the_next_is_read(tmp_path, content: str):
    articles, errors = _all(_file(tmp_path / "a.txt", content), _file(tmp_path / "b.txt", "No."))
    assert [article.id for article in articles] == ["b"]
    assert errors == [f"{tmp_path / 'a.txt'}: holds no text. Give its text, or leave it out"]


@pytest.mark.parametrize("kind", [None, "jsonl"])
def test_empty_standard_input_is_told(monkeypatch, kind: str | None):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    (error,) = _all("-", kind=kind)[1]
    assert error.startswith("standard input: holds no ")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "id,text\n1,\n2,No.\n"), ("a.jsonl", '\n{"id": "1", "text": " "}\n{"id": "2", "text": "No."}\n')],
)
def test_row_without_text_is_told_and_the_next_is_read(tmp_path, name: str, content: str):
    articles, errors = _all(_file(tmp_path / name, content))
    assert [article.id for article in articles] == ["2"]
    assert errors == [f"{tmp_path / name}:2: holds no text. Give its text, or leave it out"]


@pytest.mark.parametrize(("name", "content"), [("a.csv", "id,text\n"), ("a.jsonl", "\n")])
def test_table_without_rows_is_told(tmp_path, name: str, content: str):
    path = _file(tmp_path / name, content)
    assert _all(path) == ([], [f"{path}: holds no article. Check what wrote it, or leave it out"])


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


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", '{"text": "No."}\n'), ("a.csv", "id,text\nx,No.\n")])
@pytest.mark.parametrize("order", ["LE", "BE"])
def test_rows_in_utf16_without_a_mark_are_told_as_such(tmp_path, name: str, content: str, order: str):
    assert f"iconv -f UTF-16{order}" in _all(_file(tmp_path / name, content.encode(f"utf-16-{order}")))[1][0]


@pytest.mark.parametrize(("name", "row"), [("a.jsonl", '{"txt": "%s"}'), ("a.jsonl", '{"text": "%s'), ("a.csv", '"%s",')])
def test_memory_does_not_grow_with_what_is_refused(tmp_path, name: str, row: str):
    lines = ["id,text" if name.endswith(".csv") else row % "", *[row % ("word " * 10_000)] * 200]
    path = _file(tmp_path / name, "\n".join(lines))
    errors: list = []
    tracemalloc.start()
    list(read_articles([path], on_error=errors.append))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(errors) >= 200
    # All of the rows would be 10 MB.
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"caf\xe9"),
        ("a.jsonl", b'{"text": "caf\xe9"}'),
        ("a.jsonl", b"{not json"),
        ("a.csv", b"id,text\n1,\n"),
        ("a.txt.gz", b"no gzip"),
        ("a.json", b"{}"),
        ("nowhere.txt", None),
    ],
)
def test_error_holds_nothing_of_what_it_refuses(tmp_path, name: str, content: bytes | None):
    if content is not None:
        _file(tmp_path / name, content)
    errors: list = []
    assert list(read_articles([tmp_path / name], on_error=errors.append)) == []
    assert [(error.__traceback__, error.__context__, error.__cause__) for error in errors] == [(None, None, None)]


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


@pytest.mark.parametrize("name", ["a.json", "a.JSON.gz"])
def test_json_is_told_with_what_to_give_instead(tmp_path, name: str):
    articles, errors = _all(_file(tmp_path / name, '[{"text": "No."}]'))
    assert articles == []
    assert errors[0].startswith(f"{tmp_path / name}: is .json, which is not read. Give one article a line")


def test_json_of_which_the_kind_is_told_is_read(tmp_path):
    assert _all(_file(tmp_path / "a.json", '{"text": "No."}\n'), kind="jsonl")[0] == [Article("a:1", "No.")]


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
    assert not any("not read" in error for error in errors)


@pytest.mark.parametrize(
    ("rows", "told", "read"),
    [
        ('2,"We will strike.\n3,He left.\n4,Yes.\n', "lines 3 to 5 were not read", ["1"]),
        ('2,"We will strike.\n3,"He" left.\n4,Yes.\n', "lines 3 to 4 were not read", ["1", "4"]),
    ],
)
def test_rows_that_an_open_quote_takes_in_are_told(tmp_path, rows: str, told: str, read: list[str]):
    articles, (error,) = _all(_file(tmp_path / "a.csv", f"id,text\n1,No.\n{rows}"))
    assert [article.id for article in articles] == read
    assert "a.csv:3: is not CSV (" in error
    assert told in error


@pytest.mark.parametrize("content", ["id,body\n1,No.\n", "", "\x01\x02\n"])
def test_csv_without_a_text_column_is_one_error(tmp_path, content: str):
    articles, errors = _all(_file(tmp_path / "a.csv", content))
    assert (len(articles), len(errors)) == (0, 1)
    assert "a.csv:1: has no column 'text'" in errors[0]


def test_csv_whose_lines_end_in_carriage_returns_alone_is_told_and_the_next_file_is_read(tmp_path):
    _file(tmp_path / "a.csv", "id,text\rx,No.\r")
    articles, errors = _all(tmp_path / "a.csv", _file(tmp_path / "b.txt", "Yes."))
    assert [article.id for article in articles] == ["b"]
    assert errors == [
        f"{tmp_path / 'a.csv'}:1: has a header that cannot be read: its line ends are \\r alone. Convert them: tr '\\r' '\\n'"
    ]


@pytest.fixture
def default_field_limit():
    """That of a process that has read no table yet."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("default_field_limit")
def test_csv_whose_first_line_is_an_article_is_one_error_of_bounded_length(tmp_path):
    (error,) = _all(_file(tmp_path / "a.csv", "word " * 100_000 + "\n"))[1]
    assert "a.csv:1: has no column 'text' ('word word" in error
    assert len(error) < 600


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
    path = parquet(id=[1, None, 3, 4], title=["Talks", None, "x", "y"], text=["No.", "Yes.", None, ""], more=[1, 2, 3, 4])
    articles, errors = _all(path)
    assert articles == [Article("1", "No.", "Talks"), Article("a:2", "Yes.")]
    assert errors == [
        f"{path}: row 3: its text is null. Give a string",
        f"{path}: row 4: holds no text. Give its text, or leave it out",
    ]


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
@pytest.mark.parametrize("tag", ['<meta charset="iso-8859-1">', ""])
def test_large_page_that_is_not_utf8_keeps_quotes_and_dashes(tmp_path, tag: str):
    # At both ends of it nothing tells the encoding.
    script = f"<script>{'var a = 1;' * 1000}</script>"
    said = "<p>“We will strike,” said José Núñez — of the owners’ union in Málaga — on Monday.</p>"
    page = f"<html><head>{tag}<title>Talks</title>{script}</head><body><article>{said}</article>{script}</body></html>"
    ((article,), _) = _all(_file(tmp_path / "a.html", page.encode("cp1252")))
    assert article.text == "“We will strike,” said José Núñez — of the owners’ union in Málaga — on Monday."


@needs_trafilatura
def test_page_that_is_compressed_without_its_name_saying_so_is_told(tmp_path):
    (error,) = _all(_file(tmp_path / "a.html", gzip.compress(PAGE.encode())))[1]
    assert "is compressed with gzip. Give its name the ending .html.gz" in error


WIRE = """BERGEN, Norway (AP) - The pilots' union said on Monday that it would walk
out unless the port authority withdraws its plan to cut the night shift with
Norway, and accused the management of lying to the city council about the costs.

The council offered to mediate. A spokesman for the port said that no
"talks" would be held before the union calls off its protest, which has
delayed 14 ships since Thursday.
"""


@needs_trafilatura
@pytest.mark.parametrize("before", ["", "<h1>Pilots to strike</h1>"])
@pytest.mark.parametrize(
    "body",
    [
        f"<pre>{WIRE}</pre>",
        f"<PRE class='a'>\n{WIRE}</PRE><p>",
        f"<p>{WIRE}</p>".replace("\n", "<br>\n"),
        f"<div>{WIRE}</div>".replace("\n", "<BR />"),
        f"<article><p>{WIRE}</p></article>".replace("\n\n", "</p>\n<p>").replace("\n", "<br/>"),
    ],
)
def test_wrapped_lines_of_a_page_give_the_sentences_of_the_same_text(tmp_path, before: str, body: str):
    page = f"<html><head><title>Port</title></head><body>{before}{body}</body></html>"
    ((article, text), _) = _all(_file(tmp_path / "a.html", page), _file(tmp_path / "b.txt", WIRE))
    found = [article.text[start:end] for start, end in segment(article.text)]
    assert [one for one in found if one != "Pilots to strike"] == [text.text[start:end] for start, end in segment(text.text)]


@needs_trafilatura
def test_paragraphs_with_a_line_break_at_their_end_stay_apart(tmp_path):
    page = (
        "<article><p>Pilots<br> <br></p><p>The envoy said on Monday that he would go to Bergen.<br/></p><p>They offered talks</p></article>"
    )
    ((article,), _) = _all(_file(tmp_path / "a.html", f"<html><head><title>A<br>b</title></head><body>{page}</body></html>"))
    assert article.text == "Pilots\n\nThe envoy said on Monday that he would go to Bergen.\n\nThey offered talks"
    assert "\u240a" not in article.title


@needs_trafilatura
def test_block_that_begins_within_a_sentence_goes_on_with_it(tmp_path):
    page = (
        "<article><p>The envoy said on Monday that he would go to</p><p>the city of Bergen.</p><p>eBay offered talks to them.</p></article>"
    )
    ((article,), _) = _all(_file(tmp_path / "a.html", f"<html><body>{page}</body></html>"))
    assert article.text == "The envoy said on Monday that he would go to\nthe city of Bergen.\n\neBay offered talks to them."


@needs_trafilatura
@pytest.mark.parametrize("content", [b"", b"<html></html>", bytes(range(256)) * 9])
def test_page_without_an_article_is_told(tmp_path, content: bytes):
    assert "holds no article" in _all(_file(tmp_path / "a.html", content))[1][0]


@needs_trafilatura
def test_page_of_buttons_alone_is_told(tmp_path):
    page = "<html><body><article><p>Add a Comment</p><p>Share this article</p></article></body></html>"
    assert "holds no article" in _all(_file(tmp_path / "a.html", page))[1][0]


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("acts.jsonl", '{"article_id": "a", "index": 0, "text": "He left.", "labels": [], "model": "x"}\n'),
        ("acts.csv", "article_id,index,start,end,text,labels,model\na,0,0,8,He left.,,x\n"),
    ],
)
def test_result_of_tagging_is_no_article(tmp_path, name: str, content: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match="that pactag has tagged"):
        list(read_articles([tmp_path / name]))


def test_column_that_stands_twice_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("text,text,id\nHe left.,She came.,x\n")
    with pytest.raises(InputError, match="has several columns 'text'"):
        list(read_articles([tmp_path / "a.csv"]))
