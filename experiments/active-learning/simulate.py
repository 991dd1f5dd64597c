"""How many labels does `pactag annotate next` save? Simulated on the corpus: python experiments/active-learning/simulate.py

The training split is the pool, its labels hidden until a strategy asks for them. All strategies of a seed begin with the same random
sentences, and label in batches. After each batch a logistic regression is fitted on the vectors of the bundled encoder; thresholds are set
on the validation split, macro-F1 is measured on the test split. The vectors are computed once and kept in experiments/runs/.

With --model FOLDER the regression is fitted on the vectors of a fine-tuned encoder, as a user has one who begins from a trained model; what
that model learnt from (--learnt CORPUS) is then no part of the pool. Diversity is sought among the vectors of the bundled encoder always,
as `pactag annotate next` does.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from pactag.annotation import choosing
from pactag.calibration import apply_thresholds, choose_thresholds
from pactag.config import OperatingPoint
from pactag.corpus.rows import labelled_sentences, read_corpus
from pactag.metrics import f1_macro
from pactag.model_folder import read_manifest
from pactag.models.encoder import EncoderClassifier
from pactag.models.linear import linear_head
from pactag.models.vectors import sentence_vectors
from pactag.schema import load_schema
from pactag.sentences import SentenceInput

HERE = Path(__file__).parent
START = BATCH = 200
# Random choice goes on for longer, so that there is something to compare the end of the others with.
LAST_RANDOM, LAST_CHOSEN = 6000, 3600


@dataclass(frozen=True)
class Pool:
    """Vectors and targets of one split; `articles[i]` is the article of sentence i, `plain` holds the vectors of the bundled encoder."""

    vectors: np.ndarray
    plain: np.ndarray
    targets: np.ndarray
    articles: np.ndarray

    def of(self, kept: np.ndarray) -> Pool:
        """Those sentences alone."""
        return Pool(self.vectors[kept], self.plain[kept], self.targets[kept], self.articles[kept])

    def scaled(self, centre: np.ndarray, scale: np.ndarray) -> Pool:
        """With the vectors that are learnt from brought to another scale."""
        return replace(self, vectors=(self.vectors - centre) / scale)


Pick = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def load(corpus: Path, cache: Path, *, model: Path | None, learnt: Path | None) -> tuple[dict[str, Pool], tuple[str, ...]]:
    """The three splits with their vectors, brought to one scale by those of the training split."""
    schema = load_schema()
    read = read_corpus(corpus, schema)
    splits = {name: labelled_sentences(rows, schema) for name, rows in read.splits.items()}
    inputs = [one for split in splits.values() for one in split.inputs]
    plain = stored(inputs, cache, None)
    vectors = stored(inputs, cache, model) if model is not None else plain
    pools, at = {}, 0
    for name, split in splits.items():
        part = slice(at, at + len(split))
        pools[name] = Pool(vectors[part], plain[part], split.targets, np.array(split.groups))
        at += len(split)
    if learnt is not None:
        known = sorted({row.article_id for row in read_corpus(learnt, schema)["train"]})
        pools["train"] = pools["train"].of(~np.isin(pools["train"].articles, known))
    centre, scale = pools["train"].vectors.mean(0), pools["train"].vectors.std(0) + 1e-6
    return {name: pool.scaled(centre, scale) for name, pool in pools.items()}, schema.names


def stored(inputs: Sequence[SentenceInput], cache: Path, model: Path | None) -> np.ndarray:
    """Vectors by the bundled encoder or by a model folder, computed once."""
    texts = hashlib.sha256("\n".join(one.text for one in inputs).encode()).hexdigest()[:12]
    file = cache / (f"vectors-{texts}.npy" if model is None else f"vectors-{texts}-{model.resolve().name}.npy")
    if not file.exists():
        vectors = sentence_vectors(inputs) if model is None else EncoderClassifier.load(model, read_manifest(model)).embed(inputs)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, vectors)
    return np.load(file, allow_pickle=False)


def fitted(pools: dict[str, Pool], labelled: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of all three splits by a model that learnt from these sentences of the pool."""
    train = pools["train"]
    weights, bias = linear_head(train.vectors[labelled], train.targets[labelled], c=0.1, class_weight=None, seed=1)
    return {name: 1 / (1 + np.exp(-(pool.vectors @ weights.T + bias))) for name, pool in pools.items()}


def measured(pools: dict[str, Pool], scores: dict[str, np.ndarray], names: Sequence[str]) -> float:
    """Macro-F1 on the test split at thresholds from the validation split."""
    thresholds = choose_thresholds(scores["validation"], pools["validation"].targets, OperatingPoint(), names)
    return f1_macro(pools["test"].targets, apply_thresholds(scores["test"], thresholds, names))


