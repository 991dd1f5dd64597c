"""Tagging one group of sources into its parts: what every engine does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from itertools import count as counter
from pathlib import Path
from typing import BinaryIO

from pactag.articles import Article
from pactag.bulk.folder import Job, part, part_name
from pactag.bulk.plan import Group, Share, size_of
from pactag.errors import PactagError
from pactag.inputs import read_source
from pactag.outputs import WRITERS
from pactag.outputs.base import Maker
from pactag.tagging import TaggedArticle, Tagger


@dataclass
class Count:
    """What was done. `sentences` and `written` count this run alone, `articles` and `parts` those of earlier runs as well.

    `unread` has the numbers of group and part with each error, so that errors can be put in the order of the inputs.
    """

    articles: int = 0
    parts: int = 0
    sentences: int = 0
    written: int = 0
    unread: list[tuple[int, int, PactagError]] = field(default_factory=list)

    def add(self, other: Count) -> None:
        """Take in what another one counted."""
        self.articles += other.articles
        self.parts += other.parts
        self.sentences += other.sentences
        self.written += other.written
        self.unread += other.unread


def tag_group(
    tagger: Tagger,
    group: Group,
    share: Share,
    job: Job,
    folder: Path,
    *,
    is_there: Callable[[str], bool],
    progress: Callable[[int, int], None] = lambda read, sentences: None,
) -> Count:
    """Write those parts of a group that belong to a share and are not there yet. Memory does not grow with the group.

    Each part is tagged on its own, so that its bytes depend on its articles and the model alone.

    :param is_there: whether a part of a name was written before.
    :param progress: called now and then with the bytes of the group that were read and the sentences that were tagged.
    :raises OSError: when the disk refuses a part.
    """
    reading = _Reading(group, job)
    maker = Maker(tagger.schema, job.model)
    count = Count()

    def watched(articles: Iterable[TaggedArticle]) -> Iterator[TaggedArticle]:
        for article in articles:
            yield article
            count.sentences += len(article.sentences)
            progress(reading.place(), count.sentences)

    articles = reading.articles()
    for number in counter():
        first = next(articles, None)
        own = share.has(group, number)
        if first is not None:
            stream = chain([first], islice(articles, job.articles_per_part - 1))
            name = part_name(group, number, job)
            before = reading.count
            if own and not is_there(name):
                with part(folder, name) as place:
                    WRITERS[job.output_format](watched(tagger.tag_many(stream)), place, maker)
                count.written += 1
            else:
                deque(stream, maxlen=0)
            if own:
                count.articles += reading.count - before + 1
                count.parts += 1
        # What could not be read belongs to the part during which it was met, so that one process alone tells it.
        unread = reading.take_unread()
        if own:
            count.unread += [(group.index, number, error) for error in unread]
        progress(reading.place(), count.sentences)
        if first is None:
            break
    return count


class _Reading:
    """The articles of a group as one stream, and how far it got."""

    def __init__(self, group: Group, job: Job) -> None:
        self._group, self._kind = group, job.input_format
        self._file: BinaryIO | None = None
        self._before = 0
        self._unread: list[PactagError] = []
        self.count = 0

    def articles(self) -> Iterator[Article]:
        for source in self._group.sources:
            for found in read_source(source, self._kind, opened=self._opened):
                if isinstance(found, Article):
                    self.count += 1
                    yield found
                else:
                    self._unread.append(found)
            self._before += size_of(source)
            self._file = None

    def take_unread(self) -> list[PactagError]:
        taken, self._unread = self._unread, []
        return taken

    def place(self) -> int:
        """How many bytes of the group were read."""
        if self._file is None or self._file.closed or not self._file.seekable():
            return self._before
        return self._before + self._file.tell()

    def _opened(self, file: BinaryIO) -> None:
        self._file = file
