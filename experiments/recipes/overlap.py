"""How many sentences of the written articles share a sequence of words with a set of real sentences, and how near in subject they are, by
writer: the median, over articles, of the highest TF-IDF cosine to a real article.

python experiments/recipes/overlap.py data/articles real-news.jsonl --words 6
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path
from statistics import median

from sklearn.feature_extraction.text import TfidfVectorizer

from pactag.corpus.written import WrittenArticle, read_articles
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
    rows = [json.loads(line) for line in arguments.real.read_text(encoding="utf-8").splitlines()]
    real = set().union(*(sequences(row["text"], arguments.words) for row in rows))
    total: Counter[str] = Counter()
    sharing: Counter[str] = Counter()
    articles = read_articles(arguments.articles, load_schema(DEFAULT_SCHEMA))
    for article in articles.values():
        for sentence in article.sentences:
            total[article.writer] += 1
            sharing[article.writer] += bool(sequences(sentence.text, arguments.words) & real)
    near = nearness(articles.values(), rows)
    for writer, count in sorted(total.items()):
        print(f"{writer}  {sharing[writer]} of {count}, near {median(near[writer]):.3f}, at most {max(near[writer]):.3f}")
    print(f"all  {sharing.total()} of {total.total()}")


def nearness(articles: Collection[WrittenArticle], rows: list[dict[str, str]]) -> dict[str, list[float]]:
    """For each article of a writer, the highest cosine to an article of the real set."""
    written = [" ".join(sentence.text for sentence in article.sentences) for article in articles]
    real: dict[str, str] = defaultdict(str)
    for row in rows:
        real[row["article_id"]] += f" {row['text']}"
    vectors = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit([*written, *real.values()])
    highest = (vectors.transform(written) @ vectors.transform(real.values()).T).max(axis=1).toarray().ravel()
    found: dict[str, list[float]] = defaultdict(list)
    for article, value in zip(articles, highest, strict=True):
        found[article.writer].append(float(value))
    return found


if __name__ == "__main__":
    main()
