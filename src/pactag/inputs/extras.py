"""Which optional dependencies of pactag the inputs need, and which of them are not here."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from pactag.inputs.kinds import kind_of
from pactag.inputs.paths import Source

# By the name of the extra, the module whose import tells whether it can be used.
_LIBRARIES = {"html": "trafilatura", "parquet": "pyarrow.parquet", "zstd": "zstandard"}


def needed(sources: Iterable[Source], kind: str | None = None) -> tuple[str, ...]:
    """The extras without which some of the sources cannot be read, sorted. An address may give any kind of file, so that it needs all.

    :param kind: what the sources hold, whatever their endings say.
    """
    found: set[str] = set()
    for source in sources:
        if source.address is not None:
            return tuple(_LIBRARIES)
        if source.path is not None and source.path.suffix.lower() == ".zst":
            found.add("zstd")
        held = kind or kind_of(source.path or "")
        if held in _LIBRARIES:
            found.add(held)
    return tuple(sorted(found))


def lacking(extras: Iterable[str]) -> tuple[str, ...]:
    """Those of the extras whose library cannot be imported here."""
    return tuple(name for name in extras if not _is_there(name))


def _is_there(extra: str) -> bool:
    try:
        import_module(_LIBRARIES[extra])
    except ImportError:
        return False
    return True
