"""The command line: `pactag --help`. The only part of pactag that prints.

Exit codes: 0 done; 1 an error of pactag itself, with its traceback; 2 a mistake that the user can mend, told in a sentence;
3 a run that was trained again does not agree with what it recorded (`reproduce`).
"""

from __future__ import annotations

import errno
import signal
import sys

import typer

from pactag.cli import annotate, calibrate, compare, data, demo, models, reproduce, settings, study, sweep, tag, ui
from pactag.cli.printing import forgive
from pactag.cli.show import show_error
from pactag.errors import PactagError
from pactag.telemetry import switch_off_telemetry

# What a system says of a path or a disk that only the user can mend, wherever a path is used; not every system has all of them.
_NAMES = ("EACCES", "EPERM", "ENAMETOOLONG", "ELOOP", "EROFS", "ENOSPC", "EDQUOT")
_OF_THE_USER = {getattr(errno, name) for name in _NAMES if hasattr(errno, name)}

app = typer.Typer(
    help="Find the speech acts of politics in the news: who proposes, accuses, sets conditions, threatens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(models.train)
app.command("evaluate")(models.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("tag")(tag.tag)
app.command("compare")(compare.compare)
app.command("export")(models.export)
app.command("reproduce")(reproduce.reproduce)
app.command("sync")(models.sync)
app.command("promote")(models.promote)
app.command("rollback")(models.rollback)
app.command("validate")(settings.validate)
app.command("ui")(ui.ui)
app.command("demo")(demo.demo)
app.add_typer(settings.schema_app, name="schema")
app.add_typer(settings.config_app, name="config")
app.add_typer(data.data_app, name="data")
app.add_typer(annotate.annotate_app, name="annotate")
app.add_typer(study.study_app, name="study")
app.add_typer(sweep.sweep_app, name="sweep")


def main() -> None:
    """Entry point of the console script."""
    switch_off_telemetry()
    forgive()
    # A job that is told to end (by a scheduler, by `kill`, or by a terminal that closes) ends its run as KILLED, as Ctrl-C does.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # nohup has it ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        app()
    except PactagError as error:
        show_error(error)
        sys.exit(2)
    except OSError as error:
        if error.errno not in _OF_THE_USER:
            raise
        where = str(error.filename or "the disk")
        show_error(PactagError(where, f"cannot be used ({error.strerror})", "Check the path, its permissions, and the room on the disk"))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
