"""Standard output, and what is done when it fails: nobody reads on, the disk is full, a character has no code there."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from rich.console import Console

from pactag.errors import PactagError


def forgive() -> None:
    """What is printed for people never fails for the terminal's sake; this is set for the process, since typer has consoles of its own.

    A character that the terminal has no code for is a question mark. When the reader of standard output goes away, as `head` does, the
    process ends with 0: there is nothing left to do, and nothing is wrong. That nobody reads standard error is no reason to stop.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")
    # By itself, rich would end the process with 1.
    Console.on_broken_pipe = _on_broken_pipe  # type: ignore[method-assign]


def show_lines(lines: Iterable[str]) -> None:
    """For programs: lines, each with its line end, on standard output; in UTF-8, whatever the terminal takes.

    :raises PactagError: when standard output is closed or cannot be written.
    """
    if sys.stdout is None:
        raise PactagError("standard output", "is closed", "Send it to a file or a program")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What UTF-8 has no code for is half a character, as in the name of a file in another encoding: JSON has an escape for it.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    with _written():
        sys.stdout.writelines(lines)
        sys.stdout.flush()


class Results(Console):
    """Standard output, for people."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich prints.

        :raises PactagError: when standard output cannot be written.
        """
        with _written():
            super().print(*objects, **options)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _end_quietly()
    except OSError as bad:
        _drop_the_rest()
        raise PactagError("standard output", f"cannot be written ({bad.strerror})", "Check the disk, or where it is sent") from None


def _on_broken_pipe(self: Console) -> None:
    if not self.stderr:
        _end_quietly()


def _end_quietly() -> NoReturn:
    _drop_the_rest()
    raise SystemExit(0) from None


def _drop_the_rest() -> None:
    """Send to nowhere what is still in the buffer: written when the process ends, it would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
