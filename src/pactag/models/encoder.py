"""`encoder`: a transformer fine-tuned end to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self, cast

import transformers

from pactag.config import EncoderModel, RunConfig, TrainingConfig
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError
from pactag.models.base import FitContext
from pactag.models.finetuning import fine_tune
from pactag.models.pooled import PooledClassifier, PooledNetwork, tokenizer_for
from pactag.models.pretrained import Pretrained, load_pretrained
from pactag.models.shrinking import keep_layers, keep_neurons
from pactag.models.teachers import Lesson, lesson_of
from pactag.models.tokens import Batch, SentenceTokenizer, batches

# Neurons are chosen by how they vary over so many sentences.
_SENTENCES_TO_CHOOSE_BY = 500


class EncoderClassifier(PooledClassifier):
    """See the module."""

    kind: ClassVar[str] = "encoder"

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        """See `SentenceClassifier.fit`."""
        settings, training = cast(EncoderModel, config.model), cast(TrainingConfig, config.training)
        lesson = None
        if training.teachers:
            lesson = lesson_of(
                training.teachers,
                train,
                labels=labels,
                context=settings.context,
                vectors=training.teacher_vectors > 0,
                progress=context.progress,
            )
        transformers.set_seed(config.seed)
        pretrained = load_pretrained(settings.base, settings.revision)
        if training.token_dropout and pretrained.mask_id is None:
            found = f"hides tokens, and {settings.base} has no token such as [MASK] to put in their place"
            raise ConfigError("training.token_dropout", found, "Set it to 0, or take another base")
        keep_layers(pretrained.encoder, settings.layers)
        _same_width(lesson, pretrained.encoder.config.hidden_size)
        tokenizer = tokenizer_for(pretrained, max_tokens=settings.max_tokens, context=settings.context, pooling=settings.pooling)
        network = PooledNetwork(pretrained.encoder, len(labels), dropout=settings.dropout, pooling=settings.pooling)
        _go_on_from(network, pretrained, labels)
        model = cls(network, tokenizer, pretrained.info)
        keep_neurons(pretrained.encoder, settings.feed_forward, _some(train, tokenizer))
        if settings.freeze_embeddings:
            for parameter in model.network.encoder.get_input_embeddings().parameters():
                parameter.requires_grad = False
        fine_tune(
            model,
            train,
            validation,
            training=training,
            seed=config.seed,
            context=context,
            lesson=lesson,
            mask_id=pretrained.mask_id,
        )
        return model


def _go_on_from(network: PooledNetwork, pretrained: Pretrained, labels: Sequence[str]) -> None:
    """Where the base is a trained model for the same labels, training starts from its output layer as well."""
    own = {name: value.shape for name, value in network.state_dict().items() if name in pretrained.head}
    if pretrained.labels == tuple(labels) and own == {name: value.shape for name, value in pretrained.head.items()}:
        network.load_state_dict(pretrained.head, strict=False)


def _same_width(lesson: Lesson | None, width: int) -> None:
    """Vectors can be followed by an encoder of the same width only."""
    if lesson is not None and lesson.vectors is not None and lesson.vectors.shape[1] != width:
        found = f"follows vectors of {lesson.vectors.shape[1]} numbers, the encoder has {width}"
        raise ConfigError("training.teacher_vectors", found, "Set it to 0, or choose a teacher of the same width")


def _some(train: LabelledSentences, tokenizer: SentenceTokenizer) -> Iterator[Batch]:
    """Unpadded batches of sentences from all over the training split, tokenised only when they are asked for."""
    step = max(1, len(train) // _SENTENCES_TO_CHOOSE_BY)
    encoded = tokenizer.encode(train.inputs[::step])
    for _, batch in batches(encoded, tokenizer.settings.pad_id, same_length=True):
        yield batch
