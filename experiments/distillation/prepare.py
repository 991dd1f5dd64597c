"""What the studies of distillation, self-training and a contrastive first stage learn from, and whom they learn from.

    python experiments/distillation/prepare.py corpus experiments/eighth           # an eighth of the training articles, as a corpus folder
    python experiments/distillation/prepare.py teachers                            # links to the saved seeds of the variant "alone"

A corpus folder, and not `data.train_share`: the share depends on the seed, and here all seeds learn from the same articles.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from pactag.corpus.rows import read_corpus
from pactag.schema import load_schema
from pactag.studies import RESULTS, read_results
from pactag.training import share_of_articles

HERE = Path(__file__).parent
SHARE, SEED = 0.125, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    small = commands.add_parser("corpus")
    small.add_argument("folder", type=Path)
    small.add_argument("--corpus", type=Path, default=Path("data/corpus"))
    found = commands.add_parser("teachers")
    found.add_argument("--runs", type=Path, default=Path("experiments/runs"))
    arguments = parser.parse_args()
    if arguments.command == "corpus":
        write_share(arguments.corpus, arguments.folder)
    else:
        link_teachers(arguments.runs)


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


def link_teachers(runs: Path) -> None:
    """`teachers/1` to `teachers/3`: a study file cannot know the ids of the runs."""
    (HERE / "teachers").mkdir(exist_ok=True)
    for row in read_results(HERE / RESULTS):
        if row["variant"] == "alone":
            (folder,) = runs.glob(f"*-{row['run_id'][:8]}")
            link = HERE / "teachers" / row["seed"]
            link.unlink(missing_ok=True)
            link.symlink_to(folder.resolve())
            print(link, "is", folder)


if __name__ == "__main__":
    main()
