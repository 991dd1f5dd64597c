"""What standard output may do while something is printed: close, fill up, or not know a character."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pactag.cli.printing import forgive, show_lines
from pactag.cli.show import out, progress_bar, show_article
from pactag.errors import PactagError
from pactag.tagging import TaggedArticle, TaggedSentence

FULL = Path("/dev/full")


def _printed_to(stdout, options: list[str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pactag.cli", "schema", "show", *options]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


@pytest.fixture
def terminal() -> io.TextIOWrapper:
    """A terminal that knows the characters of Western Europe alone."""
    return io.TextIOWrapper(io.BytesIO(), encoding="latin-1", newline="\n")


@pytest.mark.parametrize("options", [[], ["--json"], ["--help"]], ids=["for people", "as JSON", "help"])
def test_reader_that_goes_away_is_no_error(options: list[str]):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as stdout:
        done = _printed_to(stdout, options)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["for people", "as JSON"])
def test_full_disk_is_told(options: list[str]):
    with FULL.open("wb") as stdout:
        done = _printed_to(stdout, options)
    assert (done.returncode, done.stderr.partition(". ")[0]) == (2, "error standard output: cannot be written (No space left on device)")


def test_closed_standard_output_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(PactagError, match="standard output: is closed"):
        show_lines(["{}\n"])


def test_lines_for_programs_are_utf8(terminal):
    with contextlib.redirect_stdout(terminal):
        show_lines(["He left 🚪.\n"])
    assert terminal.buffer.getvalue().decode("utf-8") == "He left 🚪.\n"


def test_person_sees_a_question_mark_for_what_the_terminal_does_not_know(terminal):
    with contextlib.redirect_stdout(terminal):
        forgive()
        out.print("Le président 🚪.")
    assert terminal.buffer.getvalue().decode("latin-1") == "Le président ?.\n"


@pytest.mark.parametrize("hostile", ["\x1b]0;PWNED\x07", "\x1b[2J", "\x9b2J", "\x9d0;PWNED\x9c", "\x7f"])
def test_article_does_not_command_the_terminal(capsys, schema, hostile: str):
    text = f"{hostile}They will sue."
    sentence = TaggedSentence(0, len(text), text, ("threat",), dict.fromkeys(schema.names, 0.9))
    show_article(TaggedArticle(f"a{hostile}", text, None, (sentence,)), schema)
    printed = capsys.readouterr().out
    assert "They will sue." in printed
    assert [character for character in printed if character < " " or "\x7f" <= character < "\xa0"] == ["\n"] * 4


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_names_what_has_brackets_as_it_is(monkeypatch, terminal: bool):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
    monkeypatch.setattr("pactag.cli.show.err", console)
    with progress_bar("training") as progress:
        progress(1, 2, "scores of the teacher minilm[/2]")
    assert "teacher minilm[/2]" in console.file.getvalue()
