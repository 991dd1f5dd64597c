"""Errors tell where, what was found and what to do."""

from __future__ import annotations

import pytest

from pactag import errors
from pactag.errors import CorpusError, MissingExtraError, PactagError, Problem

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PactagError)]


def test_problem_reads_where_found_fix():
    assert str(Problem("train.jsonl:3", "'text' is empty", "Drop the line")) == "train.jsonl:3: 'text' is empty. Drop the line"


def test_problem_without_a_fix_ends_with_what_was_found():
    assert str(Problem("train.jsonl:3", "'text' is empty")) == "train.jsonl:3: 'text' is empty"


def test_error_reads_as_its_problem():
    error = PactagError("a.txt", "no such file", "Check the path")
    assert str(error) == "a.txt: no such file. Check the path"
    assert error.problems == (Problem("a.txt", "no such file", "Check the path"),)


def test_error_of_many_problems_tells_each_on_its_line():
    problems = [Problem("a:1", "is bad", "Mend it"), Problem("b:2", "is worse")]
    error = PactagError.of(iter(problems))
    assert str(error) == "a:1: is bad. Mend it\nb:2: is worse"
    assert error.problems == tuple(problems)


def test_error_of_many_problems_keeps_its_kind():
    assert type(CorpusError.of([Problem("a", "is bad")])) is CorpusError


def test_missing_extra_gives_the_command_that_installs_it():
    assert "pip install 'pactag[train]'" in str(MissingExtraError("Training", "train"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_is_caught_as_one(kind):
    error = kind("here", "found")
    assert isinstance(error, PactagError)
    assert error.problems[0].where == "here"


def test_password_of_an_address_is_in_no_message():
    error = CorpusError("store http://me:secret@host:80/x", "is away", "Check http://me:secret@host")
    assert str(error) == "store http://me:***@host:80/x: is away. Check http://me:***@host"


def test_times_and_addresses_without_a_password_stay():
    text = "12:30 at https://host:8080/a@b?x=1:2"
    assert str(Problem(text, "x")) == f"{text}: x"
