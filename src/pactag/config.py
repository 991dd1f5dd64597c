"""Run configs: one YAML file says everything that a training job does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pactag.errors import ConfigError, Problem
from pactag.passwords import hidden
from pactag.yaml_files import FieldPath, YamlContent, dotted, read_yaml, validation_problems

# Groups of figures, tables and pictures that every run has.
_GROUPS = ("train", "training", "validation", "test", "dev", "best_dev", "speed", "system", "data")
# The largest that NumPy takes.
_LARGEST_SEED = 2**32 - 1
_GROUP_NAME = re.compile(r"[A-Za-z0-9_-]+")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, data: Any) -> Any:
        """Python would take it for 1. What no field takes is told by each of them at its place."""
        if not isinstance(data, dict):
            return data
        switches = {name for name, field in cls.model_fields.items() if field.annotation is bool}
        return {name: value if name in switches else _not_a_number(value) for name, value in data.items()}


class _Switch:
    """Stands for true or false where a config has no switch."""

    def __init__(self, value: bool) -> None:
        self._value = value

    def __repr__(self) -> str:
        return str(self._value).lower()


def _not_a_number(value: Any) -> Any:
    if isinstance(value, bool):
        return _Switch(value)
    return [_Switch(part) if isinstance(part, bool) else part for part in value] if isinstance(value, list | tuple) else value


class DataConfig(_Part):
    """Which sentences to learn from."""

    corpus: Path = Field(Path("data/corpus"), description="folder with train.jsonl, validation.jsonl and test.jsonl")
    schema_file: Path = Field(Path("data/schema.yaml"), description="labelling schema (YAML)")
    also_measure: dict[str, Path] = Field(
        default_factory=dict, description="further labelled JSONL files to measure on, by name; never learnt from, never tuned on"
    )
    train_share: float = Field(1.0, gt=0, le=1, description="share of the training articles to use, chosen by `seed` (learning curves)")

    @model_validator(mode="after")
    def _names_that_stand_for_nothing_else(self) -> DataConfig:
        for name in self.also_measure:
            if name in _GROUPS or not _GROUP_NAME.fullmatch(name):
                raise ValueError(f"also_measure needs names of letters, digits, _ and -, other than {', '.join(_GROUPS)}; found {name!r}")
        return self


class ContextConfig(_Part):
    """What a classifier sees besides the sentence itself."""

    preceding: int = Field(0, ge=0, le=8, description="number of sentences before it, of the same article")
    title: bool = Field(False, description="whether it sees the title of the article")


class TfidfModel(_Part):
    """Bags of words and character n-grams with one logistic regression per label."""

    kind: Literal["tfidf"] = "tfidf"
    word_ngrams: tuple[int, int] = Field((1, 3), description="shortest and longest word n-gram")
    char_ngrams: tuple[int, int] = Field((2, 5), description="shortest and longest character n-gram, within words")
    min_count: int = Field(2, ge=1, description="an n-gram counts when at least so many training sentences have it")
    c: float = Field(4.0, gt=0, description="inverse regularisation strength")
    class_weight: Literal["balanced"] | None = Field(None, description="`balanced` weighs rare labels up")

    @model_validator(mode="after")
    def _ordered(self) -> TfidfModel:
        for name in ("word_ngrams", "char_ngrams"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(f"{name} must be [shortest, longest] with 1 <= shortest <= longest, found [{low}, {high}]")
        return self


class _PooledModel(_Part):
    base: str = Field(
        "minilm",
        description="`minilm` (bundled), a hub model, a folder; to go on from a model, its folder, `built-in` or `built-in-small`",
    )
    revision: str | None = Field(None, description="commit or tag of a hub model")
    max_tokens: int = Field(128, ge=8, le=8192, description="longest input in tokens, context and special tokens included")
    context: ContextConfig = ContextConfig()


class FrozenModel(_PooledModel):
    """A fixed encoder, mean-pooled, with one logistic regression per label."""

    kind: Literal["frozen"] = "frozen"
    c: float = Field(1.0, gt=0, description="inverse regularisation strength")
    class_weight: Literal["balanced"] | None = Field(None, description="`balanced` weighs rare labels up")


class EncoderModel(_PooledModel):
    """A transformer fine-tuned end to end: pooled over the tokens of the sentence, one linear output per label."""

    kind: Literal["encoder"] = "encoder"
    pooling: Literal["mean", "first", "attention"] = Field(
        "mean",
        description="`mean` over the sentence's tokens, the `first` token of the input, or an `attention` over the tokens for each label",
    )
    layers: int | tuple[int, ...] | None = Field(
        None, description="layers of the base to keep: a number, spread evenly, or a list of places counted from 0; null: all"
    )
    feed_forward: int | None = Field(
        None, ge=1, description="neurons to keep in the feed-forward part of each layer, those that vary most; null: all"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout before the output layer")
    freeze_embeddings: bool = Field(True, description="keep the token embeddings as they are: lighter, and they do not overfit")

    @model_validator(mode="after")
    def _some_layers(self) -> EncoderModel:
        kept = self.layers
        if kept is not None and (kept < 1 if isinstance(kept, int) else not kept or min(kept) < 0):
            raise ValueError(f"layers must be 1 or more, or a list of places from 0, found {kept if isinstance(kept, int) else list(kept)}")
        return self


class SoupModel(_Part):
    """The mean of the weights of several trained encoders, such as the seeds of a recipe: one network that tags at the cost of one."""

    kind: Literal["soup"] = "soup"
    models: tuple[Path, ...] = Field(min_length=2, description="folders of trained models of the kind `encoder`, all of one build")
    context: ContextConfig = Field(ContextConfig(), description="the one that they were trained with")


class TrainingConfig(_Part):
    """How an `encoder` is fine-tuned."""

    epochs: float = Field(5, gt=0, le=100, description="passes over the training split")
    batch_size: int = Field(32, ge=1, description="sentences per step, over all processes and parts")
    gradient_accumulation: int = Field(
        1, ge=1, description="parts in which a step takes its sentences, one after the other: less memory for the same step"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="`auto` is a GPU where there is one, else the processor")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="what training computes in; the weights that are kept are fp32 always. fp16 needs a GPU"
    )
    learning_rate: float = Field(3e-4, gt=0, lt=1, description="peak rate of the encoder")
    head_learning_rate: float = Field(3e-3, gt=0, lt=1, description="peak rate of the output layer; about ten times the encoder's")
    layer_decay: float = Field(1.0, gt=0, le=1, description="factor on the rate from each layer to the one below it")
    warmup_share: float = Field(0.1, ge=0, lt=1, description="share of the steps over which the rate rises from 0")
    schedule: Literal["linear", "cosine", "constant"] = Field("linear", description="how the rate falls after the warm-up")
    weight_decay: float = Field(0.01, ge=0, description="decoupled weight decay (AdamW)")
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are clipped to this norm")
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="targets 0 and 1 become s and 1 - s")
    positive_weight: float = Field(1.0, gt=0, description="weight of the positive term of the loss, the same for all labels")
    focal_gamma: float = Field(0.0, ge=0, le=10, description="focal loss: focus on what is still wrong; 0 is plain cross-entropy")
    negative_gamma: float = Field(0.0, ge=0, le=10, description="asymmetric loss: the same for negatives alone")
    r_drop: float = Field(0.0, ge=0, description="weight of the disagreement of two draws of dropout (R-Drop); a step costs twice as much")
    token_dropout: float = Field(0.0, ge=0, lt=1, description="share of the tokens that training hides behind the mask token")
    weight_average: float | None = Field(
        None, gt=0, lt=1, description="decay of a running average of the weights, which is then measured and kept; null: the last weights"
    )
    teachers: tuple[Path, ...] = Field(
        (),
        description="whose mean scores are learnt from as well (distillation): folders of trained models, `built-in` or `built-in-small`, "
        "and files of scores that `pactag evaluate --predictions` wrote",
    )
    teacher_weight: float = Field(0.5, ge=0, le=1, description="share of the teachers in the loss; the rest is the labels'")
    teacher_vectors: float = Field(
        0.0, ge=0, description="weight of following the sentence vectors of the teacher as well: one teacher, as wide as the encoder"
    )
    early_stopping: int | None = Field(
        2,
        ge=1,
        description="stop after so many epochs without a better validation macro-F1, and keep the weights of the best one; null: train to "
        "the end, and keep the last weights",
    )
    checkpoint_steps: int | None = Field(
        None, ge=1, description="save the state after so many steps as well, not after each epoch alone: for epochs that take long"
    )

    @model_validator(mode="after")
    def _taught(self) -> TrainingConfig:
        if self.teacher_vectors and not self.teachers:
            raise ValueError("`teacher_vectors` needs a teacher: name one in `teachers`")
        return self


class OperatingPoint(_Part):
    """How the threshold of each label is chosen, on the validation split."""

    objective: Literal["f1", "precision", "fixed"] = Field("f1", description="maximise F1, reach `precision`, or use `threshold` as it is")
    precision: float | None = Field(None, gt=0, lt=1, description="lowest precision wanted, with `objective: precision`")
    threshold: float | None = Field(None, gt=0, lt=1, description="score from which a label is given, with `objective: fixed`")
    uncertain_error: float | None = Field(
        0.3,
        gt=0,
        lt=1,
        description="a label is marked uncertain in the widest band around its threshold in which this share is wrong; null: never",
    )

    @model_validator(mode="after")
    def _complete(self) -> OperatingPoint:
        if self.objective == "precision" and self.precision is None:
            raise ValueError("objective 'precision' needs `precision`, for example 0.9")
        if self.objective == "fixed" and self.threshold is None:
            raise ValueError("objective 'fixed' needs `threshold`, for example 0.5")
        if self.objective != "precision" and self.precision is not None:
            raise ValueError("`precision` is used with objective 'precision' only")
        if self.objective != "fixed" and self.threshold is not None:
            raise ValueError("`threshold` is used with objective 'fixed' only")
        return self


class TrackingConfig(_Part):
    """Where the run is recorded."""

    uri: str | None = Field(
        None, description="MLflow store; null: MLFLOW_TRACKING_URI when it is set, else sqlite:///experiments/mlflow.db"
    )
    experiment: str = Field("pactag", min_length=1, description="MLflow experiment")
    pictures: bool = Field(True, description="draw confusion, precision and recall, reliability, learning curve and lengths: seconds a run")


class RunConfig(_Part):
    """A whole training job."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the run and of its folder")
    seed: int = Field(1, ge=0, le=_LARGEST_SEED, description="seed of everything random")
    seeds: tuple[int, ...] | None = Field(
        None, min_length=2, description="instead of `seed`, one run for each of these, under a parent that has mean, spread and interval"
    )
    data: DataConfig = DataConfig()
    model: Annotated[TfidfModel | FrozenModel | EncoderModel | SoupModel, Field(discriminator="kind")] = Field(description="the classifier")
    training: TrainingConfig | None = Field(None, description="fine-tuning; for the kind `encoder` only")
    operating_point: OperatingPoint = OperatingPoint()
    tracking: TrackingConfig = TrackingConfig()
    save: bool = Field(True, description="save the model and log it; false for runs that are only measured, as in studies")
    output: Path = Field(Path("experiments/runs"), description="folder that receives one folder per run")

    @model_validator(mode="before")
    @classmethod
    def _training_where_it_applies(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
            return data
        kind = data["model"].get("kind")
        if kind == "encoder" and data.get("training") is None:
            return {**data, "training": {}}
        return data

    @model_validator(mode="after")
    def _no_idle_settings(self) -> RunConfig:
        if self.seeds is not None and len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must differ from each other, found {list(self.seeds)}")
        if self.seeds is not None and min(self.seeds) < 0:
            raise ValueError(f"seeds must be 0 or greater, found {list(self.seeds)}")
        if self.seeds is not None and max(self.seeds) > _LARGEST_SEED:
            raise ValueError(f"seeds must be {_LARGEST_SEED} or less, found {list(self.seeds)}")
        if self.training is not None and self.model.kind != "encoder":
            raise ValueError(f"`training` is used by the kind 'encoder' only; drop it, or change model.kind ({self.model.kind!r})")
        if self.data.train_share < 1 and not self.learns:
            raise ValueError("`data.train_share` is for kinds that learn from sentences; a soup is made of models: drop it")
        return self

    @property
    def learns(self) -> bool:
        """Whether its model learns from the training split: a soup is made of models that have learnt."""
        return self.model.kind != "soup"

    @property
    def context(self) -> ContextConfig:
        """The context the model sees; models without one see the sentence alone."""
        return getattr(self.model, "context", ContextConfig())

    def to_yaml(self) -> str:
        """The resolved config, every default written out; reads back as the same config, but that the password of a store is hidden."""
        return hidden(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))

    def flat(self) -> dict[str, str]:
        """Dotted names and values as text, for tables that compare runs. Empty settings are left out."""
        idle = {"seed"} if self.seeds else set()
        return {name: hidden(str(value)) for name, value in _flatten(self.model_dump(mode="json", exclude=idle), ()) if value is not None}


