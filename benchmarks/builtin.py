"""How fast the models tag that come with pactag, turn by turn.

    python benchmarks/builtin.py --sentences labelled.jsonl

The sentences are a JSONL with `text`; --count of them are taken in an order drawn at random. Rates are the median over the rounds, with the
lowest and the highest; the ratio is the median of the rounds' ratios, so that what slows the machine for a while slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np

from pactag import Tagger
from pactag.model_folder import BUILT_IN, BUILT_IN_SMALL
from pactag.sentences import SentenceInput

MODELS = (BUILT_IN, BUILT_IN_SMALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts = [json.loads(line)["text"] for line in arguments.sentences.read_text(encoding="utf-8").splitlines()]
    given = [SentenceInput(texts[i]) for i in np.random.default_rng(0).permutation(len(texts))[: arguments.count]]
    taggers = {name: Tagger.load(name) for name in MODELS}
    rates: dict[str, list[float]] = {name: [] for name in MODELS}
    for tagger in taggers.values():
        tagger.scores(given[:64])
    for _ in range(arguments.rounds):
        for name, tagger in taggers.items():
            started = time.perf_counter()
            tagger.scores(given)
            rates[name].append(len(given) / (time.perf_counter() - started))
    print(f"{len(given)} sentences, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}\n")
    print(f"| model | sentences/s | lowest to highest | times {MODELS[0]} |\n|---|---|---|---|")
    for name, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, rates[MODELS[0]], strict=True))
        print(f"| {name} | {statistics.median(found):.0f} | {min(found):.0f} to {max(found):.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
