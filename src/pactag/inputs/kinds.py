"""Which kind of file a name tells, compressed or not."""

from __future__ import annotations

from pathlib import PurePath

ENDINGS = {
    ".txt": "text",
    ".text": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
}
COMPRESSED = (".gz", ".zst")


def is_compressed(name: PurePath | str) -> bool:
    """Whether a name has the ending of a compression that can be read."""
    return PurePath(name).suffix.lower() in COMPRESSED


def uncompressed_name(name: PurePath | str) -> PurePath:
    """The name of a file without the ending of its compression: `big.jsonl.zst` is `big.jsonl`."""
    path = PurePath(name)
    return path.with_suffix("") if is_compressed(path) else path


def kind_of(name: PurePath | str) -> str | None:
    """The kind of article file, or None where the ending tells none."""
    return ENDINGS.get(uncompressed_name(name).suffix.lower())


def bare_name(name: PurePath | str) -> PurePath:
    """The name of a file without the endings of its kind and compression. A dot alone makes no ending: `Dr. Smith speaks` stays whole."""
    path = uncompressed_name(name)
    # `.json` is a kind, too, where the user says which.
    return path.with_suffix("") if path.suffix.lower() in {*ENDINGS, ".json"} else path
