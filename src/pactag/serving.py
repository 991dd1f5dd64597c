"""The loader behind a logged model: what `mlflow.pyfunc.load_model`, `mlflow models serve` and `mlflow.pyfunc.spark_udf` call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.articles import Article, is_missing
from pactag.errors import InputError
from pactag.inputs.records import article_of
from pactag.outputs.base import Maker, sentence_rows
from pactag.tagging import Tagger

if TYPE_CHECKING:
    import pandas as pd

# The parameter of `predict`, its values, and the one by default.
ROWS = "rows"
SENTENCES, ARTICLES = "sentences", "articles"


class ServedTagger:
    """Articles in, sentences out."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Tag a frame with the column `text` and, if wanted, `id` and `title`.

        With `params={"rows": "sentences"}`, the default, one row a sentence: id, index, start, end, text, labels, uncertain, and one score
        per label. With `"articles"`, one row an article, as Spark needs it: `sentences` as JSON, and the id.

        :raises InputError: for a text that is no string and an id that is neither that nor a whole number, naming the row; for two rows
            that would have one id; and for other parameters.
        """
        import pandas as pd

        frame = pd.DataFrame(model_input)
        given = (params or {}).get(ROWS, SENTENCES)
        if given not in (SENTENCES, ARTICLES):
            raise InputError(f"params.{ROWS}", f"{given!r} is not known", f"Allowed: {SENTENCES}, {ARTICLES}")
        articles = _articles(frame)
        if given == ARTICLES:
            rows = [{"sentences": json.dumps(list(self._rows(a)), ensure_ascii=False), "id": a.id} for a in self._tagger.tag_many(articles)]
            return pd.DataFrame(rows, columns=["sentences", "id"])
        names = self._tagger.schema.names
        columns = ["id", "index", "start", "end", "text", "labels", "uncertain", *(f"score_{name}" for name in names)]
        return pd.DataFrame([{"id": a.id, **row} for a in self._tagger.tag_many(articles) for row in self._flat(a)], columns=columns)

    def _rows(self, article: Any) -> Iterator[dict[str, Any]]:
        """The canonical rows, whose article and model are known here."""
        for row in sentence_rows(article, Maker(self._tagger.schema, "")):
            yield {name: value for name, value in row.items() if name not in ("article_id", "model")}

    def _flat(self, article: Any) -> Iterator[dict[str, Any]]:
        for row in self._rows(article):
            yield {**row, **{f"score_{name}": score for name, score in row.pop("scores").items()}}


def _articles(frame: pd.DataFrame) -> list[Article]:
    """The articles of the rows. One without an id is called by the number of its row, from 0."""
    articles: list[Article] = []
    given: set[str] = set()
    without_id: list[int] = []
    for number, row in enumerate(frame.to_dict("records")):
        known = {name: _whole(value) if name == "id" else value for name, value in row.items() if not is_missing(value)}
        # In a table a text that is not there is an empty cell of a column that is.
        if "text" in frame.columns:
            known.setdefault("text", None)
        article = article_of(known, where=f"row {number}", default_id=str(number))
        (given.add(article.id) if known.get("id", "") != "" else without_id.append(number))
        articles.append(article)
    for number in without_id:
        if str(number) in given:
            found = f"has no id, and its number is that of another row, {str(number)!r}"
            raise InputError(f"row {number}", found, "Give every row an id, or none")
    return articles


def _whole(value: Any) -> Any:
    """A frame holds whole numbers as floats where one of the column is missing."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _AnsweringTagger(ServedTagger):
    """Mistakes in the input are raised as MLflow's own: of any other error its server keeps the message from who asked."""

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        from mlflow.exceptions import MlflowException

        try:
            return super().predict(model_input, params)
        except InputError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def _load_pyfunc(path: str) -> ServedTagger:
    return _AnsweringTagger(Tagger.load(Path(path)))
