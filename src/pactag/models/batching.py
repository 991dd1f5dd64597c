"""What fine-tuning draws: tokenised sentences, in batches of like length that come in random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import datasets
import numpy as np
import torch

from pactag.corpus.rows import LabelledSentences
from pactag.models.teachers import Lesson
from pactag.models.tokens import Encoded, SentenceTokenizer, pad


def training_dataset(sentences: LabelledSentences, tokenizer: SentenceTokenizer, lesson: Lesson | None = None) -> datasets.Dataset:
    """Ids, pooled range and targets of each sentence; with a lesson, what its teachers say as well."""
    encoded = tokenizer.encode(sentences.inputs)
    columns: dict[str, Any] = {
        "ids": [item.ids for item in encoded],
        "start": [item.start for item in encoded],
        "end": [item.end for item in encoded],
        "targets": sentences.targets.tolist(),
    }
    if lesson is not None:
        columns["teacher"] = list(lesson.scores)
        if lesson.vectors is not None:
            columns["vectors"] = list(lesson.vectors)
    return datasets.Dataset.from_dict(columns)


class Collator:
    """Pads rows of `training_dataset` into a batch of tensors."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = pad([Encoded(row["ids"], row["start"], row["end"]) for row in rows], self._pad_id)
        tensors = {"ids": batch.ids, "attention": batch.attention, "pool": batch.pool}
        result = {name: torch.from_numpy(array) for name, array in tensors.items()}
        for name in ("targets", "teacher", "vectors"):
            if name in rows[0]:
                result[name] = torch.tensor([row[name] for row in rows], dtype=torch.float32)
        return result


class LengthGroupedBatches(torch.utils.data.Sampler[int]):
    """Positions in an order in which every batch holds sentences of like length, and the batches come in random order.

    The sampler of transformers sorts whole stretches of fifty batches from long to short. Long sentences carry more acts, so that the
    label rates drift through each stretch and training at these rates swings with them; with the batches shuffled it does not.

    The order depends on the seed and the epoch alone, so that a resumed training draws what an uninterrupted one would have drawn.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int, pool: int = 50) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._pool = pool * batch_size
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next pass is, from 0."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self._epoch])
        self._epoch += 1
        order = random.permutation(len(self._lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(order), self._pool):
            pool = order[start : start + self._pool]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches += [pool[i : i + self._batch_size] for i in range(0, len(pool), self._batch_size)]
        # Positions are cut into batches again by whoever draws them, so a short batch may stand at the end only.
        whole = [batch for batch in batches if len(batch) == self._batch_size]
        short = [batch for batch in batches if len(batch) < self._batch_size]
        for number in random.permutation(len(whole)):
            yield from whole[number].tolist()
        for batch in short:
            yield from batch.tolist()
