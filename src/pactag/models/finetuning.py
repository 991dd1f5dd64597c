"""Fine-tuning with the Hugging Face Trainer: the loss, the rates and the order of this task, and which weights are kept."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Any

import numpy as np
import torch
import transformers

from pactag.config import TrainingConfig
from pactag.corpus.rows import LabelledSentences
from pactag.metrics import best_f1_threshold
from pactag.models.averaging import WeightAverage
from pactag.models.base import FitContext
from pactag.models.batching import Collator, LengthGroupedBatches, training_dataset
from pactag.models.losses import disagreement, distillation_loss, label_loss
from pactag.models.pooled import PooledClassifier, PooledNetwork
from pactag.models.quiet import quiet

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def fine_tune(
    model: PooledClassifier,
    train: LabelledSentences,
    validation: LabelledSentences,
    *,
    training: TrainingConfig,
    seed: int,
    context: FitContext,
    teacher: np.ndarray | None = None,
    mask_id: int | None = None,
) -> None:
    """Train a network where it stands; it ends on the CPU, in evaluation mode, with the weights that did best on `validation`.

    :param teacher: scores of another model for `train`, shape `(sentences, labels)`, learnt from with the share `training.teacher_weight`.
    :param mask_id: token that stands for a dropped one, with `training.token_dropout`.
    """
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
        average = WeightAverage(model.network, decay=training.weight_average) if training.weight_average else None
        progress = _Progress(model, validation, training, context, average)
        trainer = _Trainer(
            model=model.network,
            args=arguments,
            train_dataset=training_dataset(train, model.tokenizer, teacher),
            data_collator=Collator(model.tokens.pad_id),
            callbacks=[progress],
            training=training,
            mask_id=mask_id,
            keep=(model.tokens.cls_id, model.tokens.sep_id, model.tokens.pad_id),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    progress.restore_best(model.network)
    model.network.cpu().eval()


class _Trainer(transformers.Trainer):
    """The Trainer with the loss and the learning rates of this task."""

    def __init__(self, *, training: TrainingConfig, mask_id: int | None, keep: tuple[int, ...], **options: Any) -> None:
        super().__init__(**options)
        self._training = training
        self._mask_id = mask_id
        self._keep = keep

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int]:
        lengths = [len(ids) for ids in self.train_dataset["ids"]]
        return LengthGroupedBatches(lengths, batch_size=self.args.train_batch_size, seed=self.args.seed)

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
        training = self._training
        ids, attention, pool, targets = (inputs[name] for name in ("ids", "attention", "pool", "targets"))
        if training.token_dropout and self._mask_id is not None:
            ids = drop_tokens(ids, share=training.token_dropout, mask_id=self._mask_id, keep=self._keep)
        # R-Drop looks at every sentence twice, in one batch, through two draws of dropout.
        copies = 2 if training.r_drop else 1
        logits = model(*(part.repeat(copies, 1) for part in (ids, attention, pool)))
        loss = label_loss(
            logits,
            targets.repeat(copies, 1),
            smoothing=training.label_smoothing,
            positive_weight=training.positive_weight,
            focal_gamma=training.focal_gamma,
            negative_gamma=training.negative_gamma,
        )
        if "teacher" in inputs:
            share = training.teacher_weight
            loss = (1 - share) * loss + share * distillation_loss(logits, inputs["teacher"].repeat(copies, 1))
        if training.r_drop:
            loss = loss + training.r_drop * disagreement(*logits.chunk(2))
        return (loss, logits) if return_outputs else loss

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:  # type: ignore[has-type]
            # The fused kernel is what makes a step on the CPU about six times faster here than the plain one.
            self.optimizer = torch.optim.AdamW(parameter_groups(self.model, self._training), fused=True)
        return self.optimizer


def drop_tokens(ids: torch.Tensor, *, share: float, mask_id: int, keep: tuple[int, ...]) -> torch.Tensor:
    """Replace a random share of the tokens by the mask token, those in `keep` excepted. Same shape as `ids`."""
    chosen = torch.rand(ids.shape, device=ids.device) < share
    for token in keep:
        chosen &= ids != token
    return ids.masked_fill(chosen, mask_id)


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

    def __init__(
        self,
        model: PooledClassifier,
        validation: LabelledSentences,
        training: TrainingConfig,
        context: FitContext,
        average: WeightAverage | None,
    ) -> None:
        self._model = model
        self._validation = validation
        self._training = training
        self._context = context
        self._average = average
        self._best = -1.0
        self._epochs_since_best = 0
        self._weights: dict[str, torch.Tensor] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._average is not None:
            self._average.update(self._model.network)
        self._context.progress(state.global_step, state.max_steps, f"epoch {state.epoch or 0:.1f}, best macro-F1 {max(self._best, 0):.3f}")

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        with self._average.applied(self._model.network) if self._average is not None else contextlib.nullcontext():
            logits = self._model.predict_logits(self._validation.inputs)
            targets = self._validation.targets
            loss = float(np.mean(np.logaddexp(0, logits) - targets * logits))
            f1 = [best_f1_threshold(targets[:, i], logits[:, i])[1] for i in range(targets.shape[1])]
            macro = float(np.mean(f1))
            by_label = {f"{name}/f1": value for name, value in zip(self._context.labels, f1, strict=False)}
            self._context.report({"loss": loss, "f1_macro": macro, **by_label}, state.global_step)
            if macro > self._best or self._training.early_stopping is None:
                self._weights = {name: tensor.detach().cpu().clone() for name, tensor in self._model.network.state_dict().items()}
        if macro > self._best:
            self._best = macro
            self._epochs_since_best = 0
            return
        self._epochs_since_best += 1
        patience = self._training.early_stopping
        if patience is not None and self._epochs_since_best >= patience:
            control.should_training_stop = True

    def restore_best(self, network: PooledNetwork) -> None:
        """The best weights with early stopping, else the last ones, averaged where an average was kept."""
        if self._weights:
            network.load_state_dict(self._weights)
