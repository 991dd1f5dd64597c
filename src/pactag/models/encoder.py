"""`encoder`: a transformer fine-tuned end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self, cast

import numpy as np
import transformers

from pactag.config import EncoderModel, RunConfig, TrainingConfig
from pactag.corpus.rows import LabelledSentences
from pactag.models.base import FitContext
from pactag.models.finetuning import fine_tune
from pactag.models.pooled import PooledClassifier, PooledNetwork, tokenizer_for
from pactag.models.pretrained import Pretrained, keep_layers, load_pretrained
from pactag.models.teachers import teacher_scores


class EncoderClassifier(PooledClassifier):
    """See the module."""

    kind: ClassVar[str] = "encoder"

    @classmethod
    def fit(
        cls, train: LabelledSentences, validation: LabelledSentences, *, config: RunConfig, labels: Sequence[str], context: FitContext
    ) -> Self:
        """See `SentenceClassifier.fit`."""
        settings, training = cast(EncoderModel, config.model), cast(TrainingConfig, config.training)
        teacher: np.ndarray | None = None
        if training.teachers:
            teacher = teacher_scores(training.teachers, train.inputs, labels=labels, progress=context.progress)
        transformers.set_seed(config.seed)
        pretrained = load_pretrained(settings.base, settings.revision)
        keep_layers(pretrained.encoder, settings.layers)
        tokenizer = tokenizer_for(pretrained, max_tokens=settings.max_tokens, context=settings.context, pooling=settings.pooling)
        network = PooledNetwork(pretrained.encoder, len(labels), dropout=settings.dropout, pooling=settings.pooling)
        _go_on_from(network, pretrained, labels)
        model = cls(network, tokenizer, pretrained.info)
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
            teacher=teacher,
            mask_id=pretrained.mask_id,
        )
        return model


def _go_on_from(network: PooledNetwork, pretrained: Pretrained, labels: Sequence[str]) -> None:
    """Where the base is a trained model for the same labels, training starts from its output layer as well."""
    own = {name: value.shape for name, value in network.state_dict().items() if name in pretrained.head}
    if pretrained.labels == tuple(labels) and own == {name: value.shape for name, value in pretrained.head.items()}:
        network.load_state_dict(pretrained.head, strict=False)
