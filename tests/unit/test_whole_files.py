"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from pactag.errors import PactagError
from pactag.whole_files import whole, write_whole


def test_file_takes_its_name_when_all_went_well(tmp_path):
    with whole(tmp_path / "a.txt") as place:
        place.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "new"}


def test_what_stood_there_stays_when_writing_fails(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(UnicodeEncodeError), whole(tmp_path / "a.txt") as place:
        place.write_text("ne\ud800", encoding="utf-8")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old"}


@contextmanager
def _other_process(place: Path) -> Iterator[Popen]:
    """One that is about to write a path, and that is killed in the end."""
    code = "import sys; from pathlib import Path; from pactag.whole_files import whole\n"
    code += "with whole(Path(sys.argv[1])) as place: place.mkdir(); (place / 'half').touch(); print(flush=True); sys.stdin.read()"
    with Popen([sys.executable, "-c", code, str(place)], stdin=PIPE, stdout=PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_folder_that_a_killed_process_left_is_removed(tmp_path):
    with _other_process(tmp_path / "a"):
        pass
    assert len(list(tmp_path.rglob("half"))) == 1
    write_whole(tmp_path / "a.b", "another path")
    assert len(list(tmp_path.rglob("half"))) == 1
    with whole(tmp_path / "a") as place:
        place.mkdir()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "a.b"]


def test_what_another_process_writes_stays(tmp_path):
    with _other_process(tmp_path / "a"):
        write_whole(tmp_path / "a", "new")
        assert len(list(tmp_path.rglob("half"))) == 1
    assert (tmp_path / "a").read_text() == "new"


def test_what_an_earlier_process_of_the_same_number_left_is_removed(tmp_path):
    with whole(tmp_path / "a") as place:
        place.touch()
    place.touch()
    write_whole(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_of_two_that_write_one_path_at_once_each_writes_its_own(tmp_path):
    with whole(tmp_path / "a") as first, first.open("w") as one:
        one.write("one, ")
        with whole(tmp_path / "a") as second, second.open("w") as two:
            two.write("two")
        assert (tmp_path / "a").read_text() == "two"
        one.write("whole")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "one, whole"}


def test_marks_keep_two_writers_of_one_path_apart(tmp_path):
    with whole(tmp_path / "a", mark=".1") as one, whole(tmp_path / "a", mark=".2") as two:
        one.write_text("same")
        two.write_text("same")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_line_ends_stay_as_they_are(tmp_path):
    write_whole(tmp_path / "a.txt", "one\r\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\r\ntwo\n"


def test_missing_folder_is_the_error_that_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere/a.txt", "x")


def test_link_stays_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/real.txt").write_text("old")
    (tmp_path / "a.txt").symlink_to("far/real.txt")
    write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").is_symlink()
    assert {path.name: path.read_text() for path in (tmp_path / "far").iterdir()} == {"real.txt": "new"}


def test_name_as_long_as_a_file_may_have_is_written(tmp_path):
    for name in ("n" * 255, "\u017e" * 127):
        write_whole(tmp_path / name, "new")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PactagError, match="is neither a file nor a folder"):
        write_whole(tmp_path / "pipe", "new")
    assert (tmp_path / "pipe").is_fifo()


def test_folder_without_a_name_is_told():
    with pytest.raises(PactagError, match="has no name of its own"):
        write_whole(Path(), "x")


def test_folder_is_flushed_before_it_takes_its_name(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr("os.fsync", lambda number: flushed.append(Path(f"/proc/self/fd/{number}").readlink().name))
    with whole(tmp_path / "step-1") as place:
        (place / "more").mkdir(parents=True)
        (place / "weights").write_text("a")
        (place / "more" / "state").write_text("b")
    assert sorted(flushed) == ["state", "weights"]
