"""What a million sentences cost on this machine, and what a billion would on paper.

    python benchmarks/million.py MODEL [BACKEND] [--rounds 1 4]

Tags the articles of data/corpus, once and several times over, with `pactag tag FILE.jsonl.gz -o FOLDER/`, each time in a process of its
own. Its time is that of the whole command, start included; its memory is the peak of that process.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pactag.corpus.rows import SPLITS, by_article, read_corpus
from pactag.schema import load_schema

REPOSITORY = Path(__file__).parents[1]


def articles() -> Iterator[dict[str, object]]:
    """The articles of the corpus, with the sentences that it has."""
    corpus = read_corpus(REPOSITORY / "data/corpus", load_schema(REPOSITORY / "data/schema.yaml"))
    for split in SPLITS:
        for name, sentences in by_article(corpus[split]).items():
            spans, text = [], ""
            for row in sentences:
                spans.append([len(text), len(text) + len(row.text)])
                text += row.text + " "
            yield {"id": name, "title": sentences[0].title, "text": text, "spans": spans}


def measure(model: str, backend: str | None, rounds: int) -> dict[str, float]:
    """Tag the corpus for a number of rounds."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "wire.jsonl.gz"), Path(folder, "acts")
        once = list(articles())
        with gzip.open(source, "wt", encoding="utf-8") as file:
            for number in range(rounds):
                file.writelines(json.dumps({**one, "id": f"{one['id']}-{number}"}) + "\n" for one in once)
        command = [sys.executable, "-m", "pactag.cli", "tag", str(source), "-o", f"{output}/", "--model", model]
        began = time.monotonic()
        process = subprocess.Popen([*command, *(["--backend", backend] if backend else [])], stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        if os.waitstatus_to_exitcode(status):
            sys.exit(f"failed: {' '.join(command)}")
        parts = sorted(output.glob("part-*"))
        count = sum(path.read_bytes().count(b"\n") for path in parts)
        size = sum(path.stat().st_size for path in parts)
        # Peak memory is in KiB on Linux.
        return {"sentences": count, "seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024, "bytes": size}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    options.add_argument("backend", nargs="?")
    options.add_argument("--rounds", type=int, nargs="+", default=[1, 4])
    given = options.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    found: dict[str, float] = {}
    for rounds in given.rounds:
        found = measure(given.model, given.backend, rounds)
        print(
            f"{found['sentences']:,.0f} sentences: {found['seconds']:.0f} s, {found['sentences'] / found['seconds']:.0f} a second, "
            f"{found['sentences'] / found['cpu']:.0f} for each second of a core, peak {found['peak']:.0f} MB"
        )
    each = found["cpu"] / found["sentences"]
    print(f"a million:  {found['seconds'] / found['sentences'] * 1e6 / 3600:.1f} hours here, {each * 1e6 / 3600:.1f} core hours")
    print(f"a billion:  {each * 1e9 / 86400:,.0f} core days, {found['bytes'] / found['sentences'] / 1e3:.2f} TB of JSONL (on paper)")


if __name__ == "__main__":
    main()
