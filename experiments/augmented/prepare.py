"""A training set with changed copies of its sentences, which a larger model labels.

    python experiments/augmented/prepare.py experiments/eighth experiments/eighth-augmented \\
        --teacher experiments/teacher/model --kinds neighbours neighbours splice

Writes a corpus folder with the sentences and their copies, and beside it `<folder>.csv`, the scores that the teacher gives the copies.
`neighbours`: three words of ten give way to one of the 15 words nearest to them in the teacher's table of word vectors (Jiao et al.,
TinyBERT, 2020, algorithm 1, without its masked language model). `splice`: the first words of a sentence and the last of another one.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.numpy
from tokenizers import Tokenizer

from pactag import Tagger
from pactag.sentences import SentenceInput

WORD_VECTORS = "encoder.embeddings.word_embeddings.weight"
NEAREST, SHARE = 15, 0.3
# Where a sentence is cut, in shares of its words.
CUT = (0.3, 0.7)
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=["neighbours", "splice"], required=True, help="a copy of each sentence for each")
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in (arguments.source / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    random = np.random.default_rng(SEED)
    change: dict[str, Callable[[str], str]] = {
        "neighbours": neighbours(arguments.teacher, random),
        "splice": splice([row["text"] for row in rows], random),
    }
    copies = []
    for number, kind in enumerate(arguments.kinds, start=1):
        for row in rows:
            copies.append({**row, "article_id": f"{row['article_id']}-{number}", "text": change[kind](row["text"]), "before": []})
    tagger = Tagger.load(arguments.teacher, backend="torch")
    scores = tagger.scores([SentenceInput(row["text"]) for row in copies])
    names = tagger.schema.names
    for row, each in zip(copies, scores, strict=True):
        row["labels"] = [name for name, score in zip(names, each, strict=True) if score >= tagger.manifest.thresholds[name]]
    arguments.target.mkdir(parents=True)
    for name in ("validation", "test"):
        shutil.copy(arguments.source / f"{name}.jsonl", arguments.target)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*rows, *copies])
    (arguments.target / "train.jsonl").write_text(text, encoding="utf-8")
    with arguments.target.with_name(f"{arguments.target.name}.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", *(f"score_{name}" for name in names)])
        for row, each in zip(copies, scores, strict=True):
            table.writerow([f"{row['article_id']}:{row['index']}", *(f"{score:.5f}" for score in each)])
    act = np.mean([bool(row["labels"]) for row in copies])
    print(f"{len(rows)} sentences and {len(copies)} copies, {act:.0%} of these with an act, in {arguments.target}")


def neighbours(teacher: Path, random: np.random.Generator) -> Callable[[str], str]:
    """Change a sentence word by word."""
    tokenizer = Tokenizer.from_file(str(teacher / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vectors = safetensors.numpy.load_file(teacher / "model.safetensors")[WORD_VECTORS]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    words = np.array(sorted(number for piece, number in tokenizer.get_vocab().items() if piece.isascii() and piece.isalpha()))
    known, table = set(words.tolist()), vectors[words]
    nearest: dict[int, np.ndarray] = {}

    def near(number: int) -> int:
        if number not in nearest:
            order = np.argpartition(-(table @ vectors[number]), NEAREST + 1)[: NEAREST + 1]
            nearest[number] = words[order[words[order] != number]][:NEAREST]
        return int(random.choice(nearest[number]))

    def change(text: str) -> str:
        found = tokenizer.encode(text, add_special_tokens=False)
        # A piece that goes on within a word belongs to no word that could be looked up.
        whole = [not after.startswith("##") for after in [*found.tokens[1:], ""]]
        ids = [
            near(number) if single and number in known and random.random() < SHARE else number
            for number, single in zip(found.ids, whole, strict=True)
        ]
        return tokenizer.decode(ids) or text

    return change


def splice(texts: list[str], random: np.random.Generator) -> Callable[[str], str]:
    """Go on with the end of another sentence."""

    def change(text: str) -> str:
        first, second = text.split(), texts[random.integers(len(texts))].split()
        left, right = (max(1, round(len(words) * random.uniform(*CUT))) for words in (first, second))
        return " ".join([*first[:left], *second[right:]])

    return change


if __name__ == "__main__":
    main()
