"""`encoder`: a transformer fine-tuned end to end with the Hugging Face Trainer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self, cast

import datasets
import numpy as np
import torch
import transformers

from pactag.config import EncoderModel, RunConfig, TrainingConfig
from pactag.corpus.rows import LabelledSentences
from pactag.metrics import best_f1_macro
from pactag.models.base import FitContext
from pactag.models.pooled import PooledClassifier, PooledNetwork, tokenizer_for
from pactag.models.pretrained import load_pretrained
from pactag.models.quiet import quiet
from pactag.models.tokens import Encoded, SentenceTokenizer, pad

# Strong regularisation: the probe shall point the right way, not fit the last sentence.
_PROBE_C = 0.02
_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


class EncoderClassifier(PooledClassifier):
    """See the module."""

    kind: ClassVar[str] = "encoder"

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        """See `SentenceClassifier.fit`."""
        settings, training = cast(EncoderModel, config.model), cast(TrainingConfig, config.training)
        transformers.set_seed(config.seed)
        pretrained = load_pretrained(settings.base, settings.revision)
        tokenizer = tokenizer_for(pretrained, max_tokens=settings.max_tokens, context=settings.context, pooling=settings.pooling)
        model = cls(PooledNetwork(pretrained.encoder, len(labels), dropout=settings.dropout), tokenizer, pretrained.info)
        if settings.freeze_embeddings:
            for parameter in model.network.encoder.get_input_embeddings().parameters():
                parameter.requires_grad = False
        if training.probe_first:
            model.fit_head(train, c=_PROBE_C, class_weight=None, seed=config.seed)
        model._fine_tune(train, validation, training, seed=config.seed, context=context)
        return model

    def _fine_tune(
        self, train: LabelledSentences, validation: LabelledSentences, training: TrainingConfig, *, seed: int, context: FitContext
    ) -> None:
        with tempfile.TemporaryDirectory(prefix="pactag-") as scratch, quiet():
            arguments = transformers.TrainingArguments(
                output_dir=scratch,
                num_train_epochs=training.epochs,
                per_device_train_batch_size=training.batch_size,
                learning_rate=training.learning_rate,
                lr_scheduler_type=_SCHEDULES[training.schedule],
                # Below 1 a share of all steps, in transformers 5.
                warmup_steps=training.warmup_share,
                max_grad_norm=training.max_grad_norm,
                eval_strategy="no",
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                remove_unused_columns=False,
                dataloader_pin_memory=False,
                seed=seed,
            )
            progress = _Progress(self, validation, training, context)
            trainer = _Trainer(
                model=self.network,
                args=arguments,
                train_dataset=_dataset(train, self.tokenizer),
                data_collator=_Collator(self.tokens.pad_id),
                callbacks=[progress],
                training=training,
            )
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()
        progress.restore_best(self.network)
        self.network.cpu().eval()


def _dataset(sentences: LabelledSentences, tokenizer: SentenceTokenizer) -> datasets.Dataset:
    encoded = tokenizer.encode(sentences.inputs)
    return datasets.Dataset.from_dict(
        {
            "ids": [item.ids for item in encoded],
            "start": [item.start for item in encoded],
            "end": [item.end for item in encoded],
            "targets": sentences.targets.tolist(),
        }
    )


class _Collator:
    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = pad([Encoded(row["ids"], row["start"], row["end"]) for row in rows], self._pad_id)
        return {
            "ids": torch.from_numpy(batch.ids),
            "attention": torch.from_numpy(batch.attention),
            "pool": torch.from_numpy(batch.pool),
            "targets": torch.tensor([row["targets"] for row in rows], dtype=torch.float32),
        }


class LengthGroupedBatches(torch.utils.data.Sampler[int]):
    """Positions in an order in which every batch holds sentences of like length, and the batches come in random order.

    The sampler of transformers sorts whole stretches of fifty batches from long to short. Long sentences carry more acts, so that the
    label rates drift through each stretch and training at these rates swings with them; with the batches shuffled it does not.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int, pool: int = 50) -> None:
        self._lengths = np.asarray(lengths)
        self._batch_size = batch_size
        self._pool = pool * batch_size
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        order = self._random.permutation(len(self._lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(order), self._pool):
            pool = order[start : start + self._pool]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches += [pool[i : i + self._batch_size] for i in range(0, len(pool), self._batch_size)]
        # Positions are cut into batches again by whoever draws them, so a short batch may stand at the end only.
        whole = [batch for batch in batches if len(batch) == self._batch_size]
        short = [batch for batch in batches if len(batch) < self._batch_size]
        for number in self._random.permutation(len(whole)):
            yield from whole[number].tolist()
        for batch in short:
            yield from batch.tolist()


class _Trainer(transformers.Trainer):
    """The Trainer with the loss and the learning rates of this task."""

    def __init__(self, *, training: TrainingConfig, **options: Any) -> None:
        super().__init__(**options)
        self._training = training

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int]:
        lengths = [len(ids) for ids in self.train_dataset["ids"]]
        return LengthGroupedBatches(lengths, batch_size=self.args.train_batch_size, seed=self.args.seed)

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
        targets = inputs["targets"]
        logits = model(inputs["ids"], inputs["attention"], inputs["pool"])
        smooth = self._training.label_smoothing
        weight = torch.full_like(targets[0], self._training.positive_weight)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets * (1 - 2 * smooth) + smooth, pos_weight=weight)
        return (loss, logits) if return_outputs else loss

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:  # type: ignore[has-type]
            # The fused kernel is what makes a step on the CPU about six times faster here than the plain one.
            self.optimizer = torch.optim.AdamW(parameter_groups(self.model, self._training), fused=True)
        return self.optimizer


