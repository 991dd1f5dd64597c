"""Articles: text whose offsets can be trusted, and files that are no text told as such."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pactag.articles import Article, check_spans, decode, normalise, open_input, with_text
from pactag.errors import InputError

# Every code point there is, lone surrogates included.
ANY_TEXT = st.text(st.characters())


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("\r\r\n\n", "\n\n\n"),
        ("\ufeffa", "a"),
        ("a\ufeffb", "a\ufeffb"),
        ("a\0b", "a b"),
        ("a\ud800b", "a\ufffdb"),
        ("a\udc00\ud800", "a\ufffd\ufffd"),
        ("\u00a0a\u200b\u2028\x85\t\f", "\u00a0a\u200b\u2028\x85\t\f"),
        ("e\u0301 \U0001f600", "e\u0301 \U0001f600"),
        ("", ""),
    ],
    ids=["line ends", "only line ends", "mark", "inner mark", "nul", "surrogate", "surrogates", "white space", "combining", "empty"],
)
def test_normalisation(given_text: str, expected: str):
    assert normalise(given_text) == expected


@given(text=ANY_TEXT)
def test_normalised_text_can_be_written_and_has_unix_line_ends(text):
    clean = normalise(text)
    clean.encode("utf-8")
    assert not set(clean) & {"\r", "\0"}


@given(text=ANY_TEXT)
@example("\ufeff\ufeffa")
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


@given(text=ANY_TEXT)
def test_only_line_ends_and_the_mark_change_the_length(text):
    assume(not text.startswith("\ufeff"))
    assert len(normalise(text)) == len(text) - text.count("\r\n")


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r\0\ufeff")))
def test_harmless_text_stays_as_it_is(text):
    assert normalise(text) == text


# Spans


@pytest.mark.parametrize("spans", [[], [(0, 10)], [(0, 3), (3, 5)], [[1, 2], [8, 10]]], ids=["none", "all", "adjacent", "lists"])
def test_ordered_spans_are_kept(spans):
    assert check_spans(spans, "0123456789", where="a") == tuple(map(tuple, spans))


@pytest.mark.parametrize(
    ("spans", "number"),
    [
        ([(0, 3), (2, 5)], 1),
        ([(4, 5), (0, 1)], 1),
        ([(3, 3)], 0),
        ([(4, 2)], 0),
        ([(-1, 2)], 0),
        ([(0, 11)], 0),
        ([(0, 1), (1, 2), (99, 100)], 2),
    ],
    ids=["overlap", "order", "empty", "backwards", "negative", "too long", "outside"],
)
def test_bad_span_is_told_with_its_number_and_the_length_of_the_text(spans, number: int):
    start, end = spans[number]
    with pytest.raises(InputError) as error:
        check_spans(spans, "0123456789", where="article 'x'")
    assert str(error.value).startswith(f"article 'x': spans[{number}]: ({start}, {end}) is empty, overlaps")
    assert "text of 10 characters. Give ordered spans without overlap" in str(error.value)


@pytest.mark.parametrize("span", [(1,), (1, 2, 3), ("1", "2"), (0.0, 1.0), (None, 1), "ab", 5, None], ids=repr)
def test_span_that_is_no_pair_of_integers_is_told(span):
    with pytest.raises(InputError, match=r"a: spans\[1\]: .* is not a pair of integers. Give \(start, end\) in code points"):
        check_spans([(0, 1), span], "0123456789", where="a")


@given(text=st.text(max_size=30), edges=st.lists(st.integers(-5, 35), max_size=8))
def test_accepted_spans_are_ordered_and_inside_the_text(text, edges):
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    try:
        checked = check_spans(spans, text, where="a")
    except InputError:
        flat = [edge for span in spans for edge in span]
        assert flat != sorted(flat) or any(a == b for a, b in spans) or not all(0 <= edge <= len(text) for edge in flat)
    else:
        flat = [0, *(edge for span in checked for edge in span), len(text)]
        assert flat == sorted(flat)
        assert all(text[start:end] for start, end in checked)


# Bytes


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_utf8_is_read_as_the_text_that_was_written(text):
    assert decode(text.encode(), where="a") == normalise(text)


@given(raw=st.binary(max_size=300))
@example(b"\xff\xfeA\0")
@example(b"\xed\xa0\x80")
def test_any_bytes_are_text_or_told(raw):
    try:
        told = None
        text = decode(raw, where="here")
    except InputError as error:
        (told,) = error.problems
    if told is None:
        assert text == normalise(raw.decode("utf-8"))
    else:
        assert told.where == "here"
        assert told.found
        assert told.fix


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_told_with_the_command_that_converts_it(encoding: str):
    raw = "\ufeffA text.".encode(encoding) if encoding.endswith("be") else "A text.".encode(encoding)
    with pytest.raises(InputError, match=r"a\.txt: is UTF-16, not UTF-8\. Convert it: iconv"):
        decode(raw, where="a.txt")


@pytest.mark.parametrize("order", ["LE", "BE"])
@pytest.mark.parametrize("text", ["No", "“We refuse” – said the café’s owner. " * 100], ids=["short", "long"])
def test_utf16_without_a_mark_is_told_with_the_command_that_converts_it(order: str, text: str):
    with pytest.raises(InputError, match=rf"a\.txt: looks like UTF-16, not UTF-8\. Convert it: iconv -f UTF-16{order} "):
        decode(text.encode(f"utf-16-{order}"), where="a.txt")


def test_other_encoding_is_told_with_byte_and_line():
    raw = "First line.\nThe café closed.\n".encode("windows-1252")
    with pytest.raises(InputError, match=r"a.txt: byte 19 \(0xe9, line 2\) is not valid UTF-8. Convert it, for example: iconv"):
        decode(raw, where="a.txt")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\x7fELF\x02\x01\x01" + bytes(9),
        b"PK\x03\x04" + bytes(range(32)) * 4,
        b"".join(number.to_bytes(2, "little") for number in range(200)),
    ],
    ids=["png", "elf", "zip", "numbers of two bytes"],
)
def test_binary_file_is_told(raw: bytes):
    with pytest.raises(InputError, match=r"a\.bin: is a binary file, not text\. Give UTF-8 text"):
        decode(raw, where="a.bin")


@pytest.mark.parametrize("found", [b"\0", b"\x01\x02\x03"], ids=["one nul", "controls"])
def test_invalid_utf8_with_bytes_that_no_text_has_is_binary(found: bytes):
    with pytest.raises(InputError, match="is a binary file, not text"):
        decode(b"x" * 200 + found + b"\xe9", where="a.bin")


def test_one_control_character_in_a_hundred_is_still_text():
    raw = b"x" * 99 + b"\x1b"
    assert decode(raw, where="a") == raw.decode()


def test_two_control_characters_in_a_hundred_are_binary():
    with pytest.raises(InputError, match="is a binary file"):
        decode(b"x" * 98 + b"\x1b" * 2, where="a")


def test_line_ends_of_windows_become_those_of_unix():
    assert decode(b"\xef\xbb\xbfa\r\nb", where="a") == "a\nb"


def test_empty_file_is_an_empty_text():
    assert decode(b"", where="a") == ""


@pytest.mark.parametrize("text", ["", " \n\t\u00a0"])
def test_article_without_text_is_told(text: str):
    with pytest.raises(InputError, match=r"a\.txt: holds no text\. Give its text, or leave it out"):
        with_text(Article("a", text), where="a.txt")


# Files


def test_missing_article_is_told(tmp_path):
    with pytest.raises(InputError, match=r"a\.txt: no such file. Check the path"):
        open_input(tmp_path / "a.txt")


def test_directory_is_told_with_an_example(tmp_path):
    with pytest.raises(InputError, match=r"is a directory. Name files, for example .*/\*\.txt"):
        open_input(tmp_path)


def test_path_that_goes_on_below_a_file_is_told(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match=r"a\.txt/b\.txt"):
        open_input(tmp_path / "a.txt" / "b.txt")
