"""Pages in the encodings that they say, and in those that they do not say."""

from __future__ import annotations

import pytest

from pactag.inputs.encodings import codec_of, decode_page

QUOTED = "“No,” said the café owners’ union — again."


@pytest.mark.parametrize("name", ["windows-1252", "iso-8859-1", "Latin1", "us-ascii", "utf-8", "nonsense", "punycode"])
@pytest.mark.parametrize("tag", ['<meta charset="{}">', "<META http-equiv=Content-Type content='text/html; charset={}'>", ""])
def test_quotes_and_dashes_are_those_that_browsers_show(name: str, tag: str):
    page = f"<html>{tag.format(name)}<p>{QUOTED}</p>"
    assert decode_page(page.encode("cp1252")) == page


@pytest.mark.parametrize(
    ("name", "text"), [("windows-1251", "Москва"), ("koi8-r", "Москва"), ("iso-8859-2", "Łukasz Żak"), ("macintosh", QUOTED)]
)
def test_page_is_read_as_it_says(name: str, text: str):
    page = f'<?xml version="1.0" encoding="{name}"?><p>{text}</p>'
    assert decode_page(page.encode(name)) == page


def test_utf8_is_seen_whatever_the_page_says():
    page = f'<meta charset="iso-8859-1"><p>{QUOTED}</p>'
    assert decode_page(page.encode()) == page


def test_byte_that_is_broken_does_not_make_another_encoding_of_the_rest():
    assert decode_page(f"<p>{QUOTED}</p>".encode() + b"\xe2") == f"<p>{QUOTED}</p>\ufffd"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_mark_at_the_beginning_decides(encoding: str):
    page = f'<meta charset="windows-1252"><p>{QUOTED}</p>'
    assert decode_page(page.encode(encoding)) == page


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "unicode_escape", "rot13", "base64", "utf-7", "undefined", "nonsense", "a\0b", "", "\udc80"]
)
def test_codec_that_is_no_encoding_of_pages_is_passed_over(name: str):
    assert codec_of(name) is None