def _flatten(value: Any, at: FieldPath) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flatten(inner, (*at, key))]
    return [(dotted(at), value)]


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a config file and apply overrides such as `training.learning_rate=3e-5`.

    :raises ConfigError: with every problem of the file and of the overrides.
    """
    return with_overrides(read_yaml(Path(path), ConfigError), overrides)


def with_overrides(content: YamlContent, overrides: Sequence[str]) -> RunConfig:
    """The config of a file that is read already, with overrides as of `load_config`.

    :raises ConfigError: with every problem of the file and of the overrides.
    """
    problems: list[Problem] = []
    data = content.data
    lines = dict(content.lines)
    for override in overrides:
        name, equals, text = override.partition("=")
        field = tuple(name.strip().split("."))
        if not equals or not name.strip():
            problems.append(Problem(f"--set {override}", "is not of the form name=value", "For example: --set training.epochs=3"))
            continue
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError, KeyError, AttributeError, TypeError):
            # The last three come from tags such as `!!bool` with a value that is none.
            problems.append(Problem(f"--set {override}", f"{text!r} is not a YAML value", "Quote it"))
            continue
        data = _with_value(data, field, value)
        # What --set puts in stands on no line of the file.
        lines = {at: line for at, line in lines.items() if at[: len(field)] != field}
        lines[field] = 0
    if problems:
        raise ConfigError.of(problems)
    return parse_config(YamlContent(content.path, data, lines))


def parse_config(content: YamlContent) -> RunConfig:
    """Validate parsed YAML.

    :raises ConfigError: with every problem.
    """
    try:
        return RunConfig.model_validate(content.data)
    except ValidationError as error:
        raise ConfigError.of(validation_problems(error, content, RunConfig)) from None


def _with_value(data: dict[str, Any], field: FieldPath, value: Any) -> dict[str, Any]:
    head, *rest = map(str, field)
    if not rest:
        return {**data, head: value}
    inner = data.get(head)
    return {**data, head: _with_value(inner if isinstance(inner, dict) else {}, tuple(rest), value)}


def config_json_schema() -> str:
    """JSON Schema of a run config, for editors that complete and check YAML."""
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **RunConfig.model_json_schema()}, indent=2)
