"""How many sentences of the written articles share a sequence of words with a set of real sentences, by writer.

python experiments/recipes/overlap.py data/articles real-news.jsonl --words 6
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

from pactag.corpus.written import read_articles
from pactag.schema import DEFAULT_SCHEMA, load_schema


def sequences(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("--words", type=int, default=6)
    arguments = parser.parse_args()
    lines = arguments.real.read_text(encoding="utf-8").splitlines()
    real = set().union(*(sequences(json.loads(line)["text"], arguments.words) for line in lines))
    total: Counter[str] = Counter()
    sharing: Counter[str] = Counter()
    for article in read_articles(arguments.articles, load_schema(DEFAULT_SCHEMA)).values():
        for sentence in article.sentences:
            total[article.writer] += 1
            sharing[article.writer] += bool(sequences(sentence.text, arguments.words) & real)
    for writer, count in sorted(total.items()):
        print(f"{writer}  {sharing[writer]} of {count}")
    print(f"all  {sharing.total()} of {total.total()}")


if __name__ == "__main__":
    main()
