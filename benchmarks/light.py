"""How light tagging is: installed size, peak memory, and the time from a cold start to the first tagged article.

    python benchmarks/light.py FOLDER_WITH_EXPORT [--torch MODEL_FOLDER] [--article FILE] [--repeat 5]

Builds a wheel of this checkout, makes a fresh environment with the core of pactag alone (needs a package index), and measures in it. With
--torch the same article is tagged through a transformers pipeline in this environment, turn by turn with the light one, for the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

TAG = """
import sys
from pactag import Tagger
article = Tagger.load(sys.argv[1]).tag(open(sys.argv[2], encoding="utf-8").read())
print(len(article.sentences), next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""

# The same sentences, the same weights: the classifier as transformers knows it, as its documentation shows it.
PIPELINE = """
import json, sys
from transformers import pipeline
classify = pipeline("text-classification", model=sys.argv[1], top_k=None, function_to_apply="sigmoid")
sentences = json.load(open(sys.argv[2], encoding="utf-8"))
print(len(classify(sentences)), next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder that `pactag export` wrote")
    parser.add_argument("--torch", type=Path, help="the model folder it was exported from, for the pipeline")
    parser.add_argument("--article", type=Path, default=REPOSITORY / "data/examples/stalled-talks.txt")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pactag-light-") as scratch:
        python = fresh_environment(Path(scratch))
        sizes = installed_sizes(Path(scratch) / "environment")
        result: dict[str, object] = {"installed_mb": round(sum(sizes.values()), 1), "by_package_mb": sizes}
        model, article = str(arguments.model.resolve()), str(arguments.article.resolve())
        light = [str(python), "-c", TAG, model, article]
        heavy = pipeline_command(arguments.torch, arguments.article, Path(scratch)) if arguments.torch else None
        # Once before, so that both find their files and their compiled modules where they will be.
        for command in filter(None, (light, heavy)):
            timed(command)
        rounds = [(timed(light), timed(heavy) if heavy else None) for _ in range(arguments.repeat)]
        seconds, memory = zip(*(one for one, _ in rounds), strict=True)
        result |= {
            "cold_start_s": round(statistics.median(seconds), 3),
            "fastest_s": round(min(seconds), 3),
            "peak_mb": round(max(memory), 1),
        }
        if heavy:
            others, other_memory = zip(*(other for _, other in rounds if other), strict=True)
            ratios = [b / a for a, b in zip(seconds, others, strict=True)]
            result |= {"pipeline_s": round(statistics.median(others), 3), "pipeline_peak_mb": round(max(other_memory), 1)}
            result |= {"times_quicker": round(statistics.median(ratios), 1), "load_average": os.getloadavg()[0]}
    print(json.dumps(result, indent=2))


def environment() -> dict[str, str]:
    """The environment of a user: nothing of this checkout on the path, compiled modules kept."""
    dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"HF_HUB_OFFLINE": "1"}


def fresh_environment(scratch: Path) -> Path:
    """An environment with the core of pactag alone, installed from a wheel. Returns its Python."""
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)]
    subprocess.run(wheel, cwd=REPOSITORY, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(scratch / "environment")], check=True)
    python = scratch / "environment/bin/python"
    install = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    subprocess.run([*install, str(next(scratch.glob("*.whl")))], check=True, env=environment())
    return python


def installed_sizes(folder: Path) -> dict[str, float]:
    """MB of each package of an environment, compiled modules included, largest first; what is below 1 MB together."""
    site = next(folder.glob("lib/python*/site-packages"))
    owner = {}
    for info in site.glob("*.dist-info"):
        name = re.split(r"-\d", info.name)[0]
        for line in (info / "RECORD").read_text(encoding="utf-8").splitlines():
            owner[line.rsplit(",", 2)[0].strip('"').split("/")[0]] = name
    sizes: dict[str, float] = {}
    for path in site.rglob("*"):
        if path.is_file() and not path.is_symlink():
            top = path.relative_to(site).parts[0]
            name = owner.get(top, top)
            sizes[name] = sizes.get(name, 0.0) + path.stat().st_size / 1e6
    large = {name: round(size, 1) for name, size in sorted(sizes.items(), key=lambda item: -item[1]) if size >= 1}
    return large | {"others": round(sum(size for size in sizes.values() if size < 1), 1)}


def pipeline_command(model: Path, article: Path, scratch: Path) -> list[str]:
    """The command that classifies the sentences of an article through a transformers pipeline, with the encoder of a model folder."""
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    from pactag.articles import normalise
    from pactag.sentences import segment
    from pipeline_model import save_for_pipeline

    text = normalise(article.read_text(encoding="utf-8"))
    (scratch / "sentences.json").write_text(json.dumps([text[start:end] for start, end in segment(text)]), encoding="utf-8")
    save_for_pipeline(model, scratch / "pipeline")
    return [sys.executable, "-c", PIPELINE, str(scratch / "pipeline"), str(scratch / "sentences.json")]


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds from the start of a process to its end, and its largest memory in MB as it tells it."""
    import time

    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


if __name__ == "__main__":
    main()
