"""The encoder of a model folder as a classifier of transformers, so that its `pipeline` can be measured on the same network.

BertForSequenceClassification pools the first token through one dense layer more, where pactag takes the mean: its scores differ, its cost
is the same but for that one product of a vector.
"""

from __future__ import annotations

from pathlib import Path

import torch
import transformers

from pactag.model_folder import TOKENIZER, read_manifest
from pactag.models import classifier


def save_for_pipeline(model: Path, folder: Path) -> None:
    """Write a folder that `transformers.pipeline("text-classification", model=folder)` takes."""
    manifest = read_manifest(model)
    trained = classifier(manifest.kind).load(model, manifest)
    network = trained.network
    config = network.encoder.config
    config.num_labels = len(manifest.labels)
    config.problem_type = "multi_label_classification"
    whole = transformers.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        whole.base_model.load_state_dict(network.encoder.state_dict(), strict=False)
        whole.classifier.weight.copy_(network.head.weight)
        whole.classifier.bias.copy_(network.head.bias)
    whole.save_pretrained(folder)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(model / TOKENIZER),
        model_max_length=trained.tokens.max_tokens,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )
    tokenizer.save_pretrained(folder)
