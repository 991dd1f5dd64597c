"""Many fine-tunings at once on one GPU, with torch and transformers alone: recipes are compared here before pactag gets them.

python experiments/recipes/sweep.py arrays.npz ENCODER_FOLDER jobs.json results.jsonl --processes 14

`jobs.json` is a list of settings that differ from `DEFAULTS`. One CUDA MPS daemon makes fourteen processes share the device well.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as mp
import transformers
from torch.nn.functional import binary_cross_entropy_with_logits

DEFAULTS: dict[str, Any] = {
    "context": "none",
    "pooling": "mean",
    "learning_rate": 1e-4,
    "head_learning_rate": 1e-3,
    "layer_decay": 1.0,
    "epochs": 4,
    "batch_size": 32,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "dropout": 0.1,
    "encoder_dropout": 0.1,
    "smoothing": 0.0,
    "r_drop": 0.0,
    "average": 0.0,
    "token_dropout": 0.0,
    "freeze_embeddings": True,
    "train_share": 1.0,
    "without": [],
    "only": [],
    "seed": 1,
}
SPLITS = ("train", "validation", "test", "real")
MASK, FIRST_WORD = 103, 999


class Network(torch.nn.Module):
    def __init__(self, folder: Path, labels: int, job: dict[str, Any]) -> None:
        super().__init__()
        dropout = job["encoder_dropout"]
        self.encoder = transformers.AutoModel.from_pretrained(
            folder, dtype=torch.float32, add_pooling_layer=False, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout
        )
        hidden = self.encoder.config.hidden_size
        self.dropout = torch.nn.Dropout(job["dropout"])
        self.pooling = job["pooling"]
        wide = 2 * hidden if self.pooling == "attention and mean" else hidden
        self.weight = torch.nn.Parameter(torch.randn(labels, wide) * 0.02)
        self.bias = torch.nn.Parameter(torch.zeros(labels))
        self.query = torch.nn.Parameter(torch.zeros(labels, hidden))
        self.query.requires_grad = self.pooling != "mean"

    def forward(self, ids: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=ids, attention_mask=(ids > 0).long()).last_hidden_state
        place = torch.arange(ids.shape[1], device=ids.device)[None]
        inside = (place >= start[:, None]) & (place < end[:, None])
        share = inside.unsqueeze(-1).to(hidden.dtype)
        mean = ((hidden * share).sum(1) / share.sum(1))[:, None].expand(-1, len(self.bias), -1)
        if self.pooling == "mean":
            vectors = mean
        else:
            match = torch.einsum("sth,lh->slt", hidden, self.query).masked_fill(~inside[:, None], -1e4).softmax(-1)
            vectors = torch.einsum("slt,sth->slh", match, hidden)
            if self.pooling == "attention and mean":
                vectors = torch.cat([vectors, mean], -1)
        return (self.dropout(vectors) * self.weight).sum(-1) + self.bias


def load(path: Path, context: str, device: str) -> dict[str, dict[str, Any]]:
    arrays = np.load(path)
    parts = {}
    for split in SPLITS:
        length = arrays[f"{split}.{context}.length"].astype(int)
        ids = torch.zeros(len(length), int(length.max()), dtype=torch.long)
        flat, offset = torch.from_numpy(arrays[f"{split}.{context}.ids"].astype(np.int64)), 0
        for row, count in enumerate(length):
            ids[row, :count] = flat[offset : offset + count]
            offset += count
        ends = {name: torch.from_numpy(arrays[f"{split}.{context}.{name}"].astype(np.int64)).to(device) for name in ("start", "end")}
        targets = arrays[f"{split}.targets"].astype(np.float32)
        parts[split] = {"ids": ids.to(device), "length": length, **ends, "targets": targets, "article": arrays[f"{split}.article"]}
    return parts


def chosen(part: dict[str, Any], job: dict[str, Any]) -> np.ndarray:
    articles = np.unique(part["article"])
    if job["train_share"] < 1:
        order = np.random.RandomState(job["seed"]).permutation(len(articles))
        articles = articles[order[: round(job["train_share"] * len(articles))]]
    writer = {article: article.partition("-")[0] for article in articles}
    kept = {a for a in articles if writer[a] not in job["without"] and (not job["only"] or writer[a] in job["only"])}
    return np.flatnonzero([article in kept for article in part["article"]])


def batches(length: np.ndarray, rows: np.ndarray, size: int, generator: torch.Generator) -> list[np.ndarray]:
    order = rows[torch.randperm(len(rows), generator=generator).numpy()]
    found = []
    for at in range(0, len(order), size * 50):
        pool = order[at : at + size * 50]
        pool = pool[np.argsort(length[pool], kind="stable")]
        found += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [found[i] for i in torch.randperm(len(found), generator=generator).tolist()]


@torch.no_grad()
def predict(network: Network, part: dict[str, Any]) -> np.ndarray:
    network.eval()
    logits = np.zeros(part["targets"].shape)
    order = np.argsort(part["length"])
    for at in range(0, len(order), 256):
        rows = order[at : at + 256]
        index = torch.as_tensor(rows, device=part["ids"].device)
        ids = part["ids"][index, : int(part["length"][rows].max())]
        logits[rows] = network(ids, part["start"][index], part["end"][index]).float().cpu().numpy()
    network.train()
    return logits


def best_threshold(targets: np.ndarray, logits: np.ndarray) -> float:
    order = np.argsort(-logits)
    f1 = 2 * np.cumsum(targets[order]) / (np.arange(1, len(order) + 1) + targets.sum())
    best = int(np.argmax(f1))
    return float(logits[order[best : best + 2]].mean())


def figures(parts: dict[str, dict[str, Any]], logits: dict[str, np.ndarray]) -> dict[str, list[float]]:
    labels = range(parts["train"]["targets"].shape[1])
    thresholds = [best_threshold(parts["validation"]["targets"][:, i], logits["validation"][:, i]) for i in labels]
    result = {}
    for split in SPLITS[1:]:
        targets, given = parts[split]["targets"], logits[split] >= thresholds
        result[split] = (2 * (targets * given).sum(0) / (targets.sum(0) + given.sum(0))).round(4).tolist()
    return result


def fit(parts: dict[str, dict[str, Any]], folder: Path, job: dict[str, Any], device: str) -> dict[str, np.ndarray]:
    torch.manual_seed(job["seed"])
    generator = torch.Generator().manual_seed(job["seed"])
    part = parts["train"]
    targets = torch.from_numpy(part["targets"]).to(device)
    network = Network(folder, targets.shape[1], job).to(device).train()
    network.encoder.get_input_embeddings().weight.requires_grad = not job["freeze_embeddings"]
    depth = network.encoder.config.num_hidden_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rate = job["head_learning_rate"]
            if name.startswith("encoder."):
                height = 0 if "embeddings" in name else int(name.split(".")[3]) + 1
                rate = job["learning_rate"] * job["layer_decay"] ** (depth - height)
            groups.setdefault((rate, job["weight_decay"] if parameter.ndim > 1 else 0.0), []).append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()], fused=device == "cuda"
    )
    rows = chosen(part, job)
    total = int(math.ceil(len(rows) / job["batch_size"]) * job["epochs"])
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(job["warmup"] * total), total)
    average = {name: value.detach().clone() for name, value in network.named_parameters() if value.requires_grad}
    step = 0
    while step < total:
        for batch in batches(part["length"], rows, job["batch_size"], generator):
            if step == total:
                break
            index = torch.as_tensor(batch, device=device)
            ids = part["ids"][index, : int(part["length"][batch].max())]
            if job["token_dropout"]:
                hidden = (torch.rand(ids.shape, device=device) < job["token_dropout"]) & (ids > FIRST_WORD)
                ids = ids.masked_fill(hidden, MASK)
            wanted = targets[index] * (1 - 2 * job["smoothing"]) + job["smoothing"]
            copies = 2 if job["r_drop"] else 1
            logits = network(ids.repeat(copies, 1), part["start"][index].repeat(copies), part["end"][index].repeat(copies))
            loss = binary_cross_entropy_with_logits(logits, wanted.repeat(copies, 1))
            if job["r_drop"]:
                one, two = logits.chunk(2)
                loss = loss + job["r_drop"] * ((torch.sigmoid(one) - torch.sigmoid(two)) * (one - two)).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if job["average"]:
                decay = min(job["average"], (1 + step) / (10 + step))
                for name, value in network.named_parameters():
                    if name in average:
                        average[name].lerp_(value.detach(), 1 - decay)
    if job["average"]:
        network.load_state_dict(average, strict=False)
    return {split: predict(network, parts[split]) for split in SPLITS[1:]}


def work(queue: Any, arrays: Path, folder: Path, output: Path, keep: Path | None, lock: Any) -> None:
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    while (numbered := queue.get()) is not None:
        number, given = numbered
        job = DEFAULTS | given
        started = time.perf_counter()
        parts = load(arrays, job["context"], device)
        logits = fit(parts, folder, job, device)
        result = figures(parts, logits)
        if keep is not None:
            np.savez_compressed(keep / f"{number}.npz", **{split: values.astype(np.float16) for split, values in logits.items()})
        with lock, output.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"job": given, "seconds": round(time.perf_counter() - started), **result}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("arrays", "encoder", "jobs", "output"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--logits", type=Path, help="a folder that is there, for the logits of each job")
    arguments = parser.parse_args()
    jobs = json.loads(arguments.jobs.read_text(encoding="utf-8"))
    unknown = {name for job in jobs for name in job} - set(DEFAULTS)
    if unknown:
        parser.error(f"{arguments.jobs} names {sorted(unknown)}; known: {sorted(DEFAULTS)}")
    context = mp.get_context("spawn")
    queue, lock = context.Queue(), context.Lock()
    for job in [*enumerate(jobs), *[None] * arguments.processes]:
        queue.put(job)
    processes = [
        context.Process(target=work, args=(queue, arguments.arrays, arguments.encoder, arguments.output, arguments.logits, lock))
        for _ in range(arguments.processes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
