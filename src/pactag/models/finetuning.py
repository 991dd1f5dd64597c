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
from pactag.errors import ConfigError, DivergedError
from pactag.metrics import best_f1_threshold
from pactag.models import checkpoints
from pactag.models.averaging import WeightAverage
from pactag.models.base import FitContext
from pactag.models.batching import Collator, LengthGroupedBatches, training_dataset
from pactag.models.devices import device_for, meet, share_of_batch, told_by_main
from pactag.models.losses import disagreement, distillation_loss, label_loss, vector_loss
from pactag.models.pooled import PooledClassifier, PooledNetwork
from pactag.models.quiet import quiet
from pactag.models.teachers import Lesson
from pactag.processes import is_main, process_count, process_index

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def fine_tune(
    model: PooledClassifier,
    train: LabelledSentences,
    validation: LabelledSentences,
    *,
    training: TrainingConfig,
    seed: int,
    context: FitContext,
    lesson: Lesson | None = None,
    mask_id: int | None = None,
) -> None:
    """Train a network where it stands; it ends on the CPU, in evaluation mode, with the weights that did best on
    `validation`, or without `training.early_stopping` with the last ones.

    With `context.checkpoints` it is saved there at the end of each epoch, with `training.checkpoint_steps` within it as well, and goes on
    from what is there. Several processes share out each step; the main one measures.

    :param lesson: what the teachers say of `train`, learnt from with the share `training.teacher_weight`.
    :param mask_id: token that stands for a dropped one, with `training.token_dropout`.
    :raises ConfigError: when `training.device`, `training.precision` or `training.batch_size` do not fit the machine.
    :raises DivergedError: when the network gives no numbers any more.
    """
    device = device_for(training)
    share = share_of_batch(training)
    meet(device)
    with tempfile.TemporaryDirectory(prefix="pactag-") as scratch, quiet():
        arguments = transformers.TrainingArguments(
            output_dir=scratch,
            num_train_epochs=training.epochs,
            per_device_train_batch_size=share,
            gradient_accumulation_steps=training.gradient_accumulation,
            use_cpu=device.type == "cpu",
            ddp_backend="gloo" if device.type == "cpu" and process_count() > 1 else None,
            bf16=training.precision == "bf16",
            fp16=training.precision == "fp16",
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
        # Left to itself, one process takes all GPUs of the machine, each with a batch of its own.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        # Else `accelerate launch` would put in what its own settings say.
        arguments.mixed_precision = "no" if training.precision == "fp32" else training.precision
        average = WeightAverage(model.network, decay=training.weight_average) if training.weight_average else None
        checkpoint = _checkpoint(context)
        learnt = training_dataset(train, model.tokenizer, lesson)
        # Whole steps: processes and parts take pieces of them.
        order = LengthGroupedBatches([len(ids) for ids in learnt["ids"]], batch_size=training.batch_size, seed=seed)
        progress = _Progress(model, validation, training, context, average, seed, checkpoint, order)
        trainer = _Trainer(
            model=model.network,
            args=arguments,
            train_dataset=learnt,
            order=order,
            data_collator=Collator(model.tokens.pad_id),
            callbacks=[progress],
            training=training,
            mask_id=mask_id,
            keep=(model.tokens.cls_id, model.tokens.sep_id, model.tokens.pad_id),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        if checkpoint is None or not checkpoint.progress.finished:
            trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint is not None else None)
            # In 16 bits the network was given another `forward`, which belongs to training alone.
            trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False)
    progress.restore_best(model.network)
    model.network.cpu().eval()


def _checkpoint(context: FitContext) -> checkpoints.Checkpoint | None:
    """What to go on from, the same for all processes.

    :raises ConfigError: when a process does not see what the main one sees.
    """
    path = checkpoints.newest(context.checkpoints) if context.checkpoints is not None else None
    found = checkpoints.Checkpoint(path) if path is not None else None
    step = found.step if found is not None else 0
    wanted = told_by_main(step)
    if wanted != step:
        fix = "Keep `output` on a disk that all machines share"
        raise ConfigError("output", f"process {process_index()} finds step {step} there, the main one step {wanted}", fix)
    return found


