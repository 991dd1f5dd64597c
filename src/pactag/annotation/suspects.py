"""Labels of a corpus that are probably wrong, ranked: what a model that never saw the article disputes most firmly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pactag.annotation.tasks import DEFAULT_PRECEDING, Said, Task
from pactag.corpus.rows import LabelledSentences, Row, by_article, labelled_sentences
from pactag.errors import CorpusError, MissingExtraError
from pactag.schema import Schema

GIVEN_BY, DOUBTED_BY = "corpus", "model"


@dataclass(frozen=True)
class Doubt:
    """One label of one sentence that is doubted: `given` when the corpus has it and the model does not see it, else the other way.

    `score` is the calibrated score out of fold; `quality` is cleanlab's, from 0 (surely wrong) to 1.
    """

    label: str
    given: bool
    score: float
    quality: float

    @property
    def reason(self) -> str:
        """In words."""
        return f"{self.label} {'is given' if self.given else 'is not given'}, score {self.score:.2f}"


@dataclass(frozen=True)
class Suspect:
    """A sentence with doubted labels, the most doubtful first."""

    row: Row
    doubts: tuple[Doubt, ...]
    scores: Mapping[str, float]

    @property
    def quality(self) -> float:
        """Of its most doubtful label."""
        return self.doubts[0].quality

    @property
    def reason(self) -> str:
        """In words."""
        return "; ".join(doubt.reason for doubt in self.doubts)

    @property
    def proposed(self) -> frozenset[str]:
        """What the labels would be if every doubt were right."""
        return frozenset(self.row.labels) ^ {doubt.label for doubt in self.doubts}


def suspects_of(rows: Sequence[Row], data: LabelledSentences, scores: np.ndarray, schema: Schema) -> list[Suspect]:
    """Sentences with a label that confident learning holds to be wrong, the most doubtful first.

    :param scores: out of fold, shape `(sentences, labels)`, in the order of `data`.

    Which labels are doubted is decided for each label by the noise rates that its scores imply (Northcutt, Jiang and Chuang, Confident
    learning: estimating uncertainty in dataset labels, 2021); how firmly, by the score of what was given.
    """
    try:
        from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
        from cleanlab.multilabel_classification.rank import get_label_quality_scores_per_class
    except ModuleNotFoundError:
        raise MissingExtraError("Finding suspect labels", "label") from None
    asked = _doubtable(data.targets)
    given = [list(np.flatnonzero(target)) for target in data.targets[:, asked]]
    doubted = np.zeros(data.targets.shape, dtype=bool)
    quality = np.ones(data.targets.shape)
    if asked.any():
        doubted[:, asked] = find_multilabel_issues_per_class(given, scores[:, asked], n_jobs=1)
        found_qualities = get_label_quality_scores_per_class(given, scores[:, asked], adjust_pred_probs=True)
        quality[:, asked] = np.array(found_qualities).reshape(len(data), int(asked.sum()))
    row_of = {row.id: row for row in rows}
    found = []
    for place in np.flatnonzero(doubted.any(1)):
        doubts = [
            Doubt(name, bool(data.targets[place, i]), float(scores[place, i]), float(quality[place, i]))
            for i, name in enumerate(schema.names)
            if doubted[place, i]
        ]
        own = dict(zip(schema.names, map(float, scores[place]), strict=True))
        found.append(Suspect(row_of[data.ids[place]], tuple(sorted(doubts, key=lambda doubt: doubt.quality)), own))
    return sorted(found, key=lambda suspect: (suspect.quality, suspect.row.id))


def check_doubtable(rows: Sequence[Row], schema: Schema, *, where: str) -> None:
    """To be asked before models learn.

    :raises CorpusError: when each label stands at every sentence or at none, so that there is nothing to tell apart.
    """
    if not _doubtable(schema.encode_many([row.labels for row in rows])).any():
        fix = "Name a corpus in which some sentences have a label and others have not"
        raise CorpusError(where, "has no label that some of its sentences have and others have not", fix)


def _doubtable(targets: np.ndarray) -> np.ndarray:
    """Labels that some sentences have and others have not, bool, shape `(labels,)`, from targets of shape `(sentences, labels)`."""
    return np.asarray(targets.any(0) & ~targets.all(0))


def tasks_of_suspects(
    suspects: Sequence[Suspect], rows: Sequence[Row], schema: Schema, *, preceding: int = DEFAULT_PRECEDING, blind: bool = False
) -> list[Task]:
    """Suspects as sentences to settle, in their order.

    :param rows: the whole corpus, for the sentences before each one.
    :param blind: leave out what was given and what is doubted, for a judgement that neither sways.
    """
    groups = by_article(rows)
    return [_task(suspect, groups[suspect.row.article_id], schema, preceding, blind) for suspect in suspects]


def _task(suspect: Suspect, article: Sequence[Row], schema: Schema, preceding: int, blind: bool) -> Task:
    row = suspect.row
    place = [one.index for one in article].index(row.index)
    # What a model sees before it: the rows before, or what the row brings where not all of its article is in the corpus.
    before = labelled_sentences(article, schema, preceding=preceding).inputs[place].before
    proposed = schema.in_order(suspect.proposed)
    said = (
        Said(annotator=GIVEN_BY, labels=row.labels),
        Said(annotator=DOUBTED_BY, labels=proposed, comment=suspect.reason),
    )
    start, end = _span(row, article)
    return Task(
        article_id=row.article_id,
        index=row.index,
        sentences=article[-1].index + 1,
        start=start,
        end=end,
        title=row.title,
        before=before,
        text=row.text,
        said=() if blind else said,
    )


def _span(row: Row, article: Sequence[Row]) -> tuple[int, int]:
    """Where the sentence stands: as the corpus says, else in its sentences joined by spaces."""
    start, end = row.extra.get("start"), row.extra.get("end")
    if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end:
        return start, end
    before = sum(len(one.text) + 1 for one in article if one.index < row.index)
    return before, before + len(row.text)
