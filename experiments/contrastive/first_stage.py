"""A contrastive first stage, as SetFit has one: python experiments/contrastive/first_stage.py CORPUS FOLDER --seed 1

The bundled encoder, mean-pooled, learns that sentences with like labels belong together: in batches of 64 sentences, half of them with a
label, the cosine of every pair is drawn to the overlap of their labels (intersection over union; two sentences without a label: 1). Mean
squared error, as in SetFit; all pairs of a batch in place of sampled ones. FOLDER is an encoder that a config takes as `model.base`.

Source: Tunstall et al., Efficient few-shot learning without prompts, 2022.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import transformers

from pactag.corpus.rows import labelled_sentences, read_corpus
from pactag.models.pretrained import bundled_folder
from pactag.schema import load_schema

BATCH = 64
RATE = 1e-4
MAX_TOKENS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    transformers.set_seed(arguments.seed)
    schema = load_schema(Path("data/schema.yaml"))
    train = labelled_sentences(read_corpus(arguments.corpus, schema)["train"], schema)
    texts, targets = [item.text for item in train.inputs], torch.tensor(train.targets, dtype=torch.float32)
    base = bundled_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    encoder = transformers.AutoModel.from_pretrained(base, use_safetensors=True).train()
    steps = round(arguments.epochs * len(texts) / BATCH)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=RATE, fused=True)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    random = np.random.default_rng(arguments.seed)
    with_label = np.flatnonzero(train.targets.any(axis=1))
    without = np.flatnonzero(~train.targets.any(axis=1))
    for step in range(steps):
        chosen = np.concatenate([random.choice(part, BATCH // 2, replace=False) for part in (with_label, without)])
        tokens = tokenizer([texts[i] for i in chosen], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            states = encoder(**tokens).last_hidden_state.float()
        mask = tokens["attention_mask"].unsqueeze(-1).float()
        vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
        loss = pair_loss(vectors, targets[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 20 == 0:
            print(f"step {step} of {steps}: {loss.item():.4f}", flush=True)
    encoder.save_pretrained(arguments.folder)
    tokenizer.save_pretrained(arguments.folder)


def pair_loss(vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared error between the cosines of all pairs and the overlap of their labels.

    :param vectors: of length 1, shape `(sentences, size)`.
    :param targets: 0/1, shape `(sentences, labels)`.
    """
    common = targets @ targets.T
    either = targets.sum(1)[:, None] + targets.sum(1)[None, :] - common
    overlap = torch.where(either > 0, common / either.clamp(min=1), torch.ones_like(either))
    pairs = ~torch.eye(len(vectors), dtype=torch.bool)
    return ((vectors @ vectors.T - overlap) ** 2)[pairs].mean()


if __name__ == "__main__":
    main()