class _Trainer(transformers.Trainer):
    """The Trainer with the loss and the learning rates of this task."""

    def __init__(
        self, *, training: TrainingConfig, order: LengthGroupedBatches, mask_id: int | None, keep: tuple[int, ...], **options: Any
    ) -> None:
        super().__init__(**options)
        self._order = order
        self._training = training
        self._mask_id = mask_id
        self._keep = keep
        self._sentences_of_step = 0

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int]:
        return self._order

    def get_batch_samples(self, *args: Any) -> Any:
        parts, items = super().get_batch_samples(*args)
        self._sentences_of_step = sum(len(part["targets"]) for part in parts)
        return parts, items

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
        training = self._training
        ids, attention, pool, targets = (inputs[name] for name in ("ids", "attention", "pool", "targets"))
        if training.token_dropout and self._mask_id is not None:
            ids = drop_tokens(ids, share=training.token_dropout, mask_id=self._mask_id, keep=self._keep)
        # R-Drop looks at every sentence twice, in one batch, through two draws of dropout.
        copies = 2 if training.r_drop else 1
        logits, vectors = model(*(part.repeat(copies, 1) for part in (ids, attention, pool)), vectors=True)
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
        if "vectors" in inputs:
            loss = loss + training.teacher_vectors * vector_loss(vectors, inputs["vectors"].repeat(copies, 1))
        if training.r_drop:
            loss = loss + training.r_drop * disagreement(*logits.chunk(2))
        # The Trainer takes the mean of the parts of a step. Those of the last one of an epoch differ in size: each counts by its sentences.
        loss = loss * (len(targets) * self.current_gradient_accumulation_steps / self._sentences_of_step)
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
        seed: int,
        checkpoint: checkpoints.Checkpoint | None,
        order: LengthGroupedBatches,
    ) -> None:
        self._order = order
        self._model = model
        self._validation = validation
        self._training = training
        self._context = context
        self._average = average
        self._seed = seed
        self._checkpoint = checkpoint
        self._so_far = checkpoint.progress if checkpoint is not None else checkpoints.Progress()
        self._weights: dict[str, torch.Tensor] = dict(checkpoint.best) if checkpoint is not None else {}
        if is_main():
            # Whoever listens may have missed the last of them.
            for figures, step in self._so_far.reports:
                context.report(figures, step)

    def on_train_begin(self, args: Any, state: Any, control: Any, *, optimizer: Any, lr_scheduler: Any, **_: Any) -> None:
        if self._checkpoint is not None:
            self._checkpoint.restore_optimizer(optimizer, lr_scheduler)
            if self._average is not None:
                self._checkpoint.restore_average(self._average)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # With several processes nobody else reaches it where training goes on within an epoch.
        self._order.set_epoch(int(state.epoch or 0))
        self._draw_as_from_here(state)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # Only now: within an epoch the batches that are passed over have drawn as well.
        if self._within_epoch(state):
            self._draw_as_from_here(state)

    def on_step_end(self, args: Any, state: Any, control: Any, *, optimizer: Any = None, lr_scheduler: Any = None, **_: Any) -> None:
        if self._average is not None:
            self._average.update(self._model.network)
        if is_main():
            best = max(self._so_far.best, 0)
            self._context.progress(state.global_step, state.max_steps, f"epoch {state.epoch or 0:.1f}, best macro-F1 {best:.3f}")
            if self._within_epoch(state):
                self._save(state, optimizer, lr_scheduler)

    def _within_epoch(self, state: Any) -> bool:
        """Whether the state is saved after these steps, though the epoch has not ended: with the last step it has, wherever that is."""
        steps = self._training.checkpoint_steps
        if steps is None or state.global_step >= state.max_steps:
            return False
        return state.global_step % steps == 0 and not float(state.epoch or 0).is_integer()

    def _draw_as_from_here(self, state: Any) -> None:
        """Dropout draws from this step on what it draws when training is not cut off."""
        if not is_main():
            # Of its own in each process.
            torch.manual_seed((self._seed * 10_007 + state.global_step) * 10_007 + process_index())
        elif self._checkpoint is not None and state.global_step == self._checkpoint.step:
            self._checkpoint.restore_random()

    def _save(self, state: Any, optimizer: Any, lr_scheduler: Any) -> None:
        if self._context.checkpoints is not None:
            checkpoints.save(
                self._context.checkpoints,
                self._so_far,
                network=self._model.network,
                optimizer=optimizer,
                scheduler=lr_scheduler,
                trainer=state,
                best=self._weights,
                average=self._average,
            )
            self._context.saved()

    def on_epoch_end(self, args: Any, state: Any, control: Any, *, optimizer: Any, lr_scheduler: Any, **_: Any) -> None:
        if is_main():
            self._measure(state.global_step)
            patience = self._training.early_stopping
            stop = patience is not None and self._so_far.epochs_since_best >= patience
            self._so_far.finished = stop or state.global_step >= state.max_steps
            self._save(state, optimizer, lr_scheduler)
            # Told once it is saved: what was told is never measured again.
            self._context.report(*self._so_far.reports[-1])
        if told_by_main(int(self._so_far.finished)):
            control.should_training_stop = True

    def _measure(self, step: int) -> None:
        with self._average.applied(self._model.network) if self._average is not None else contextlib.nullcontext():
            logits = self._model.predict_logits(self._validation.inputs)
            if not np.isfinite(logits).all():
                fix = "Lower training.learning_rate, or raise training.warmup_share"
                raise DivergedError("training", f"diverged at step {step} or before", fix)
            targets = self._validation.targets
            loss = float(np.mean(np.logaddexp(0, logits) - targets * logits))
            f1 = [best_f1_threshold(targets[:, i], logits[:, i])[1] for i in range(targets.shape[1])]
            macro = float(np.mean(f1))
            by_label = {f"{name}/f1": float(value) for name, value in zip(self._context.labels, f1, strict=False)}
            self._so_far.reports.append(({"loss": loss, "f1_macro": macro, **by_label}, step))
            if macro > self._so_far.best or self._training.early_stopping is None:
                self._weights = {name: tensor.detach().cpu().clone() for name, tensor in self._model.network.state_dict().items()}
        if macro > self._so_far.best:
            self._so_far.best = macro
            self._so_far.epochs_since_best = 0
        else:
            self._so_far.epochs_since_best += 1

    def restore_best(self, network: PooledNetwork) -> None:
        """The best weights with early stopping, else the last ones, averaged where an average was kept."""
        if self._weights:
            network.load_state_dict(self._weights)
