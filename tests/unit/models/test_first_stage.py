"""The first stage: the same scores as scikit-learn, and no more settled than the validation split allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pactag.errors import CorpusError, ModelFolderError
from pactag.metrics import f1_macro
from pactag.models import first_stage_fit
from pactag.models.first_stage import FirstStage, ngrams
from pactag.models.first_stage_fit import LARGEST_LOSS, learn_first_stage, with_threshold

ACTS = ("He threatened to leave.", "They must pay at once.", "She accused the mayor of lying.", "We sign only if they leave.")
FACTS = ("The hall was full.", "Rain fell on Monday.", "The bridge has two lanes.", "Trains run every hour.", "He threatened nobody.")
TEXTS = [text for text in (*ACTS, *FACTS) for _ in range(6)]
LABELLED = [text in ACTS for text in TEXTS]
TARGETS = np.array(LABELLED, dtype=int)[:, None]


@pytest.fixture(scope="module")
def stage() -> FirstStage:
    return with_threshold(learn_first_stage(TEXTS, LABELLED), TEXTS, targets=TARGETS, predicted=TARGETS)


def test_scores_are_those_of_scikit_learn(stage):
    vectoriser = TfidfVectorizer(analyzer=ngrams, sublinear_tf=True, min_df=5)
    regression = LogisticRegression(C=4.0, class_weight="balanced", max_iter=300).fit(vectoriser.fit_transform(TEXTS), LABELLED)
    others = ["He threatened to leave the hall, and left the hall.", "Nothing known here?", ""]
    expected = regression.decision_function(vectoriser.transform([*TEXTS, *others]))
    assert [stage.score(text) for text in (*TEXTS, *others)] == pytest.approx(list(expected), abs=1e-3)


@pytest.mark.parametrize(
    ("texts", "labelled", "told"),
    [
        ([], [], "has 0 sentences, none of them with a label"),
        (TEXTS, [False] * len(TEXTS), "none of them with a label"),
        (TEXTS, [True] * len(TEXTS), "all of them with a label"),
        (TEXTS[::6], LABELLED[::6], "has 9 sentences, too few for any word to stand in 5 of them"),
        (["…"] * 9, [True, False] * 4 + [True], "too few for any word"),
    ],
    ids=["nothing", "no label", "labels alone", "few", "no word"],
)
def test_sentences_that_teach_nothing_are_told(texts, labelled, told: str):
    with pytest.raises(CorpusError, match=f"--first-stage: .*{told}"):
        learn_first_stage(texts, labelled)


def test_facts_are_settled_and_acts_are_not(stage):
    assert all(stage.settles(text) for text in FACTS[:4])
    assert not any(stage.settles(text) for text in ACTS)


def test_no_more_is_settled_than_the_validation_split_allows():
    # The network finds acts in sentences that look like facts to n-grams.
    random = np.random.default_rng(0)
    targets = random.integers(0, 2, size=(len(TEXTS), 2))
    stage = with_threshold(learn_first_stage(TEXTS, LABELLED), TEXTS, targets=targets, predicted=targets)
    settled = np.array([stage.settles(text) for text in TEXTS])
    assert f1_macro(targets, targets * ~settled[:, None]) >= 1.0 - LARGEST_LOSS


def test_more_is_settled_when_more_may_be_lost(monkeypatch):
    targets = np.random.default_rng(0).integers(0, 2, size=(len(TEXTS), 2))
    shares = []
    for loss in (0.002, 0.9):
        monkeypatch.setattr(first_stage_fit, "LARGEST_LOSS", loss)
        stage = with_threshold(learn_first_stage(TEXTS, LABELLED), TEXTS, targets=targets, predicted=targets)
        shares.append(np.mean([stage.settles(text) for text in TEXTS]))
    assert shares[0] < shares[1]


def test_file_gives_the_same_decisions(stage, tmp_path):
    stage.save(tmp_path / "first-stage.json")
    again = FirstStage.load(tmp_path / "first-stage.json")
    assert [again.settles(text) for text in TEXTS] == [stage.settles(text) for text in TEXTS]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"terms": [], "bias": 0, "threshold": 0}', '{"terms": {"a": 1}, "bias": 0}'])
def test_other_content_is_told(tmp_path, content: str):
    path = tmp_path / "first-stage.json"
    path.write_text(content)
    with pytest.raises(ModelFolderError, match="no first stage that pactag wrote"):
        FirstStage.load(path)


@given(text=st.text(max_size=300))
def test_any_text_has_a_finite_score(stage, text: str):
    assert np.isfinite(stage.score(text))
