"""The network behind `frozen` and `encoder`: a transformer, pooled over the tokens of the sentence, and one linear output per label."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import safetensors.torch
import torch

from pactag.config import ContextConfig
from pactag.corpus.rows import LabelledSentences
from pactag.errors import ConfigError, ModelFolderError
from pactag.model_folder import ENCODER, TOKENIZER, TORCH_WEIGHTS, BaseModelInfo, Manifest, Tokens
from pactag.models.pretrained import Pretrained, read_weights, untrained_encoder
from pactag.models.tokens import SentenceTokenizer, batches
from pactag.sentences import SentenceInput


class PooledNetwork(torch.nn.Module):
    """Encoder, masked mean or one attention per label, dropout, linear."""

    def __init__(self, encoder: Any, labels: int, *, dropout: float = 0.0, pooling: str = "mean") -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(encoder.config.hidden_size, labels)
        # Queries of zero attend to all tokens alike: training starts from the mean.
        self.query = torch.nn.Parameter(torch.zeros(labels, encoder.config.hidden_size)) if pooling == "attention" else None

    def embed(self, ids: torch.Tensor, attention: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        """Sentence vectors, shape `(sentences, hidden)`: the mean of the token vectors where `pool` is 1."""
        return _mean(self._hidden(ids, attention), pool)

    def forward(self, ids: torch.Tensor, attention: torch.Tensor, pool: torch.Tensor, *, vectors: bool = False) -> Any:
        """Logits, shape `(sentences, labels)`; with `vectors`, what `embed` gives as well."""
        hidden = self._hidden(ids, attention)
        logits = self._logits(hidden, pool)
        return (logits, _mean(hidden, pool)) if vectors else logits

    def _logits(self, hidden: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        if self.query is None:
            logits: torch.Tensor = self.head(self.dropout(_mean(hidden, pool)))
            return logits
        seen = self.dropout(torch.einsum("slt,sth->slh", self._weights(hidden, pool), hidden))
        logits = (seen * self.head.weight).sum(-1) + self.head.bias
        return logits

    def attention(self, ids: torch.Tensor, attention: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        """How much each label looks at each token, shape `(sentences, labels, tokens)`; the weights of a sentence add up to 1."""
        return self._weights(self._hidden(ids, attention), pool)

    def _hidden(self, ids: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.encoder(input_ids=ids, attention_mask=attention).last_hidden_state
        return hidden

    def _weights(self, hidden: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        query = self.head.weight.new_zeros(self.head.weight.shape) if self.query is None else self.query
        match = torch.einsum("sth,lh->slt", hidden, query)
        return match.masked_fill(pool.unsqueeze(1) == 0, torch.finfo(match.dtype).min).softmax(-1)


def _mean(hidden: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
    mask = pool.unsqueeze(-1).to(hidden.dtype)
    pooled: torch.Tensor = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
    return pooled


class PooledClassifier:
    """What `frozen` and `encoder` share once they are trained: prediction, saving and loading."""

    def __init__(self, network: PooledNetwork, tokenizer: SentenceTokenizer, base_model: BaseModelInfo | None) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.base_model = base_model

    @property
    def tokens(self) -> Tokens:
        """How its inputs are tokenised."""
        return self.tokenizer.settings

    def predict_logits(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """See `SentenceClassifier.predict_logits`."""
        return self._run(inputs, self.network.forward, self.network.head.out_features)

    def embed(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """Sentence vectors, shape `(len(inputs), hidden)`, float32."""
        return self._run(inputs, self.network.embed, self.network.head.in_features)

    def predict_with_vectors(self, inputs: Sequence[SentenceInput]) -> tuple[np.ndarray, np.ndarray]:
        """What `predict_logits` and `embed` give, at the cost of one of them."""
        labels = self.network.head.out_features

        def both(*parts: torch.Tensor) -> torch.Tensor:
            return torch.cat(self.network.forward(*parts, vectors=True), dim=1)

        found = self._run(inputs, both, labels + self.network.head.in_features)
        return found[:, :labels], found[:, labels:]

    def with_vocabulary(self, texts: Iterable[str]) -> Self:
        """A copy that knows only the word pieces that texts use, special tokens and single characters.

        Sentences made of these pieces get the same logits.

        :raises ModelFolderError: for a tokenizer of which no vocabulary can be cut.
        """
        tokenizer, kept = self.tokenizer.cut_to(texts)
        network = copy.deepcopy(self.network)
        table = network.encoder.get_input_embeddings()
        smaller = torch.nn.Embedding(len(kept), table.embedding_dim)
        with torch.no_grad():
            smaller.weight.copy_(table.weight[kept])
        network.encoder.set_input_embeddings(smaller)
        network.encoder.config.vocab_size = len(kept)
        return type(self)(network, tokenizer, self.base_model)

    def fit_head(self, train: LabelledSentences, *, c: float, class_weight: str | None, seed: int) -> None:
        """Set the output layer to one logistic regression per label on the sentence vectors, the encoder as it is.

        :param c: inverse regularisation strength.
        """
        # Imported here: tagging with a trained model needs no scikit-learn.
        from pactag.models.linear import linear_head

        vectors = self.embed(train.inputs)
        # Regularisation treats all dimensions alike, so they are brought to one scale; the head takes the scale back.
        mean, scale = vectors.mean(0), vectors.std(0) + 1e-6
        weights, bias = linear_head((vectors - mean) / scale, train.targets, c=c, class_weight=class_weight, seed=seed)
        weights = weights / scale
        with torch.no_grad():
            self.network.head.weight.copy_(torch.from_numpy(weights))
            self.network.head.bias.copy_(torch.from_numpy(bias - weights @ mean))

    def _run(self, inputs: Sequence[SentenceInput], function: Any, width: int) -> np.ndarray:
        result = np.zeros((len(inputs), width), dtype=np.float32)
        device = self.network.head.weight.device
        training = self.network.training
        self.network.eval()
        with torch.inference_mode():
            for positions, batch in batches(self.tokenizer.encode(inputs), self.tokens.pad_id):
                parts = (torch.from_numpy(part).to(device) for part in (batch.ids, batch.attention, batch.pool))
                result[positions] = function(*parts).float().cpu().numpy()
        self.network.train(training)
        return result

    def save(self, folder: Path) -> None:
        """Write weights, the encoder's architecture and the tokenizer."""
        self.save_architecture(folder)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        safetensors.torch.save_file(state, folder / TORCH_WEIGHTS)
        self.tokenizer.save(folder / TOKENIZER)

    def save_architecture(self, folder: Path) -> None:
        """Write what an encoder without weights is made of."""
        architecture = self.network.encoder.config.to_dict()
        # Where it was read from is a folder of this machine.
        architecture.pop("_name_or_path", None)
        (folder / ENCODER).write_text(json.dumps(architecture, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> Self:
        """Read what `save` wrote.

        :raises ModelFolderError: for anything else.
        """
        if manifest.tokens is None:
            raise ModelFolderError(
                str(folder), f"says nothing of tokens, which the kind {manifest.kind!r} needs", "Restore the whole folder"
            )
        network = PooledNetwork(untrained_encoder(folder), len(manifest.labels), pooling=manifest.tokens.pooling)
        try:
            network.load_state_dict(read_weights(folder / TORCH_WEIGHTS))
        except RuntimeError as error:
            raise ModelFolderError(str(folder / TORCH_WEIGHTS), f"does not fit {ENCODER} ({error})", "Restore the whole folder") from None
        network.eval()
        return cls(network, SentenceTokenizer.from_file(folder / TOKENIZER, manifest.tokens), manifest.base_model)


def tokenizer_for(pretrained: Pretrained, *, max_tokens: int, context: ContextConfig, pooling: str) -> SentenceTokenizer:
    """The tokenizer of a new model.

    :raises ConfigError: when the encoder has fewer positions than `max_tokens`.
    """
    if max_tokens > pretrained.max_positions:
        raise ConfigError("model.max_tokens", f"is {max_tokens}", f"{pretrained.info.name} takes at most {pretrained.max_positions}")
    settings = Tokens(
        max_tokens=max_tokens,
        preceding=context.preceding,
        title=context.title,
        cls_id=pretrained.cls_id,
        sep_id=pretrained.sep_id,
        pad_id=pretrained.pad_id,
        pooling=pooling,
    )
    return SentenceTokenizer(pretrained.tokenizer, settings)
