"""What a served model answers."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from pactag import Tagger
from pactag.errors import InputError
from pactag.serving import ServedTagger

TEXT = "He said no. They offered talks."


@pytest.fixture(scope="module")
def served(trained) -> ServedTagger:
    return ServedTagger(Tagger.load(trained["tfidf"].folder))


def test_a_row_for_each_sentence(served):
    frame = served.predict(pd.DataFrame({"id": ["x", "y"], "text": [TEXT, ""]}))
    assert frame[["id", "index", "start", "end", "text"]].values.tolist() == [
        ["x", 0, 0, 11, "He said no."],
        ["x", 1, 12, 31, "They offered talks."],
    ]
    assert {"labels", "uncertain", "score_threat"} <= set(frame.columns)


def test_a_row_for_each_article_keeps_those_without_a_sentence(served):
    frame = served.predict(pd.DataFrame({"id": ["x", "y"], "text": [TEXT, ""]}), {"rows": "articles"})
    assert list(frame["id"]) == ["x", "y"]
    found = [json.loads(cell) for cell in frame["sentences"]]
    assert [len(sentences) for sentences in found] == [2, 0]
    assert list(found[0][0]) == ["index", "start", "end", "text", "labels", "scores", "uncertain"]


def test_article_without_an_id_is_called_by_its_row(served):
    frame = served.predict([{"text": "He said no."}, {"text": "She left.", "id": "b", "title": "Talks"}])
    assert list(frame["id"]) == ["0", "b"]


@pytest.mark.parametrize("text", [None, float("nan"), 3])
def test_text_that_is_none_is_told_with_its_row(served, text):
    with pytest.raises(InputError, match=r"row 1: its text is (null|a number)"):
        served.predict(pd.DataFrame({"text": ["He said no.", text]}))


def test_other_rows_are_refused(served):
    with pytest.raises(InputError, match="Allowed: sentences, articles"):
        served.predict([{"text": "He said no."}], {"rows": "pages"})
