"""How fast training is, against the recipe that Hugging Face's example `run_classification` follows, on the same sentences.

    python benchmarks/training.py --share 0.1 --epochs 2 --given labelled.jsonl

The recipe: `AutoModelForSequenceClassification` for several labels, every sentence padded to 128 tokens, batches of 8, AdamW at
5e-5 falling linearly, one evaluation at the end; 0.5 as threshold. pactag: configs/minilm.yaml with the same encoder, share of
articles and epochs. The two take turns; speed is training sentences a second over the whole fit, with pactag's evaluation after
each epoch. Macro-F1 of the recipe is given with its own threshold and with thresholds from the validation split, as
pactag chooses them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers

from pactag.calibration import apply_thresholds, choose_thresholds
from pactag.config import OperatingPoint, load_config
from pactag.corpus.rows import LabelledSentences, labelled_sentences, read_corpus, read_rows
from pactag.metrics import f1_macro
from pactag.models.pretrained import bundled_folder
from pactag.schema import Schema, load_schema
from pactag.training import share_of_articles, train

MAX_TOKENS = 128
BATCH = 8
RATE = 5e-5


class Examples(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Tokenised sentences, padded to one length, with their labels as floats."""

    def __init__(self, sentences: LabelledSentences, tokenizer: transformers.PreTrainedTokenizerBase) -> None:
        texts = [sentence.text for sentence in sentences.inputs]
        self._encoded = tokenizer(texts, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        self._targets = torch.tensor(sentences.targets, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {**{name: values[index] for name, values in self._encoded.items()}, "labels": self._targets[index]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=Path("configs/minilm.yaml"))
    parser.add_argument("--corpus", type=Path, default=Path("data/corpus"), help="train.jsonl, validation.jsonl, test.jsonl")
    parser.add_argument("--share", type=float, default=0.1, help="of the training articles")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--given", type=Path, help="further labelled sentences, as JSONL, to measure on")
    arguments = parser.parse_args()
    schema = load_schema(Path("data/schema.yaml"))
    ratios = []
    for seed in range(1, arguments.rounds + 1):
        recipe = by_recipe(arguments, schema, seed)
        ours = by_pactag(arguments, seed)
        ratios.append(ours["sentences a second"] / recipe["sentences a second"])
        for name, figures in (("recipe", recipe), ("pactag", ours)):
            print(f"seed {seed}  {name:8}" + "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)
    print(f"\npactag trains {statistics.median(ratios):.1f} times as fast (median of {len(ratios)})")


def by_recipe(arguments: argparse.Namespace, schema: Schema, seed: int) -> dict[str, float]:
    transformers.set_seed(seed)
    corpus = read_corpus(arguments.corpus, schema)
    base = bundled_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(schema.names), problem_type="multi_label_classification"
    )
    learnt = labelled_sentences(share_of_articles(corpus["train"], arguments.share, seed), schema)
    parts = {name: labelled_sentences(corpus[name], schema) for name in ("validation", "test")}
    if arguments.given:
        parts["given"] = labelled_sentences(read_rows(arguments.given, schema), schema)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = transformers.Trainer(
            model=model,
            args=transformers.TrainingArguments(
                output_dir=scratch,
                num_train_epochs=arguments.epochs,
                per_device_train_batch_size=BATCH,
                learning_rate=RATE,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=False,
                seed=seed,
            ),
            train_dataset=Examples(learnt, tokenizer),
        )
        started = time.perf_counter()
        trainer.train()
        scores = {"validation": _scores(trainer, Examples(parts["validation"], tokenizer))}
        seconds = time.perf_counter() - started
        scores |= {name: _scores(trainer, Examples(part, tokenizer)) for name, part in parts.items() if name != "validation"}
    chosen = choose_thresholds(scores["validation"], parts["validation"].targets, OperatingPoint(), schema.names)
    figures = {"sentences a second": len(learnt) * arguments.epochs / seconds}
    for name in list(parts)[1:]:
        figures[f"{name} at 0.5"] = f1_macro(parts[name].targets, scores[name] >= 0.5)
        figures[name] = f1_macro(parts[name].targets, apply_thresholds(scores[name], chosen, schema.names))
    return figures


def _scores(trainer: transformers.Trainer, examples: Examples) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(trainer.predict(examples).predictions, dtype=np.float64)))


def by_pactag(arguments: argparse.Namespace, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        changes = {
            "seed": seed,
            "data.corpus": arguments.corpus,
            "data.train_share": arguments.share,
            "training.epochs": arguments.epochs,
            "tracking.uri": f"sqlite:///{scratch}/mlflow.db",
            "tracking.pictures": "false",
            "save": "false",
        }
        if arguments.given:
            changes["data.also_measure"] = f"{{given: {arguments.given}}}"
        config = load_config(arguments.config, [f"{name}={value}" for name, value in changes.items()])
        run = train(config)
        measured = {"test": run.test, **run.others}
        schema = load_schema(Path("data/schema.yaml"))
        learnt = share_of_articles(read_corpus(arguments.corpus, schema)["train"], arguments.share, seed)
        return {
            "sentences a second": len(learnt) * arguments.epochs / run.fit_seconds,
            **{name: evaluation.figures["f1_macro"] for name, evaluation in measured.items()},
        }


if __name__ == "__main__":
    main()
