"""Tags by the length of a sentence. As a script: runs a job that dies at given places."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pactag.articles import Article
from pactag.bulk.run import local, prepare, run
from pactag.schema import load_schema
from pactag.sentences import segment
from pactag.tagging import TaggedArticle, TaggedSentence

SCHEMA = Path(__file__).parents[3] / "data/schema.yaml"


class FakeTagger:
    """What jobs use of a tagger."""

    def __init__(self) -> None:
        self.schema = load_schema(SCHEMA)

    def tag_many(self, articles: Iterable[Article]) -> Iterator[TaggedArticle]:
        for article in articles:
            spans = segment(article.text)
            yield TaggedArticle(article.id, article.text, article.title, tuple(self._sentence(article.text, *span) for span in spans))

    def _sentence(self, text: str, start: int, end: int) -> TaggedSentence:
        scores = {name: (end - start + number) % 10 / 10 for number, name in enumerate(self.schema.names)}
        return TaggedSentence(start, end, text[start:end], tuple(name for name, score in scores.items() if score > 0.5), scores)


def main(folder: str, *inputs: str) -> None:
    """For each number on standard input, run the job in a process of its own, and print its exit code.

    The process dies as by a power cut when it opens, renames or removes a file for that number of times.
    """
    tagger = FakeTagger()
    segment("The segmenter loads its files now.")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run_and_die(tagger, int(line), Path(folder), inputs)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _run_and_die(tagger: FakeTagger, deadly: int, folder: Path, inputs: Sequence[str]) -> None:
    left = deadly

    def count_down(event: str, _: object) -> None:
        nonlocal left
        if event in ("open", "os.rename", "os.remove"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count_down)
    run(prepare(inputs, folder, model="fake-1", part_size=4, resume=True), local(tagger))


if __name__ == "__main__":
    main(*sys.argv[1:])
