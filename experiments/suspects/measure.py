"""Does `pactag annotate suspects` find labels that are wrong? python experiments/suspects/measure.py

Two readers labelled the corpus, and their differences were settled. Here the labels of one reader stand in for a corpus that nobody has
checked; a suspect is a hit where the settled labels are others.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

from pactag.annotation.out_of_fold import out_of_fold
from pactag.annotation.suspects import suspects_of
from pactag.config import load_config
from pactag.corpus.passes import read_passes
from pactag.corpus.rows import read_corpus
from pactag.corpus.written import read_articles
from pactag.schema import load_schema

HERE = Path(__file__).parent
DEPTHS = (100, 200, 500, 1000)


def main() -> None:
    """Print a row for each reader, and write results.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with articles/, annotations/ and corpus/")
    parser.add_argument("--config", type=Path, default=Path("configs/tfidf.yaml"))
    arguments = parser.parse_args()
    schema, config = load_schema(arguments.data / "schema.yaml"), load_config(arguments.config)
    settled = read_corpus(arguments.data / "corpus", schema).rows
    articles = read_articles(arguments.data / "articles", schema)
    passes = read_passes(arguments.data / "annotations", articles, schema)
    results = []
    for reader, records in passes.independent.items():
        # A pass over a part of the articles stands for no corpus.
        if len(records) < len(articles):
            continue
        rows = []
        for row in settled:
            record = records.get(row.article_id)
            given = record.of(row.index) if record is not None else None
            if given is not None:
                rows.append(replace(row, labels=tuple(name for name in schema.names if name in given)))
        truth = {row.id: row.labels for row in settled}
        wrong = {row.id for row in rows if row.labels != truth[row.id]}
        data, scores = out_of_fold(rows, schema, config)
        suspects = suspects_of(rows, data, scores, schema)
        found = [one.row.id for one in suspects]
        # The same suspects by the plain score of what was given.
        plain = [one.row.id for one in sorted(suspects, key=lambda one: min(d.score if d.given else 1 - d.score for d in one.doubts))]
        hits = {f"hits in {depth}": sum(sentence in wrong for sentence in found[:depth]) for depth in DEPTHS}
        counts = {
            "sentences": len(rows),
            "wrong": len(wrong),
            "labels lacking": sum(len({*truth[row.id]} - {*row.labels}) for row in rows),
            "labels too many": sum(len({*row.labels} - {*truth[row.id]}) for row in rows),
            "suspects": len(found),
        }
        hits |= {"hits in all": sum(sentence in wrong for sentence in found)}
        hits |= {"hits in 100, plain score": sum(sentence in wrong for sentence in plain[:100])}
        results.append({"reader": reader, **counts, **hits})
        print(results[-1], flush=True)
    with (HERE / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(results[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)


if __name__ == "__main__":
    main()
