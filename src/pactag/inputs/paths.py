"""From what the user named to files: folders walked, patterns expanded."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from pactag.errors import InputError
from pactag.inputs.kinds import ENDINGS, bare_name, kind_of


@dataclass(frozen=True)
class Source:
    """One file, one address of the web, or standard input where both are None.

    `id` is the id of its article, or the beginning of the ids of its articles.
    """

    path: Path | None
    id: str
    address: str | None = None


def is_address(name: str) -> bool:
    """Whether a name that the user gave is an address, of whatever scheme, and not a file."""
    scheme, separator, _ = name.partition("://")
    return bool(separator) and scheme.isascii() and scheme.replace("+", "").isalnum()


def sources(names: Iterable[Path | str], *, leave_out: Collection[Path] = ()) -> Iterator[Source | InputError]:
    """The files behind names, addresses, patterns, folders and `-`, in that order; within a folder or a pattern sorted.

    In a folder, be it named or matched, files with an ending of `kinds.ENDINGS` count, compressed or not; hidden files and folders never
    do. A pattern gives each file once, whatever links lead to it. All names are looked up before the first file is given: only then is it
    known which files would have the same id, and have their path for one.

    :param leave_out: files and folders to pass over in folders and patterns.
    """
    found = list(_found(map(str, names), {path.resolve() for path in leave_out}))
    # A file that was named twice is no other one.
    taken = Counter(source.id for source in dict.fromkeys(found) if isinstance(source, Source))
    for source in found:
        if isinstance(source, Source) and source.path is not None and taken[source.id] > 1:
            yield replace(source, id=source.path.as_posix())
        else:
            yield source


def _found(names: Iterable[str], left_out: set[Path]) -> Iterator[Source | InputError]:
    for name in names:
        if name == "-":
            yield Source(None, "stdin")
        elif not name:
            yield InputError("input", "is empty", "Name a file, a folder or a pattern")
        elif is_address(name):
            yield Source(None, name, name)
        elif os.path.isdir(name):  # noqa: PTH112 - a Path of any string would raise for one with a NUL
            yield from _in_folder(Path(name), left_out)
        elif glob.has_magic(name) and not os.path.exists(name):  # noqa: PTH110
            yield from _matching(name, left_out)
        else:
            yield Source(Path(name), bare_name(Path(name).name).as_posix())


def _in_folder(folder: Path, left_out: set[Path]) -> Iterator[Source | InputError]:
    """The files of a folder, whose ids are the ways to them from there."""
    paths, unreadable = _below(folder, left_out)
    yield from unreadable
    if not paths and not unreadable:
        yield _nothing_in(folder)
    for path in paths:
        # Two folders may hold files of one name: the way from the folder that was named keeps their ids apart.
        yield Source(path, bare_name(path.relative_to(folder)).as_posix())


def _below(folder: Path, left_out: set[Path]) -> tuple[list[Path], list[InputError]]:
    """The files in a folder and below, and an error for each folder there that cannot be read."""
    unreadable: list[InputError] = []
    paths: list[Path] = []

    def note(bad: OSError) -> None:
        unreadable.append(InputError(str(bad.filename), f"cannot be read ({bad.strerror})", "Check its permissions"))

    for root, files in _walked(folder, left_out, note):
        paths += [root / name for name in files if not name.startswith(".") and kind_of(name) is not None]
    return [path for path in sorted(paths) if path.is_file() and path.resolve() not in left_out], unreadable


def _nothing_in(folder: Path) -> InputError:
    return InputError(str(folder), "holds no file that pactag reads", f"Files in a folder need one of the endings {', '.join(ENDINGS)}")


def _walked(folder: Path, left_out: set[Path], on_error: Callable[[OSError], None]) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below one, with the names of its files. Links to folders are followed; none is visited twice, so that no loop goes on.

    What stands in the folder itself comes before what links lead to, and keeps its own name where a link leads to it as well.
    """
    visited: set[Path] = set()
    waiting = [folder]
    while waiting:
        links: list[Path] = []
        for start in waiting:
            for root, folders, files in os.walk(start, onerror=on_error):
                here = Path(root)
                real = here.resolve()
                if real in visited or (real in left_out and here != folder):
                    folders.clear()
                    continue
                visited.add(real)
                shown = [name for name in folders if not name.startswith(".")]
                links += [here / name for name in shown if (here / name).is_symlink()]
                # `os.walk` goes into those that are no links.
                folders[:] = shown
                yield here, files
        waiting = sorted(links)


def _matching(pattern: str, left_out: set[Path]) -> Iterator[Source | InputError]:
    start = _plain_beginning(pattern)
    found = [path for path in sorted(set(_expanded(pattern, left_out)), key=str) if _counts(path, left_out)]
    if not found:
        yield InputError(pattern, "matches no file", "Check the pattern")
    files = {path for path in found if path.is_file()}
    folders = set(found) - files
    paths: list[Path] = []
    for path in found:
        if path in files:
            paths.append(path)
        elif folders.isdisjoint(path.parents):
            inside, unreadable = _below(path, left_out)
            yield from unreadable
            # Beside files that match, a folder without any is no mistake.
            if not files and not inside and not unreadable:
                yield _nothing_in(path)
            # Those that match themselves have their own place in the order.
            paths += [one for one in inside if one not in files]
    for path in _each_once(paths, start):
        yield Source(path, bare_name(path.relative_to(start)).as_posix())


def _expanded(pattern: str, left_out: set[Path], root: Path = Path()) -> Iterator[Path]:
    """What matches a pattern. Where it says `**`, folders are walked as one is that was named: `glob` would follow links in circles."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from (root / name for name in glob.glob(pattern, root_dir=root))  # noqa: PTH207 - absolute patterns are welcome
        return
    at = parts.index("**")
    rest = "/".join(parts[at + 1 :])
    # At the end it stands for files, too, but for folders alone with a / behind it.
    behind = (rest or "*") + ("/" if pattern.endswith("/") else "")
    for head in glob.glob(str(Path(*parts[:at])), root_dir=root) if at else [""]:  # noqa: PTH207
        for folder, _ in _walked(root / head, left_out, lambda bad: None):
            if not rest:
                yield folder
            yield from _expanded(behind, left_out, folder)


def _counts(path: Path, left_out: set[Path]) -> bool:
    return (path.is_file() or path.is_dir()) and left_out.isdisjoint([path.resolve(), *path.resolve().parents])


def _each_once(paths: list[Path], start: Path) -> list[Path]:
    """One path to each file, in the same order: that which goes through no link from `start` on, else the first."""
    kept: dict[Path, Path] = {}
    beginning = start.resolve()
    for path in paths:
        real = path.resolve()
        if real not in kept or real == beginning / path.relative_to(start):
            kept[real] = path
    chosen = set(kept.values())
    return [path for path in paths if path in chosen]


def _plain_beginning(pattern: str) -> Path:
    """The folder in which a pattern begins to be one: `news` for `news/**/*.html`."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
