"""Settled judgements into a corpus folder: new articles get a split, old ones keep theirs, and all is written or nothing.

Sentences that stand in the corpus already can be corrected, and of an article only a part can be added, if that is asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from pactag.annotation.judgements import Judgement, PlacedJudgement
from pactag.corpus.build import ARTICLES, CORPUS, SPLIT_FILE
from pactag.corpus.repetition import repetition
from pactag.corpus.rows import BEFORE, SPLITS, Corpus, Row, by_article, digest_of, read_corpus
from pactag.corpus.splits import assign_splits
from pactag.errors import CorpusError, Problem
from pactag.schema import Schema
from pactag.whole_files import whole


@dataclass(frozen=True)
class Added:
    """New rows by split, corrected rows, ids of sentences that nobody judged, and the digest of the corpus that now holds the rows."""

    rows: Mapping[str, tuple[Row, ...]]
    corrected: tuple[Row, ...]
    left_out: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class _Settled:
    """A row to be, the place of the judgement that made it, how many sentences its article has, and those just before it."""

    row: Row
    where: str
    sentences: int
    before: tuple[str, ...]


def add_to_corpus(
    judgements: Sequence[PlacedJudgement],
    folder: Path,
    schema: Schema,
    *,
    readers: int = 2,
    test: Sequence[str] = (),
    validation_share: float = 0.15,
    seed: int = 1,
    partial: bool = False,
    correct: bool = False,
) -> Added:
    """Append settled sentences to `train.jsonl`, `validation.jsonl` and `test.jsonl` of a folder; one that is new or empty begins a corpus.

    A sentence has the adjudicator's labels where there are any, else what at least `readers` annotators all say.

    :param test: ids of new articles to hold out.
    :param validation_share: of the sentences of the other new articles.
    :param partial: take articles of which some sentences were not judged; each row then brings the sentences before it.
    :param correct: sentences that stand in the corpus get the labels that are settled here, in their place. Those that everybody passed
        over keep what they have.
    :raises CorpusError: for sentences that are not settled, stand in the corpus already or nearly so, have other labels there, or leave a
        hole in their article, each with its place; and when a corpus would begin with an empty split. Nothing is written then.
    """
    _refuse_built(folder)
    with _in_turn(folder):
        begins = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        corpus = Corpus(dict.fromkeys(SPLITS, ())) if begins else read_corpus(folder, schema)
        place = {row.article_id: split for split, rows in corpus.splits.items() for row in rows}
        problems: list[Problem] = []
        left_out: list[str] | None = [] if partial or correct else None
        settled = _settle(judgements, readers, problems, left_out)
        known = {row.id: (row, place[row.article_id]) for row in corpus.rows}
        problems += _against_corpus(settled, known, folder, correct)
        fresh = [one for one in settled if one.row.id not in known]
        if not problems:
            if partial:
                fresh = _with_sentences_before(fresh, corpus.rows)
            else:
                problems += _holes(fresh, corpus.rows)
            problems += _repeated(fresh, corpus.rows)
        new = {one.row.article_id for one in fresh} - place.keys()
        for name in test:
            if name not in new:
                found = f"stands in {place[name]}.jsonl already" if name in place else "is no article of these judgements"
                problems.append(Problem(f"--test {name}", found, "Name new articles"))
        if problems:
            raise CorpusError.of(problems)
        corrected = tuple(
            replace(known[one.row.id][0], labels=one.row.labels)
            for one in settled
            if one.row.id in known and known[one.row.id][0].labels != one.row.labels
        )
        groups = by_article(one.row for one in fresh)
        vectors = {article: schema.encode_many([row.labels for row in rows]) for article, rows in groups.items()}
        place |= assign_splits(vectors, existing=place, held_out=test, validation_share=validation_share, seed=seed)
        added = {split: tuple(row for article, rows in groups.items() if place[article] == split for row in rows) for split in SPLITS}
        if begins and (empty := [split for split in SPLITS if not added[split]]):
            found = f"would begin without a sentence in {', '.join(f'{split}.jsonl' for split in empty)}"
            fix = "Hold articles out with --test, and give more of the others: validation takes its share of several"
            raise CorpusError(str(folder), found, fix)
        now = {row.id: row for row in corrected}
        old = {split: [now.get(row.id, row) for row in corpus[split]] for split in SPLITS}
        now_whole = {split: [row for rows in by_article([*old[split], *added[split]]).values() for row in rows] for split in SPLITS}
        _write(folder, added, now)
        return Added(added, corrected, tuple(left_out or ()), digest_of(now_whole))


@contextmanager
def _in_turn(folder: Path) -> Iterator[None]:
    """Processes of one user on one machine add to a folder one after another: each checks against what the one before has written.

    The lock is no file of the folder, which may be under version control.
    """
    name = hashlib.sha256(str(folder.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
    # Of another user it could not be opened. Where there are no numbers of users, each has a folder for temporary files.
    user = os.getuid() if hasattr(os, "getuid") else 0
    with FileLock(Path(tempfile.gettempdir()) / f"pactag-{user}-{name}.lock"):
        yield


def _refuse_built(folder: Path) -> None:
    beside = folder.resolve().parent
    if folder.resolve().name == CORPUS and (beside / SPLIT_FILE).exists() and (beside / ARTICLES).is_dir():
        fix = "Copy the folder elsewhere, and add to the copy"
        raise CorpusError(str(folder), f"is built from {beside / ARTICLES} by pactag data build, which would drop what is added", fix)


def _settle(judgements: Sequence[PlacedJudgement], readers: int, problems: list[Problem], left_out: list[str] | None) -> list[_Settled]:
    """:param left_out: takes the ids of sentences that everybody skipped or rejected; None where these are problems."""
    groups: dict[str, list[PlacedJudgement]] = {}
    for one in judgements:
        groups.setdefault(one.judgement.id, []).append(one)
    settled = []
    for sentence, group in groups.items():
        judged = [one for one in group if one.judgement.status == "judged"]
        final = [one for one in judged if one.judgement.round == "adjudication"]
        views = final or judged
        where = (views or group)[0].where
        distinct = {one.judgement.labels for one in views}
        annotators = {one.judgement.annotator for one in views}
        if len(distinct) > 1:
            told = "; ".join(f"{one.judgement.annotator}: {', '.join(one.judgement.labels) or 'none'}" for one in views)
            who = "adjudicators" if final else "annotators"
            fix = "Leave out the judgements of all but one of them" if final else "Settle it: pactag annotate agreement -o FILE"
            problems.append(Problem(where, f"{who} differ on {sentence} ({told})", fix))
        elif not views and left_out is not None:
            left_out.append(sentence)
        elif not views:
            problems.append(Problem(where, f"nobody judged {sentence}", "Have it judged or settled; or say --partial to leave it out"))
        elif not final and len(annotators) < readers:
            found = f"{sentence} was judged by {len(annotators)} of {readers} annotators"
            problems.append(Problem(where, found, "Have it judged again, or give --readers 1"))
        else:
            view = views[0].judgement
            settled.append(_Settled(_row(view), where, view.sentences, view.before))
    return sorted(settled, key=lambda one: (one.row.article_id, one.row.index))


def _row(one: Judgement) -> Row:
    return Row(one.article_id, one.index, one.text, one.labels, one.title, {"start": one.start, "end": one.end})


def _against_corpus(settled: Sequence[_Settled], old: Mapping[str, tuple[Row, str]], folder: Path, correct: bool) -> list[Problem]:
    problems = []
    # Whoever adds a file twice is told once an article.
    already: dict[str, list[_Settled]] = {}
    for one in settled:
        if one.row.id not in old:
            continue
        row, split = old[one.row.id]
        place = folder / f"{split}.jsonl"
        if row.text.split() != one.row.text.split():
            problems.append(Problem(one.where, f"{row.id} stands in {place} with another text", "Rename the article, and start again"))
        elif correct:
            continue
        elif row.labels != one.row.labels:
            found = f"{row.id} has the labels {', '.join(row.labels) or 'none'} in {place}, and {', '.join(one.row.labels) or 'none'} here"
            problems.append(Problem(one.where, found, "Say --correct to change the corpus, or leave the sentence out"))
        else:
            already.setdefault(row.article_id, []).append(one)
    for one, *others in already.values():
        place = folder / f"{old[one.row.id][1]}.jsonl"
        found = f"{one.row.id} and {len(others)} more of its article stand" if others else f"{one.row.id} stands"
        problems.append(Problem(one.where, f"{found} in {place} already, with these labels", "Leave out what was added before"))
    return problems


def _holes(settled: Sequence[_Settled], old: Sequence[Row]) -> list[Problem]:
    """Context comes from the sentences before: an article must be whole."""
    known = {row.id for row in old} | {one.row.id for one in settled}
    first = {one.row.article_id: one for one in reversed(settled)}
    problems = []
    for article, one in first.items():
        lacking = [index for index in range(one.sentences) if f"{article}:{index}" not in known]
        if lacking:
            listed = ", ".join(map(str, lacking[:8])) + (", ..." if len(lacking) > 8 else "")
            found = f"article {article!r} lacks {len(lacking)} of its {one.sentences} sentences ({listed})"
            problems.append(Problem(one.where, found, "Have them judged; or say --partial to take what there is"))
    return problems


def _with_sentences_before(fresh: Sequence[_Settled], old: Sequence[Row]) -> list[_Settled]:
    """Where not all of an article is judged, its rows bring their context with them."""
    known = {row.id for row in old} | {one.row.id for one in fresh}
    whole = {
        name
        for name, size in {one.row.article_id: one.sentences for one in fresh}.items()
        if all(f"{name}:{i}" in known for i in range(size))
    }
    return [
        one if one.row.article_id in whole else replace(one, row=replace(one.row, extra={**one.row.extra, BEFORE: list(one.before)}))
        for one in fresh
    ]


def _repeated(settled: Sequence[_Settled], old: Sequence[Row]) -> list[Problem]:
    """Near-duplicates across articles would let a model be tested on what it has learnt."""
    new = {one.row.id: one for one in settled}
    problems = []
    for pair in repetition([*old, *(one.row for one in settled)]).duplicates:
        mine = [sentence for sentence in pair if sentence in new]
        if mine:
            other = pair[1] if mine[0] == pair[0] else pair[0]
            problems.append(Problem(new[mine[0]].where, f"{mine[0]} is nearly the same as {other}", "Leave one of the two articles out"))
    return problems


def _write(folder: Path, added: Mapping[str, Sequence[Row]], corrected: Mapping[str, Row]) -> None:
    """Old lines stay byte for byte but for corrected ones. All files are written beside before the first is renamed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as places:
            for split, rows in added.items():
                path = folder / f"{split}.jsonl"
                old = path.read_bytes() if path.exists() else b""
                lines = [_corrected(line, corrected) for line in old.removesuffix(b"\n").split(b"\n")] if old else []
                new = b"\n".join([*lines, *(row.to_json().encode("utf-8") for row in rows)]) + b"\n"
                if rows or new != old:
                    places.enter_context(whole(path)).write_bytes(new)
    except OSError as bad:
        raise CorpusError(str(folder), f"cannot be written ({bad.strerror})", "Check its permissions and the disk") from None


def _corrected(line: bytes, corrected: Mapping[str, Row]) -> bytes:
    """A line of a corpus file; with the labels of the corrected row where it is of one."""
    if not corrected or not line.strip():
        return line
    data = json.loads(line)
    row = corrected.get(f"{data['article_id']}:{data['index']}")
    return line if row is None else json.dumps({**data, "labels": list(row.labels)}, ensure_ascii=False).encode("utf-8")