def parameter_groups(network: PooledNetwork, training: TrainingConfig) -> list[dict[str, Any]]:
    """Optimizer groups: the head at its own rate, encoder layers at rates that fall with depth, no decay on biases and norms."""
    depth = getattr(network.encoder.config, "num_hidden_layers", 0)
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = training.head_learning_rate
        if name.startswith("encoder."):
            rate = training.learning_rate * training.layer_decay ** (depth - _layer(name, depth))
        decay = training.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def _layer(name: str, depth: int) -> int:
    """Height of a parameter: 0 for embeddings, 1 for the first layer, `depth` for the last and for what stands above it."""
    parts = name.split(".")
    if "embeddings" in parts:
        return 0
    numbers = [int(part) for part in parts if part.isdigit()]
    return numbers[0] + 1 if numbers else depth


class _Progress(transformers.TrainerCallback):
    """Tells how training goes, measures each epoch on the validation split, keeps the best weights, and stops when they age."""

    def __init__(self, model: EncoderClassifier, validation: LabelledSentences, training: TrainingConfig, context: FitContext) -> None:
        self._model = model
        self._validation = validation
        self._training = training
        self._context = context
        self._best = -1.0
        self._epochs_since_best = 0
        self._weights: dict[str, torch.Tensor] = {}
        self._loss = float("nan")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._context.progress(state.global_step, state.max_steps, f"epoch {state.epoch or 0:.1f}, best macro-F1 {max(self._best, 0):.3f}")

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        logits = self._model.predict_logits(self._validation.inputs)
        targets = self._validation.targets
        loss = float(np.mean(np.logaddexp(0, logits) - targets * logits))
        macro = best_f1_macro(targets, logits)
        self._context.report({"loss": loss, "f1_macro": macro}, state.global_step)
        if macro > self._best:
            self._best = macro
            self._epochs_since_best = 0
            self._weights = {name: tensor.detach().cpu().clone() for name, tensor in self._model.network.state_dict().items()}
        else:
            self._epochs_since_best += 1
            patience = self._training.early_stopping
            if patience is not None and self._epochs_since_best >= patience:
                control.should_training_stop = True

    def restore_best(self, network: PooledNetwork) -> None:
        if self._training.early_stopping is not None and self._weights:
            network.load_state_dict(self._weights)
