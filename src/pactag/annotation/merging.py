"""Settled judgements into a corpus folder: new articles get a split, old ones keep theirs, and all is written or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pactag.annotation.judgements import Judgement, PlacedJudgement
from pactag.corpus.build import ARTICLES, SPLIT_FILE
from pactag.corpus.repetition import repetition
from pactag.corpus.rows import SPLITS, Row, by_article, digest_of, read_corpus
from pactag.corpus.splits import assign_splits
from pactag.errors import CorpusError, Problem
from pactag.schema import Schema
from pactag.whole_files import whole


@dataclass(frozen=True)
class Added:
    """New rows by split, and the digest of the corpus that now holds them."""

    rows: Mapping[str, tuple[Row, ...]]
    digest: str


@dataclass(frozen=True)
class _Settled:
    """A row to be, the place of the judgement that made it, and how many sentences its article has."""

    row: Row
    where: str
    sentences: int


def add_to_corpus(
    judgements: Sequence[PlacedJudgement],
    folder: Path,
    schema: Schema,
    *,
    readers: int = 2,
    test: Sequence[str] = (),
    validation_share: float = 0.15,
    seed: int = 1,
) -> Added:
    """Append settled sentences to `train.jsonl`, `validation.jsonl` and `test.jsonl` of a folder.

    A sentence has the adjudicator's labels where there are any, else what at least `readers` annotators all say.

    :param test: ids of new articles to hold out.
    :param validation_share: of the sentences of the other new articles.
    :raises CorpusError: for sentences that are not settled, stand in the corpus already or nearly so, have other labels there, or leave a
        hole in their article; each with its place. Nothing is written then.
    """
    _refuse_built(folder)
    corpus = read_corpus(folder, schema)
    place = {row.article_id: split for split, rows in corpus.splits.items() for row in rows}
    problems: list[Problem] = []
    settled = _settle(judgements, readers, problems)
    problems += _against_corpus(settled, {row.id: (row, place[row.article_id]) for row in corpus.rows}, folder)
    if not problems:
        problems += _holes(settled, corpus.rows)
        problems += _repeated(settled, corpus.rows)
    new = {one.row.article_id for one in settled} - place.keys()
    for name in test:
        if name not in new:
            found = f"stands in {place[name]}.jsonl already" if name in place else "is no article of these judgements"
            problems.append(Problem(f"--test {name}", found, "Name new articles"))
    if problems:
        raise CorpusError.of(problems)
    groups = by_article(one.row for one in settled)
    vectors = {article: schema.encode_many([row.labels for row in rows]) for article, rows in groups.items()}
    place |= assign_splits(vectors, existing=place, held_out=test, validation_share=validation_share, seed=seed)
    added = {split: tuple(row for article, rows in groups.items() if place[article] == split for row in rows) for split in SPLITS}
    whole = {split: [row for rows in by_article([*corpus[split], *added[split]]).values() for row in rows] for split in SPLITS}
    _append(folder, added)
    return Added(added, digest_of(whole))


def _refuse_built(folder: Path) -> None:
    beside = folder.resolve().parent
    if (beside / SPLIT_FILE).exists() and (beside / ARTICLES).is_dir():
        fix = "Copy the folder elsewhere, and add to the copy"
        raise CorpusError(str(folder), f"is built from {beside / ARTICLES} by pactag data build, which would drop what is added", fix)


def _settle(judgements: Sequence[PlacedJudgement], readers: int, problems: list[Problem]) -> list[_Settled]:
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
        if len(distinct) > 1:
            told = "; ".join(f"{one.judgement.annotator}: {', '.join(one.judgement.labels) or 'none'}" for one in views)
            who = "adjudicators" if final else "annotators"
            problems.append(Problem(where, f"{who} differ on {sentence} ({told})", "Settle it: pactag annotate agreement -o FILE"))
        elif not views:
            problems.append(Problem(where, f"nobody judged {sentence}", "Have it judged or settled"))
        elif not final and len(views) < readers:
            problems.append(
                Problem(
                    where, f"{sentence} was judged by {len(views)} of {readers} annotators", "Have it judged again, or give --readers 1"
                )
            )
        else:
            settled.append(_Settled(_row(views[0].judgement), where, views[0].judgement.sentences))
    return sorted(settled, key=lambda one: (one.row.article_id, one.row.index))


def _row(one: Judgement) -> Row:
    return Row(one.article_id, one.index, one.text, one.labels, one.title, {"start": one.start, "end": one.end})


def _against_corpus(settled: Sequence[_Settled], old: Mapping[str, tuple[Row, str]], folder: Path) -> list[Problem]:
    problems = []
    for one in settled:
        if one.row.id not in old:
            continue
        row, split = old[one.row.id]
        place = folder / f"{split}.jsonl"
        if row.text.split() != one.row.text.split():
            problems.append(Problem(one.where, f"{row.id} stands in {place} with another text", "Rename the article, and start again"))
        elif row.labels != one.row.labels:
            found = f"{row.id} has the labels {', '.join(row.labels) or 'none'} in {place}, and {', '.join(one.row.labels) or 'none'} here"
            problems.append(Problem(one.where, found, "Correct the corpus by hand, or leave the sentence out"))
        else:
            problems.append(Problem(one.where, f"{row.id} stands in {place} already", "Leave it out"))
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
            problems.append(Problem(one.where, found, "Have them judged; an article enters whole"))
    return problems


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


def _append(folder: Path, added: Mapping[str, Sequence[Row]]) -> None:
    """Old lines stay byte for byte. All files are written beside before the first is renamed."""
    try:
        with ExitStack() as places:
            for split, rows in added.items():
                if rows:
                    path = folder / f"{split}.jsonl"
                    old = path.read_bytes()
                    end = b"" if old.endswith(b"\n") else b"\n"
                    place = places.enter_context(whole(path))
                    place.write_bytes(old + end + "".join(row.to_json() + "\n" for row in rows).encode("utf-8"))
    except OSError as bad:
        raise CorpusError(str(folder), f"cannot be written ({bad.strerror})", "Check its permissions and the disk") from None
