"""Compressed files: read as what they hold, and told when they break off."""

from __future__ import annotations

import gzip

import pytest

from pactag.inputs import read_articles

LINES = "".join(f'{{"id": "a{number}", "text": "Number {number} said no."}}\n' for number in range(3000)).encode()


def _zstd(data: bytes) -> bytes:
    return pytest.importorskip("zstandard").compress(data)


PACK = {"gz": gzip.compress, "zst": _zstd}


def _all(*names):
    errors: list = []
    return list(read_articles(names, on_error=errors.append)), [str(error) for error in errors]


@pytest.mark.parametrize("ending", PACK)
def test_file_is_read_as_what_it_holds(tmp_path, ending: str):
    # Two parts, one after the other, are one file to both programs.
    (tmp_path / f"wire.jsonl.{ending}").write_bytes(PACK[ending](LINES[:1000]) + PACK[ending](LINES[1000:]))
    articles, errors = _all(tmp_path)
    assert ([article.id for article in articles], errors) == ([f"a{number}" for number in range(3000)], [])


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_file_that_breaks_off_is_told(tmp_path, ending: str, kept: float):
    packed = PACK[ending](LINES)
    path = tmp_path / f"wire.jsonl.{ending}"
    path.write_bytes(packed[: int(kept * len(packed))])
    articles, errors = _all(path)
    assert [article.id for article in articles] == [f"a{number}" for number in range(len(articles))]
    assert "breaks off" in errors[-1]


@pytest.mark.parametrize("ending", PACK)
def test_file_that_is_not_what_it_says_is_told(tmp_path, ending: str):
    PACK[ending](b"")
    (tmp_path / f"a.txt.{ending}").write_bytes(b"He said no.")
    assert f"is no .{ending} file" in _all(tmp_path / f"a.txt.{ending}")[1][0]


def test_ids_come_from_the_name_without_its_endings(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/port.talks.txt.gz").write_bytes(gzip.compress(b"He said no."))
    assert [article.id for article in _all(tmp_path)[0]] == ["sub/port.talks"]
    assert [article.id for article in _all(f"{tmp_path}/**/*.gz", tmp_path / "sub/port.talks.txt.gz")[0]] == [
        "sub/port.talks",
        "port.talks",
    ]


def test_missing_library_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.txt.zst").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    assert _all(tmp_path)[1] == [
        "Zstandard (.zst): needs the extra 'zstd', which is not installed. Install it with: pip install 'pactag[zstd]'"
    ]
