"""The training sets of this study, made from an eighth of the articles (experiments/distillation/prepare.py).

    python experiments/data-use/prepare.py experiments/eighth

Beside the folder given it writes four corpus folders, `<folder>-paraphrased`, `<folder>-hard`, `<folder>-easy` and `<folder>-names`, and
`<folder>-passes.csv`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from pactag.schema import load_schema

HERE = Path(__file__).parent
sys.path.append(str(HERE.with_name("recipes")))
from names import name_swapper  # noqa: E402 - it lies with the study that used it first

LABELS = load_schema(Path("data/schema.yaml")).names
HARD = 0.25
# What configs/minilm.yaml smooths by; scores of a file are taken as they are.
SMOOTHING = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--annotations", type=Path, default=Path("data/annotations"))
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    targets = np.array([[name in row["labels"] for name in LABELS] for row in rows])
    scores = out_of_fold(rows, targets)
    write(folder, "paraphrased", [*rows, *paraphrased(rows)])
    write(folder, "hard", [*rows, *(alone(row, "again") for row in hard_negatives(rows, targets, scores))])
    write(folder, "easy", [alone(row) for row in easy_half(rows, targets, scores)])
    swap = name_swapper([row["text"] for row in rows], seed=0)
    write(folder, "names", [*rows, *({**alone(row, "names"), "text": swap(row["text"])} for row in rows)])
    write_passes(rows, arguments.annotations, folder.with_name(f"{folder.name}-passes.csv"))


def out_of_fold(rows: list[dict], targets: np.ndarray) -> np.ndarray:
    """Scores of n-grams that have not seen the article, shape `(sentences, labels)`."""
    texts, articles = [row["text"] for row in rows], [row["article_id"] for row in rows]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True), LogisticRegression(C=10, max_iter=1000))
    found = [
        cross_val_predict(model, texts, targets[:, i], groups=articles, cv=GroupKFold(5), method="predict_proba")[:, 1]
        for i in range(targets.shape[1])
    ]
    return np.stack(found, axis=1)


def hard_negatives(rows: list[dict], targets: np.ndarray, scores: np.ndarray) -> list[dict]:
    """The quarter of the sentences without an act that n-grams take for one most."""
    none = np.flatnonzero(~targets.any(1))
    chosen = none[np.argsort(-scores[none].max(1), kind="stable")[: round(HARD * len(none))]]
    return [rows[i] for i in sorted(chosen)]


def easy_half(rows: list[dict], targets: np.ndarray, scores: np.ndarray) -> list[dict]:
    """The half that n-grams get most right, of the sentences with an act and of those without alike."""
    loss = -np.log(np.clip(np.where(targets, scores, 1 - scores), 1e-6, 1)).sum(1)
    chosen: list[int] = []
    for part in (np.flatnonzero(targets.any(1)), np.flatnonzero(~targets.any(1))):
        chosen += part[np.argsort(loss[part], kind="stable")[: len(part) // 2]].tolist()
    return [rows[i] for i in sorted(chosen)]


def paraphrased(rows: list[dict]) -> Iterable[dict]:
    """The sentences in other words, each written by hand."""
    known = {(row["article_id"], row["index"]): row for row in rows}
    for line in (HERE / "paraphrases.jsonl").read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        yield {**alone(known[said["article_id"], said["index"]], "paraphrased"), "text": said["text"]}


def alone(row: dict, suffix: str = "") -> dict:
    """A row that may stand without the rest of its article; with a suffix, under another name."""
    return {**row, "article_id": f"{row['article_id']}{f'-{suffix}' if suffix else ''}", "before": []}


def write(folder: Path, suffix: str, rows: list[dict]) -> None:
    target = folder.with_name(f"{folder.name}-{suffix}")
    target.mkdir(parents=True)
    (target / "train.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    for name in ("validation", "test"):
        shutil.copy(folder / f"{name}.jsonl", target)
    print(f"{len(rows)} training sentences in {target}")


def write_passes(rows: list[dict], annotations: Path, path: Path) -> None:
    """The mean of the two passes, smoothed as labels are, in place of what was settled."""
    passes = [read_pass(annotations / name) for name in ("a", "b")]
    lines, differ = [], 0
    for row in rows:
        votes = np.array([[name in labels.get(row["article_id"], {}).get(str(row["index"]), []) for name in LABELS] for labels in passes])
        differ += int((votes[0] != votes[1]).any())
        soft = votes.mean(0) * (1 - 2 * SMOOTHING) + SMOOTHING
        lines.append(",".join([f"{row['article_id']}:{row['index']}", *(f"{score:.4f}" for score in soft)]))
    path.write_text("\n".join([",".join(["id", *(f"score_{name}" for name in LABELS)]), *lines]) + "\n", encoding="utf-8")
    print(f"{len(lines)} sentences in {path}, of which {differ} were read differently")


def read_pass(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Labels by article and sentence."""
    lines = (line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text(encoding="utf-8").splitlines())
    return {record["article_id"]: record["labels"] for record in map(json.loads, lines)}


if __name__ == "__main__":
    main()
