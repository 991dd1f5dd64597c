"""A second real set to measure on, from texts that a public package carries: python experiments/second-real/prepare.py WHEEL OUT.jsonl

WHEEL is the wheel that `pip download --no-deps gensim==4.4.0` gives. Its test data hold the corpus of Lee, Pincombe and Welsh (2005),
news of 2001 and 2002. The texts are not redistributed: `labels.jsonl` beside this script has no more than the places, digests and labels of
the sentences. OUT is for measuring (`pactag evaluate MODEL --data OUT`), never for training.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from pactag.whole_files import write_whole

LABELS = Path(__file__).with_name("labels.jsonl")
FOLDER = "gensim/test/test_data"


def digest(text: str) -> str:
    """The first 12 hex digits of the SHA-256 of a sentence."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def sentence(item: dict[str, Any], line: str) -> dict[str, Any]:
    """One sentence as `data/corpus` has them; raises ValueError where the text is not the one that was labelled."""
    start, end = item["span"]
    text = line[start:end]
    if digest(text) != item["digest"]:
        raise ValueError(f"{item['file']}, line {item['line'] + 1}, characters {start} to {end}: not the text that was labelled")
    article = f"{Path(item['file']).stem}-{item['line']}"
    return {"article_id": article, "index": item["index"], "title": None, "text": text, "labels": item["labels"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    items = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    files = {item["file"] for item in items}
    try:
        with zipfile.ZipFile(arguments.wheel) as wheel:
            # One pound sign in it is not UTF-8.
            lines = {name: wheel.read(f"{FOLDER}/{name}").decode("utf-8", "replace").split("\n") for name in files}
        rows = [sentence(item, lines[item["file"]][item["line"]]) for item in items]
    except (OSError, KeyError, IndexError, ValueError, zipfile.BadZipFile) as error:
        print(f"{arguments.wheel}: {error}. Take the wheel that `pip download --no-deps gensim==4.4.0` gives.", file=sys.stderr)
        return 2
    write_whole(arguments.out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{arguments.out}: {len(rows)} sentences of {len({row['article_id'] for row in rows})} items")
    return 0


if __name__ == "__main__":
    sys.exit(main())