def strategies(train: Pool) -> dict[str, Pick]:
    """What each strategy asks for next, given the scores of the pool, what is labelled, and chance."""

    def left(labelled: np.ndarray) -> np.ndarray:
        return np.setdiff1d(np.arange(len(train.targets)), labelled)

    def rates(labelled: np.ndarray) -> list[float]:
        return list(map(float, train.targets[labelled].mean(0)))

    def at_random(scores: np.ndarray, labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.choice(left(labelled), BATCH, replace=False)

    def articles(scores: np.ndarray, labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        free = left(labelled)
        order = rng.permutation(np.unique(train.articles[free]))
        return np.concatenate([free[train.articles[free] == article] for article in order])[:BATCH]

    def by(worth: Callable[[np.ndarray, list[float]], np.ndarray]) -> Pick:
        def pick(scores: np.ndarray, labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            free = left(labelled)
            return free[np.argsort(-worth(scores[free], rates(labelled)), kind="stable")[:BATCH]]

        return pick

    def shipped(budget: int) -> Pick:
        def pick(scores: np.ndarray, labelled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            free = left(labelled)
            seed = int(rng.integers(2**31))
            chosen = choosing.choose(scores[free], rates(labelled), budget, vectors=lambda at: train.plain[free[list(at)]], seed=seed)
            return free[chosen]

        return pick

    return {
        "random": at_random,
        "articles": articles,
        "likely": by(lambda scores, rates: (scores / np.maximum(rates, 0.01)).sum(1)),
        "uncertain": by(lambda scores, rates: choosing.entropy(scores).max(1)),
        "uncertain-rare": by(choosing.usefulness),
        "next": shipped(BATCH),
        "next-100": shipped(100),
    }


def run(pools: dict[str, Pool], names: Sequence[str], pick: Pick, seed: int, last: int) -> list[tuple[int, float]]:
    """Pairs of number of labels and macro-F1."""
    rng = np.random.default_rng(seed)
    labelled = rng.choice(len(pools["train"].targets), START, replace=False)
    curve = []
    while True:
        scores = fitted(pools, labelled)
        curve.append((len(labelled), measured(pools, scores, names)))
        if len(labelled) >= last:
            return curve
        labelled = np.concatenate([labelled, pick(scores["train"], labelled, rng)])


def needed(curve: Sequence[tuple[int, float]], target: float) -> float | None:
    """Labels after which a curve first reaches a macro-F1, between two batches in proportion; None when it does not."""
    for (before, low), (after, high) in pairwise(curve):
        if high >= target:
            return before + (after - before) * (target - low) / (high - low) if high > low else float(after)
    return None


def table(rows: Sequence[dict[str, str]]) -> str:
    """Mean curves, and what share of random choice's labels each strategy needs."""
    curves: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        curves.setdefault(row["strategy"], {}).setdefault(int(row["labels"]), []).append(float(row["f1_macro"]))
    means = {name: [(labels, mean(found)) for labels, found in sorted(curve.items())] for name, curve in curves.items()}
    shown = range(400, LAST_CHOSEN + 1, 400)
    lines = ["| strategy | " + " | ".join(map(str, shown)) + " |", "|---" * (len(shown) + 1) + "|"]
    for name, curve in curves.items():
        cells = [f"{mean(curve[at]):.3f} ± {stdev(curve[at]):.3f}"[1:].replace("± 0", "± ") for at in shown]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    # A mean of few seeds still goes up and down: only what random choice reaches for good counts as reached.
    targets = [2000, 3000, 4000, 5000, 6000]
    lines += ["", "| labels of random choice | its F1 | " + " | ".join(name for name in means if name != "random") + " |"]
    lines.append("|---" * (len(means) + 1) + "|")
    smooth = dict(means["random"])
    for target in targets:
        near = [smooth[at] for at in (target - BATCH, target, target + BATCH) if at in smooth]
        goal = mean(near)
        cells = []
        for name, curve in means.items():
            if name != "random":
                found = needed(curve, goal)
                cells.append("not reached" if found is None else f"{found:.0f} ({found / target:.0%})")
        lines.append(f"| {target} | {goal:.3f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing in results.csv, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus"))
    parser.add_argument("--cache", type=Path, default=Path("experiments/runs"), help="folder for the vectors")
    parser.add_argument("--model", type=Path, help="folder of a trained encoder, whose vectors are learnt from")
    parser.add_argument("--learnt", type=Path, help="corpus folder that the model has learnt from")
    parser.add_argument("--strategies", nargs="+", help="these alone; all unless said")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    rows = list(csv.DictReader(arguments.results.open(encoding="utf-8"))) if arguments.results.exists() else []
    done = {(row["strategy"], row["seed"]) for row in rows}
    pools, names = load(arguments.corpus, arguments.cache, model=arguments.model, learnt=arguments.learnt)
    whole = fitted(pools, np.arange(len(pools["train"].targets)))
    print(f"all {len(pools['train'].targets)} labels: macro-F1 {measured(pools, whole, names):.3f}", flush=True)
    for name, pick in strategies(pools["train"]).items():
        if arguments.strategies and name not in arguments.strategies:
            continue
        last = LAST_RANDOM if name in ("random", "articles") else LAST_CHOSEN
        for seed in range(1, arguments.seeds + 1):
            if (name, str(seed)) in done:
                continue
            curve = run(pools, names, pick, seed, last)
            rows += [{"strategy": name, "seed": str(seed), "labels": str(at), "f1_macro": f"{f1:.4f}"} for at, f1 in curve]
            print(f"{name}, seed {seed}: {curve[-1][1]:.3f} with {curve[-1][0]} labels", flush=True)
            beside = arguments.results.with_suffix(".new")
            with beside.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, ["strategy", "seed", "labels", "f1_macro"], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            os.replace(beside, arguments.results)
    print(table(rows))


if __name__ == "__main__":
    main()
