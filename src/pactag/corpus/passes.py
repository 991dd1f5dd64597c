"""Annotation passes: who read which article and gave which labels. `annotations/<reader>/*.jsonl`, one article a line.

    {"article_id": "w07-03", "digest": "1f0c...", "judged": null, "labels": {"0": ["threat"]}, "reasons": {}}

`judged` lists the sentences that the reader looked at, null for all of them; a judged sentence that `labels` does not name has none. The
reader `adjudicated` settles what others differ on, and gives reasons. `reread` holds third readings of sentences whose label a model
doubts: a choice of hard ones, so they are kept beside the passes and count neither as agreement nor for the build.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pactag.corpus.written import WrittenArticle
from pactag.errors import CorpusError, Problem
from pactag.schema import Schema

ADJUDICATED, REREAD = "adjudicated", "reread"


class PassRecord(BaseModel):
    """One reader's labels for one article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    article_id: str
    digest: str
    judged: tuple[int, ...] | None = None
    labels: dict[int, tuple[str, ...]]
    reasons: dict[int, str] = {}

    def of(self, index: int) -> frozenset[str] | None:
        """The labels given to a sentence; None when it was not judged."""
        if self.judged is not None and index not in self.judged:
            return None
        return frozenset(self.labels.get(index, ()))


@dataclass(frozen=True)
class Passes:
    """All passes, by reader and article."""

    by_reader: Mapping[str, Mapping[str, PassRecord]]

    @property
    def independent(self) -> Mapping[str, Mapping[str, PassRecord]]:
        """The passes over whole articles by readers who saw only the rules and the text."""
        return {reader: records for reader, records in self.by_reader.items() if reader not in (ADJUDICATED, REREAD)}

    @property
    def adjudicated(self) -> Mapping[str, PassRecord]:
        return self.by_reader.get(ADJUDICATED, {})


def read_passes(folder: Path, articles: Mapping[str, WrittenArticle], schema: Schema) -> Passes:
    """Read and check every pass.

    :raises CorpusError: with every record that is malformed, names an unknown article, sentence or label, or was made for another text.
    """
    problems: list[Problem] = []
    by_reader: dict[str, dict[str, PassRecord]] = {}
    for path in sorted(path for path in folder.glob("*/*.jsonl") if path.is_file()):
        records = by_reader.setdefault(path.parent.name, {})
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as bad:
            problems.append(Problem(str(path), f"byte {bad.start} is not valid UTF-8", "Save the file as UTF-8"))
            continue
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                record = PassRecord.model_validate(json.loads(line))
            except (ValueError, RecursionError) as error:
                problems.append(Problem(where, f"is no pass record ({_told(error)})", "See src/pactag/corpus/passes.py"))
                continue
            problems += _check(record, articles.get(record.article_id), where, schema)
            if record.article_id in records:
                problems.append(Problem(where, f"{record.article_id} was read by {path.parent.name} already", "Keep one record"))
            records[record.article_id] = record
    if problems:
        raise CorpusError.of(problems)
    return Passes(by_reader)


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())


def _check(record: PassRecord, article: WrittenArticle | None, where: str, schema: Schema) -> list[Problem]:
    if article is None:
        return [Problem(where, f"unknown article {record.article_id!r}", "Remove the record, or restore the article")]
    if article.digest != record.digest:
        fix = "Read the article again, and replace the record"
        return [Problem(where, f"was made for another text of {record.article_id} ({record.digest}, now {article.digest})", fix)]
    count = len(article.sentences)
    problems = []
    if record.judged is not None:
        for index in set(record.labels) - set(record.judged):
            problems.append(
                Problem(where, f"labels sentence {index} of {record.article_id}, which it says was not judged", "Add it to `judged`")
            )
    for index in {*record.labels, *record.reasons, *(record.judged or ())}:
        if not 0 <= index < count:
            problems.append(Problem(where, f"{record.article_id} has no sentence {index}", f"It has 0 to {count - 1}"))
    for labels in record.labels.values():
        for label in labels:
            if label not in schema.names:
                problems.append(Problem(where, f"unknown label {label!r}", f"The schema has: {', '.join(schema.names)}"))
    return problems
