"""The loader behind a logged model: what `mlflow.pyfunc.load_model` and `mlflow models serve` call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pactag.tagging import Tagger

if TYPE_CHECKING:
    import pandas as pd


class ServedTagger:
    """Articles in, one row a sentence out."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Tag a frame with the column `text` and, if wanted, `id` and `title`.

        Returns a frame with one row a sentence: id, index, start, end, text, labels, and one score per label.
        """
        import pandas as pd

        frame = pd.DataFrame(model_input)
        names = self._tagger.schema.names
        rows = []
        for number, article in enumerate(frame.to_dict("records")):
            title = article.get("title")
            tagged = self._tagger.tag(str(article["text"]), title=title if isinstance(title, str) else None)
            given = article.get("id")
            for index, sentence in enumerate(tagged.sentences):
                rows.append(
                    {
                        "id": given if isinstance(given, str) else str(number),
                        "index": index,
                        "start": sentence.start,
                        "end": sentence.end,
                        "text": sentence.text,
                        "labels": list(sentence.labels),
                        **{f"score_{name}": sentence.scores[name] for name in names},
                    }
                )
        columns = ["id", "index", "start", "end", "text", "labels", *(f"score_{name}" for name in names)]
        return pd.DataFrame(rows, columns=columns)


def _load_pyfunc(path: str) -> ServedTagger:
    return ServedTagger(Tagger.load(Path(path)))
