"""Which words of real news a corpus lacks: the share of sentences with them, with and without an act.

python experiments/errors/vocabulary.py real-news.jsonl [data/corpus]
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from pactag.corpus.rows import Row, read_rows
from pactag.schema import DEFAULT_SCHEMA, load_schema

WORDS = {
    "conflict": r"\b(attack\w*|strike\w*|kill\w*|missile\w*|war|military|forces)\b",
    "trade": r"\b(tariff\w*|trade|export\w*|import\w*|dump\w*|retaliat\w*|sanction\w*)\b",
    "quotation marks": r'["“]',
    "digits": r"\d",
    "retaliate": r"\bretaliat",
    "would": r"\bwould\b",
    "will": r"\bwill\b",
    "if": r"\bif\b",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("data/corpus"))
    arguments = parser.parse_args()
    schema = load_schema(DEFAULT_SCHEMA)
    corpus = [row for split in ("train", "validation") for row in read_rows(arguments.corpus / f"{split}.jsonl", schema)]
    sets = {"corpus": corpus, "real": read_rows(arguments.real, schema)}
    sys.stdout.write("| words | set | without an act | with an act | sentences | of them with an act |\n|---|---|---|---|---|---|\n")
    for name, pattern in WORDS.items():
        for which, rows in sets.items():
            having = [row for row in rows if re.search(pattern, row.text, re.IGNORECASE)]
            shares = [_share([row for row in rows if bool(row.labels) is acts], pattern) for acts in (False, True)]
            acts = sum(bool(row.labels) for row in having) / max(len(having), 1)
            sys.stdout.write(f"| {name} | {which} | {shares[0]:.2f} | {shares[1]:.2f} | {len(having)} | {acts:.2f} |\n")


def _share(rows: list[Row], pattern: str) -> float:
    return sum(bool(re.search(pattern, row.text, re.IGNORECASE)) for row in rows) / max(len(rows), 1)


if __name__ == "__main__":
    main()
