"""What the studies of distillation, self-training and a contrastive first stage learn from, and whom they learn from.

    python experiments/distillation/prepare.py corpus experiments/eighth           # an eighth of the training articles, as a corpus folder
    python experiments/distillation/prepare.py teachers                            # links to the saved seeds of the variant "alone"

A corpus folder, and not `data.train_share`: the share depends on the seed, and here all seeds learn from the same articles. And of the
corpus as it was when these studies began, out of the history of the project, so that runs of today stand beside those of then.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from pactag.corpus.rows import read_corpus
from pactag.schema import load_schema
from pactag.studies import RESULTS, read_results
from pactag.training import share_of_articles

HERE = Path(__file__).parent
SHARE, SEED = 0.125, 1
# The last with the corpus of digest 00931e484a6e, of which an eighth has 4,768 sentences.
COMMIT = "9233dfc"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    small = commands.add_parser("corpus")
    small.add_argument("folder", type=Path)
    small.add_argument("--corpus", type=Path, help=f"another corpus folder than that of the commit {COMMIT}")
    found = commands.add_parser("teachers")
    found.add_argument("--runs", type=Path, default=Path("experiments/runs"))
    found.add_argument("--results", type=Path, default=HERE / RESULTS, help="the table that `study run` wrote")
    arguments = parser.parse_args()
    if arguments.command == "teachers":
        link_teachers(arguments.runs, arguments.results)
    elif arguments.corpus is not None:
        write_share(arguments.corpus, arguments.folder)
    else:
        with TemporaryDirectory() as folder:
            write_share(corpus_of(COMMIT, Path(folder)), arguments.folder)


def corpus_of(commit: str, folder: Path) -> Path:
    """The corpus of a commit, written into a folder; needs a clone with its history."""
    for name in ("train", "validation", "test"):
        found = subprocess.run(["git", "show", f"{commit}:data/corpus/{name}.jsonl"], capture_output=True, check=False)
        if found.returncode:
            raise SystemExit(f"commit {commit} cannot be read ({found.stderr.decode().strip()}). Clone with the history, or give --corpus")
        (folder / f"{name}.jsonl").write_bytes(found.stdout)
    return folder


def write_share(corpus: Path, folder: Path) -> None:
    """An eighth of the training articles, and the other splits as they are."""
    rows = read_corpus(corpus, load_schema(Path("data/schema.yaml")))["train"]
    chosen = {(row.article_id, row.index) for row in share_of_articles(rows, SHARE, SEED)}
    lines = (corpus / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    folder.mkdir(parents=True)
    kept = [line for row, line in zip(rows, lines, strict=True) if (row.article_id, row.index) in chosen]
    (folder / "train.jsonl").write_text("".join(kept), encoding="utf-8")
    for name in ("validation", "test"):
        shutil.copy(corpus / f"{name}.jsonl", folder)
    print(f"{len(kept)} training sentences in {folder}")


def link_teachers(runs: Path, results: Path) -> None:
    """`teachers/1` to `teachers/3`: a study file cannot know the ids of the runs."""
    (HERE / "teachers").mkdir(exist_ok=True)
    for row in read_results(results):
        if row["variant"] == "alone":
            folder = next(runs.glob(f"*-{row['run_id'][:8]}"), None)
            if folder is None:
                again = "pactag study run experiments/distillation/alone.yaml --results again.csv"
                raise SystemExit(f"{runs} has no model of run {row['run_id']}. Train it: {again}; then give --results again.csv here")
            link = HERE / "teachers" / row["seed"]
            link.unlink(missing_ok=True)
            link.symlink_to(folder.resolve())
            print(link, "is", folder)


if __name__ == "__main__":
    main()
