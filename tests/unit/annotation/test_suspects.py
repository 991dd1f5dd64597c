"""Labels that are probably wrong: scored by models that never saw the article, ranked, and sent back to be judged."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.annotation import out_of_fold as module
from pactag.annotation.out_of_fold import out_of_fold
from pactag.annotation.rounds import start
from pactag.annotation.suspects import Doubt, Suspect, check_doubtable, suspects_of, tasks_of_suspects
from pactag.annotation.tasks import read_task_folder
from pactag.config import RunConfig
from pactag.corpus.rows import Row, labelled_sentences
from pactag.errors import CorpusError

CONFIG = RunConfig.model_validate({"name": "doubts", "model": {"kind": "tfidf", "word_ngrams": [1, 1], "char_ngrams": [2, 2]}})
# Sentences that any model learns at once: each label has a word of its own.
WORDS = {"proposal": "offers a plan", "accusation": "blames the board", "threat": "will strike on Friday", "condition": "unless pay rises"}


def _rows(articles: int = 24) -> list[Row]:
    rows = []
    for article in range(articles):
        for index, (label, words) in enumerate([*WORDS.items(), (None, "rain fell on the hills")]):
            text = f"In town {article} the guild {words}, it was told."
            rows.append(Row(f"a{article:02}", index, text, (label,) if label else (), "Town news"))
    return rows


def _with_wrong_label(rows: list[Row], sentence: str, labels: tuple[str, ...]) -> list[Row]:
    return [Row(row.article_id, row.index, row.text, labels, row.title) if row.id == sentence else row for row in rows]


@pytest.fixture(scope="module")
def doubted(schema):
    """The planted mistakes: a threat that lost its label, and rain that was called an accusation."""
    rows = _with_wrong_label(_with_wrong_label(_rows(), "a05:2", ()), "a09:4", ("accusation",))
    data, scores = out_of_fold(rows, schema, CONFIG)
    return rows, suspects_of(rows, data, scores, schema)


def test_no_model_scores_an_article_that_it_learnt_from(schema, monkeypatch):
    rows, seen = _rows(), []

    class Spy:
        @classmethod
        def fit(cls, train, validation, *, config, labels, context):
            spy = cls()
            spy.learnt = {one.text for one in train.inputs}
            return spy

        def predict_logits(self, inputs):
            assert not self.learnt & {one.text for one in inputs}
            seen.extend(one.text for one in inputs)
            return np.zeros((len(inputs), 4), dtype=np.float32)

    monkeypatch.setattr(module, "classifier", lambda kind: Spy)
    out_of_fold(rows, schema, CONFIG)
    assert sorted(seen) == sorted(row.text for row in rows)


def test_fewer_articles_than_folds_are_told(schema):
    with pytest.raises(CorpusError, match="--folds: 5 for 3 articles"):
        out_of_fold(_rows(3), schema, CONFIG)


def test_encoder_needs_a_fold_to_learn_from(schema, config_of):
    with pytest.raises(CorpusError, match="Give 3 or more"):
        out_of_fold([], schema, config_of("encoder"), folds=2)


def test_planted_mistakes_are_found(doubted):
    assert {one.row.id for one in doubted[1]} == {"a05:2", "a09:4"}


def test_reason_says_label_and_score(doubted):
    reasons = {one.row.id: one.reason for one in doubted[1]}
    assert reasons["a05:2"].startswith("threat is not given, score 0.9")
    assert reasons["a09:4"].startswith("accusation is given, score 0.0")


def test_proposed_labels_are_the_mended_ones(doubted):
    assert {one.row.id: one.proposed for one in doubted[1]} == {"a05:2": {"threat"}, "a09:4": frozenset()}


def test_most_doubtful_comes_first(doubted):
    quality = [one.quality for one in doubted[1]]
    assert quality == sorted(quality)


def test_suspects_go_round_as_sentences_to_settle(doubted, schema, tmp_path):
    rows, found = doubted
    file = tmp_path / "suspects.jsonl"
    file.write_text("".join(task.to_json() + "\n" for task in tasks_of_suspects(found, rows, schema)), encoding="utf-8")
    start([file], tmp_path / "tasks", schema, tool="csv")
    assert read_task_folder(tmp_path / "tasks", schema).about.round == "adjudication"
    content = (tmp_path / "tasks" / "upload.csv").read_text(encoding="utf-8")
    assert "corpus: accusation\nmodel: none (accusation is given, score 0.0" in content


def test_task_shows_the_sentences_before(doubted, schema):
    rows, found = doubted
    tasks = {task.id: task for task in tasks_of_suspects(found, rows, schema, preceding=1)}
    assert tasks["a09:4"].before == ("In town 9 the guild unless pay rises, it was told.",)


@pytest.fixture
def partial(schema):
    """The task of a doubted sentence whose article stands in the corpus only in part, as `data add --partial` leaves it."""
    rows = [
        Row("a", 2, "It rained in April.", (), None, {"before": ["One.", "Two."]}),
        Row("a", 9, "She will resign.", (), None, {"before": ["Six.", "Seven.", "Eight."]}),
    ]
    doubt = Doubt("threat", given=False, score=0.9, quality=0.1)
    (task,) = tasks_of_suspects([Suspect(rows[1], (doubt,), {"threat": 0.9})], rows, schema)
    return task


def test_sentence_of_a_part_is_shown_with_its_own_context(partial):
    assert partial.before == ("Seven.", "Eight.")


def test_article_of_which_a_part_is_known_reaches_to_its_last_sentence(partial):
    assert (partial.index, partial.sentences) == (9, 10)


def test_blind_tasks_show_nothing(doubted, schema, tmp_path):
    rows, found = doubted
    file = tmp_path / "suspects.jsonl"
    file.write_text("".join(task.to_json() + "\n" for task in tasks_of_suspects(found, rows, schema, blind=True)), encoding="utf-8")
    start([file], tmp_path / "tasks", schema, tool="label-studio")
    assert "score" not in (tmp_path / "tasks" / "tasks.json").read_text(encoding="utf-8")
    assert read_task_folder(tmp_path / "tasks", schema).about.round == "adjudication"


def test_labels_of_clean_rows_are_not_doubted(schema):
    rows = _rows()
    scores = np.clip(labelled_sentences(rows, schema).targets, 0.02, 0.98)
    assert suspects_of(rows, labelled_sentences(rows, schema), scores, schema) == []


def test_label_that_every_sentence_has_is_not_doubted(schema):
    rows = [Row(row.article_id, row.index, row.text, tuple(dict.fromkeys((*row.labels, "threat"))), row.title) for row in _rows()]
    rows = _with_wrong_label(rows, "a09:4", ("accusation", "threat"))
    data, scores = out_of_fold(rows, schema, CONFIG)
    found = suspects_of(rows, data, scores, schema)
    assert "a09:4" in {suspect.row.id for suspect in found}
    assert "threat" not in {doubt.label for suspect in found for doubt in suspect.doubts}


@pytest.mark.parametrize("labels", [(), ("threat",)])
def test_corpus_without_anything_to_tell_apart_is_told(schema, labels):
    rows = [Row(row.article_id, row.index, row.text, labels, row.title) for row in _rows(2)]
    with pytest.raises(CorpusError, match="mine: has no label that some of its sentences have and others have not"):
        check_doubtable(rows, schema, where="mine")


def test_place_that_no_text_has_is_not_taken_for_that_of_a_sentence(doubted, schema):
    rows, found = doubted
    wrong = [Row(row.article_id, row.index, row.text, row.labels, row.title, {"start": -1, "end": 4}) for row in rows]
    suspects = [Suspect(next(row for row in wrong if row.id == one.row.id), one.doubts, one.scores) for one in found]
    assert all(0 <= task.start < task.end for task in tasks_of_suspects(suspects, wrong, schema))
