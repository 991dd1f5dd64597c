"""Files of the annotation loop: JSON lines in, each with its place; whole files out, or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from pactag import whole_files
from pactag.errors import InputError, PactagError, Problem
from pactag.overwriting import check_folder_of

Kind = Literal["judgements", "chosen sentences"]


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without a byte-order mark.

    :raises InputError: when it is missing, a directory, or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(str(path), "no such file", "Check the path") from None
    except IsADirectoryError:
        raise InputError(str(path), "is a directory", "Name a file") from None
    except PermissionError:
        raise InputError(str(path), "may not be read", "Check its permissions") from None
    except UnicodeDecodeError as bad:
        raise InputError(str(path), f"byte {bad.start} is not valid UTF-8", "Save or export the file as UTF-8") from None


def json_lines(path: Path, problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(file:line, object)` for every line that is not blank; lines that are no JSON object go to `problems`."""
    try:
        text = read_text(path)
    except InputError as error:
        problems.extend(error.problems)
        return
    # Only \n ends a line: JSON text may hold other line separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            data = json.loads(line)
        except json.JSONDecodeError as bad:
            problems.append(Problem(where, f"invalid JSON at column {bad.colno} ({bad.msg})", "One JSON object a line"))
        except (ValueError, RecursionError):
            problems.append(Problem(where, "is JSON too large or too deep to read", "One JSON object a line"))
        else:
            if isinstance(data, dict):
                yield where, data
            else:
                problems.append(Problem(where, f"is a JSON {type(data).__name__}, not an object", "One JSON object a line"))


def each_once(paths: Iterable[Path], problems: list[Problem]) -> list[Path]:
    """The files, without those that were named before: these go to `problems`."""
    found: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in found:
            problems.append(Problem(str(path), "is given twice", "Name each file once"))
        else:
            found[path.resolve()] = path
    return list(found.values())


def kind_of(path: Path) -> Kind | None:
    """What a JSONL file of the loop holds, by the fields of its first line, which no article has; None for any other file."""
    if not path.is_file():
        return None
    _, data = next(json_lines(path, []), ("", {}))
    if "said" in data:
        return "chosen sentences"
    return "judgements" if {"annotator", "round"} <= data.keys() else None


def check_place(path: Path, kind: Kind, *, replace: bool) -> None:
    """Whether a file may be written: over what stands there only if that is of the same kind, and to be replaced.

    :raises PactagError: when it may not, or cannot for want of a folder, before any work is done.
    """
    if path.is_dir():
        raise PactagError(str(path), "is a directory", "Name a file")
    check_folder_of(path)
    if not path.is_file() or path.stat().st_size == 0:
        return
    if kind_of(path) != kind:
        raise PactagError(str(path), f"is there already, and holds no {kind}", "Name another file, so that no work is written over")
    if not replace:
        raise PactagError(str(path), f"holds {kind} already", "Name another file, or say --replace to write over them")


def told(error: ValidationError) -> str:
    """What a validation found, in one line."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'line'}: {item['msg']}" for item in error.errors(include_url=False))


def write_whole(path: Path, content: str) -> None:
    """Write a file, whole or not at all.

    :raises PactagError: when its folder is missing, or a directory has its name.
    """
    if path.is_dir():
        raise PactagError(str(path), "is a directory", "Name a file")
    try:
        whole_files.write_whole(path, content)
    except (FileNotFoundError, NotADirectoryError):
        raise PactagError(str(path), f"there is no folder {path.parent}", "Make it first") from None
    except PermissionError:
        raise PactagError(str(path), "may not be written", "Check the permissions of the folder") from None


def check_folder(folder: Path) -> None:
    """Whether a folder is new or empty, and can be made.

    :raises PactagError: when it holds something already, or cannot be made, before any work is done.
    """
    if found := whole_files.in_the_way(folder.absolute().parent):
        raise PactagError(str(folder), f"cannot be made: {found}", "Name another folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PactagError(str(folder), "holds something already", "Name a new folder, so that no work is written over")


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Make a new folder with these files, whole or not at all.

    :raises PactagError: when the folder holds something already, or cannot be made.
    """
    check_folder(folder)
    folder = folder.resolve()
    try:
        with whole_files.whole(folder) as beside:
            beside.mkdir(parents=True)
            for name, content in files.items():
                (beside / name).write_bytes(content.encode("utf-8"))
    except OSError as bad:
        raise PactagError(str(folder), f"cannot be made ({bad.strerror})", "Name another folder") from None
