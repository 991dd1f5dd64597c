"""Runs the study with a network that pools a learnt mixture of all layers in place of the last one.

    python experiments/layer-mixing/run.py --measure real=real-news.jsonl --measure second=second-real.jsonl

The mixture lives here and not in pactag: see the finding.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

import pactag.models.encoder
from pactag.models.pooled import PooledNetwork
from pactag.studies import run_study


class MixedNetwork(PooledNetwork):
    """Token vectors are a weighted mean over the layers, the embeddings among them. The weights are learnt (Peters et al., ELMo, 2018)."""

    def __init__(self, encoder: Any, labels: int, **options: Any) -> None:
        super().__init__(encoder, labels, **options)
        # Equal weights to begin with.
        self.mixture = torch.nn.Parameter(torch.zeros(encoder.config.num_hidden_layers + 1))

    def _hidden(self, ids: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        layers = self.encoder(input_ids=ids, attention_mask=attention, output_hidden_states=True).hidden_states
        return torch.einsum("l,lsth->sth", self.mixture.softmax(0), torch.stack(layers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="append", default=[], metavar="NAME=FILE")
    measured = {name: Path(path) for name, path in (text.split("=", 1) for text in parser.parse_args().measure)}
    pactag.models.encoder.PooledNetwork = MixedNetwork
    run_study(Path(__file__).with_name("study.yaml"), also_measure=measured, progress=lambda name, *_: print(name, *_, flush=True))


if __name__ == "__main__":
    main()
