"""`pactag tag -o FOLDER/`: into a folder of parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from pactag.cli.show import bytes_bar, note
from pactag.errors import PactagError


@dataclass(frozen=True)
class Into:
    """The options of `pactag tag` for a folder of parts, as they were given."""

    folder: Path
    output_format: str | None
    input_format: str | None
    resume: bool
    shard: str | None
    part_size: int | None
    engine: str
    ray_address: str | None
    workers: int | None


def tag_into_folder(inputs: Sequence[str], into: Into, model: Path, *, backend: str | None) -> tuple[PactagError, ...]:
    """Tag, with a progress bar, and say what was done. Returns what could not be read."""
    from pactag.bulk.plan import Share, read_share
    from pactag.bulk.run import Engine, local, prepare, run
    from pactag.model_folder import read_manifest
    from pactag.models import backends_of, id_of
    from pactag.tagging import Tagger

    share = read_share(into.shard) if into.shard is not None else Share()
    engine: Engine
    if into.engine == "ray":
        from pactag.bulk.ray_engine import on_ray

        engine = on_ray(model, backend=backend, address=into.ray_address, workers=into.workers)
        manifest = read_manifest(model)
    elif into.ray_address is not None or into.workers is not None:
        raise PactagError("--ray-address and --workers", "need --engine ray", "Add it, or leave them out")
    else:
        tagger = Tagger.load(model, backend=backend)
        engine, manifest = local(tagger), tagger.manifest
    ready = prepare(
        inputs,
        into.folder,
        model=id_of(manifest, backend=backend),
        backend=backend or next(iter(backends_of(manifest)), None),
        kind=into.input_format,
        output_format=into.output_format,
        part_size=into.part_size,
        share=share,
        resume=into.resume,
        by_workers=into.engine == "ray",
    )
    began = time.monotonic()
    with bytes_bar("tagging") as progress:
        done = run(ready, engine, progress=progress)
    seconds, count = time.monotonic() - began, done.count
    rate = f" in {seconds:.1f} s, {count.sentences / seconds:.0f} a second" if count.sentences else ""
    kept = f"; {_parts(count.parts - count.written)} there already" if count.parts > count.written else ""
    note(f"{count.sentences} sentences{rate}; {_parts(count.written)} in {escape(str(into.folder))}{kept}")
    return done.unread


def _parts(number: int) -> str:
    return f"{number} part" + ("" if number == 1 else "s")
