"""How fast tagging is, against what else could run the same network.

    python benchmarks/tagging.py --model MODEL_FOLDER --sentences labelled.jsonl

MODEL_FOLDER was trained by pactag and then exported into itself (`pactag export MODEL_FOLDER --only onnx --only int8 --only int8-dynamic`),
so that torch and ONNX stand side by side; the sentences are a JSONL with `text` and, for agreement and macro-F1, `labels`. They are
repeated to --count. All systems take turns in every round, and ratios are the median over the rounds. Systems that are known to be slow get
a share of the sentences, drawn at random. With --also an exported folder, such as one with a first stage, takes its turn.

  pipeline          transformers `pipeline`, as its documentation shows it
  pipeline batched  the same at the quickest of several batch sizes, found before the rounds
  setfit            `SetFitModel.predict` on the same encoder, when setfit is installed
  onnx padded       ONNX Runtime in fp32, batches of 32 in the order given, padded
  torch, onnx, int8, ...   pactag by its backends
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime

from pactag import Article, Tagger
from pactag.calibration import apply_thresholds
from pactag.corpus.rows import read_rows
from pactag.metrics import f1_macro
from pactag.model_folder import ENCODER, ONNX_WEIGHTS, TOKENIZER, read_manifest
from pactag.models import backends_of
from pactag.models.onnx import INPUTS
from pactag.models.tokens import SentenceTokenizer, pad
from pactag.sentences import SentenceInput

System = Callable[[Sequence[str]], object]
SLOW = ("pipeline", "pipeline batched", "setfit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--slow-count", type=int, default=500, help="sentences for the systems that are known to be slow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-sizes", default="8,16,32,64,128")
    parser.add_argument("--sizes", default="1,10,1000", help="numbers of sentences for the growth of time and memory; add 100000")
    parser.add_argument("--also", type=Path, action="append", default=[], help="an exported folder to measure beside it; repeatable")
    parser.add_argument("--grow", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    texts = [json.loads(line)["text"] for line in arguments.sentences.read_text(encoding="utf-8").splitlines()]
    if arguments.grow:
        print(json.dumps(grown(arguments.model, texts, *arguments.grow.split(":"))))
        return
    many = [texts[i % len(texts)] for i in range(arguments.count)]
    few = [many[i] for i in np.random.default_rng(0).permutation(len(many))[: arguments.slow_count]]
    peak = product_peak()
    cores = len(os.sched_getaffinity(0))
    tokens, operations = cost(arguments.model, many)
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f}; matrix products in fp32 reach {peak / 1e9:.0f} GFLOP/s (best of 10)")
    print(f"{len(many)} sentences of {tokens:.1f} tokens and {operations / 1e9:.2f} GFLOP on average\n")
    with tempfile.TemporaryDirectory(prefix="pactag-bench-") as scratch:
        systems, notes = systems_of(arguments.model, Path(scratch), few, [int(size) for size in arguments.batch_sizes.split(",")])
        for folder in arguments.also:
            systems |= {f"{folder.name}, {name}": scoring(folder, name) for name in backends_of(read_manifest(folder))}
        for system in systems.values():
            system(few[:64])
        rates: dict[str, list[float]] = {name: [] for name in systems}
        for _ in range(arguments.rounds):
            for name, system in systems.items():
                given = few if name in SLOW else many
                started = time.perf_counter()
                system(given)
                rates[name].append(len(given) / (time.perf_counter() - started))
    print("| system | sentences/s | per core | tokens/s | share of the peak | times pipeline batched |")
    print("|---|---|---|---|---|---|")
    for name, found in rates.items():
        rate = statistics.median(found)
        ratio = statistics.median(a / b for a, b in zip(found, rates["pipeline batched"], strict=True))
        print(f"| {name} | {rate:.0f} | {rate / cores:.0f} | {rate * tokens:.0f} | {rate * operations / peak:.2f} | {ratio:.2f} |")
    print("\n".join(["", *notes, ""]))
    agreement(arguments.model, arguments.sentences)
    for folder in arguments.also:
        agreement(folder, arguments.sentences)
    growth(arguments.model, arguments.sentences, [int(size) for size in arguments.sizes.split(",")])


def systems_of(model: Path, scratch: Path, few: Sequence[str], sizes: Sequence[int]) -> tuple[dict[str, System], list[str]]:
    """What is measured, and what there is to say about it."""
    import transformers

    from pipeline_model import save_for_pipeline

    transformers.logging.set_verbosity_error()
    save_for_pipeline(model, scratch / "pipeline")
    classify = transformers.pipeline("text-classification", model=str(scratch / "pipeline"), top_k=None, function_to_apply="sigmoid")
    notes = []
    speeds = {}
    for size in sizes:
        started = time.perf_counter()
        classify(list(few), batch_size=size, truncation=True)
        speeds[size] = len(few) / (time.perf_counter() - started)
    best = max(speeds, key=lambda size: speeds[size])
    notes.append(f"pipeline by batch size: {', '.join(f'{size}: {speed:.0f}/s' for size, speed in speeds.items())}")
    systems: dict[str, System] = {
        "pipeline": lambda given: classify(list(given), truncation=True),
        "pipeline batched": lambda given: classify(list(given), batch_size=best, truncation=True),
    }
    try:
        systems["setfit"] = setfit_predict(scratch / "pipeline", len(read_manifest(model).labels))
    except ImportError as error:
        notes.append(f"setfit was not measured: {error}")
    manifest = read_manifest(model)
    if "onnx" in backends_of(manifest):
        systems["onnx padded"] = padded(model)
    systems |= {backend: scoring(model, backend) for backend in backends_of(manifest)}
    return systems, notes


def scoring(model: Path, backend: str) -> System:
    """pactag with one of the forms of a model."""
    tagger = Tagger.load(model, backend=backend)
    return lambda given: tagger.scores([SentenceInput(text) for text in given])


def padded(model: Path, size: int = 32) -> System:
    """ONNX Runtime as one would call it without further thought: batches in the order given, padded to the longest."""
    tokens = read_manifest(model).tokens
    if tokens is None:
        raise SystemExit(f"{model} has no tokens")
    tokenizer = SentenceTokenizer.from_file(model / TOKENIZER, tokens)
    session = onnxruntime.InferenceSession(str(model / ONNX_WEIGHTS), providers=["CPUExecutionProvider"])

    def run(given: Sequence[str]) -> None:
        encoded = tokenizer.encode([SentenceInput(text) for text in given])
        for start in range(0, len(encoded), size):
            batch = pad(encoded[start : start + size], tokens.pad_id)
            session.run(None, dict(zip(INPUTS, (batch.ids, batch.attention, batch.pool), strict=True)))

    return run


def setfit_predict(folder: Path, labels: int) -> System:
    """setfit on the same encoder, with a head of logistic regressions; what the head has learnt does not matter for its speed."""
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    body = SentenceTransformer(str(folder), device="cpu")
    random = np.random.default_rng(0)
    width = len(body.encode(["a"])[0])
    head = OneVsRestClassifier(LogisticRegression()).fit(random.normal(size=(64, width)), random.integers(0, 2, (64, labels)))
    model = SetFitModel(model_body=body, model_head=head, multi_target_strategy="one-vs-rest")
    return lambda given: model.predict(list(given))


def product_peak(size: int = 1536) -> float:
    """Operations a second of a large matrix product in fp32: the best of ten."""
    left, right = (np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32) for seed in (0, 1))
    times = []
    for _ in range(10):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 2 * size**3 / min(times)


def cost(model: Path, texts: Sequence[str]) -> tuple[float, float]:
    """Tokens of a sentence on average, and the operations of its matrix products."""
    tokens = read_manifest(model).tokens
    if tokens is None:
        raise SystemExit(f"{model} has no tokens")
    lengths = np.array(
        [len(item.ids) for item in SentenceTokenizer.from_file(model / TOKENIZER, tokens).encode([*map(SentenceInput, texts)])]
    )
    shape = json.loads((model / ENCODER).read_text(encoding="utf-8"))
    width, inner, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    operations = layers * (2 * lengths * (4 * width * width + 2 * width * inner) + 4 * lengths**2 * width)
    return float(lengths.mean()), float(operations.mean())


def agreement(model: Path, path: Path) -> None:
    """How the backends agree with torch, or the first there is, on the sentences as they are, and their macro-F1 if labelled."""
    taggers = {backend: Tagger.load(model, backend=backend) for backend in backends_of(read_manifest(model))}
    schema = next(iter(taggers.values())).schema
    rows = read_rows(path, schema)
    targets = schema.encode_many([row.labels for row in rows])
    scores = {backend: tagger.scores([SentenceInput(row.text) for row in rows]) for backend, tagger in taggers.items()}
    labels = {backend: apply_thresholds(found, taggers[backend].manifest.thresholds, schema.names) for backend, found in scores.items()}
    first = "torch" if "torch" in taggers else next(iter(taggers))
    print(f"{path.name}, {model.name}")
    print(f"| backend | same labels as {first} | largest difference of a score | macro-F1 |\n|---|---|---|---|")
    for backend in taggers:
        same = (labels[backend] == labels[first]).all(1).mean()
        difference = np.abs(scores[backend] - scores[first]).max()
        print(f"| {backend} | {same:.2%} | {difference:.2g} | {f1_macro(targets, labels[backend]):.4f} |")
    print()


def growth(model: Path, path: Path, sizes: Sequence[int]) -> None:
    """Time and peak memory for more and more sentences, each number in a process of its own."""
    print("| backend | sentences | seconds | ms a sentence | peak MB |\n|---|---|---|---|---|")
    for backend in [name for name in backends_of(read_manifest(model)) if name in ("int8", "onnx")]:
        for size in sizes:
            command = [sys.executable, __file__, "--model", str(model), "--sentences", str(path), "--grow", f"{backend}:{size}"]
            done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"| {backend} | {size} | {done['seconds']:.3f} | {1000 * done['seconds'] / size:.2f} | {done['peak_mb']:.0f} |", flush=True
            )


def grown(model: Path, texts: Sequence[str], backend: str, size: str) -> dict[str, float]:
    """Tag so many sentences as a stream of articles of twenty, the model loaded before."""
    tagger = Tagger.load(model, backend=backend)
    list(tagger.tag_many(["A first sentence."]))

    def articles():  # type: ignore[no-untyped-def]
        stream = (texts[i % len(texts)] for i in range(int(size)))
        while part := list(islice(stream, 20)):
            ends = np.cumsum([len(text) + 2 for text in part]).tolist()
            spans = tuple((end - len(text) - 2, end - 2) for end, text in zip(ends, part, strict=True))
            yield Article("", "\n\n".join(part), None, spans)

    started = time.perf_counter()
    sentences = sum(len(article.sentences) for article in tagger.tag_many(articles()))
    seconds = time.perf_counter() - started
    if sentences != int(size):
        raise SystemExit(f"{sentences} sentences were tagged, not {size}")
    # Not from getrusage, which counts what the parent held when it started this process.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return {"seconds": seconds, "peak_mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}


if __name__ == "__main__":
    main()
