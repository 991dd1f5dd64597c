"""What a served model answers."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from pactag import Tagger
from pactag.errors import InputError
from pactag.serving import ServedTagger, _load_pyfunc

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


def test_whole_numbers_are_kept_as_ids_where_a_row_has_none(served):
    frame = served.predict(pd.DataFrame({"id": [101, None, 103], "text": ["He left.", "She left.", "They left."]}))
    assert list(frame["id"]) == ["101", "1", "103"]


def test_id_that_is_no_whole_number_is_told_with_its_row(served):
    with pytest.raises(InputError, match="row 1: its id is a number"):
        served.predict(pd.DataFrame({"id": [1, 2.5], "text": ["He left.", "She left."]}))


def test_row_without_an_id_whose_number_is_the_id_of_another_is_refused(served):
    with pytest.raises(InputError, match="row 1: has no id, and its number is that of another row, '1'"):
        served.predict(pd.DataFrame({"id": ["1", None], "text": ["He left.", "She left."]}))


def test_title_that_is_a_number_is_told(served):
    with pytest.raises(InputError, match="row 0: its title is a number"):
        served.predict(pd.DataFrame({"title": [3.5], "text": ["He left."]}))


def test_frame_without_a_column_of_texts_is_told_what_it_has(served):
    with pytest.raises(InputError, match=r"row 0: has no field 'text'\. It has: 'body'"):
        served.predict(pd.DataFrame({"body": ["He left."]}))


@pytest.mark.parametrize("text", [None, float("nan"), 3, 3.5])
def test_text_that_is_none_is_told_with_its_row(served, text):
    with pytest.raises(InputError, match=r"row 1: its text is (null|a number)"):
        served.predict(pd.DataFrame({"text": ["He said no.", text]}))


def test_other_rows_are_refused(served):
    with pytest.raises(InputError, match="Allowed: sentences, articles"):
        served.predict([{"text": "He said no."}], {"rows": "pages"})


def test_mlflow_is_told_what_is_wrong_in_a_way_that_it_passes_on(trained):
    loaded = _load_pyfunc(str(trained["tfidf"].folder))
    with pytest.raises(MlflowException, match="row 0: its text is null") as told:
        loaded.predict(pd.DataFrame({"text": [None]}))
    assert told.value.get_http_status_code() == 400
