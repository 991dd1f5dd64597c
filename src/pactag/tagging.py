"""The tagger: articles in, labelled sentences with exact offsets out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from pactag.articles import Article, Span, check_spans, is_missing, normalise
from pactag.calibration import apply_thresholds, calibrated, near_threshold
from pactag.errors import InputError, ModelFolderError
from pactag.model_folder import BUILT_IN, BUILT_IN_FOLDERS, MANIFEST, Manifest, read_manifest, read_schema
from pactag.models import id_of, load_scorer
from pactag.schema import Schema, check_same_labels
from pactag.sentences import SentenceInput, in_context, segment

if TYPE_CHECKING:
    from pactag.config import ContextConfig
    from pactag.models.base import SentenceScorer

# Sentences that are scored together: enough to fill batches of like length, little enough to keep memory flat.
_SENTENCES_AT_ONCE = 2048
_ARTICLES_AT_ONCE = 256


@dataclass(frozen=True)
class TaggedSentence:
    """One sentence: `article.text[start:end] == text`; a calibrated score for every label, and the labels whose threshold it reaches.

    `uncertain` names the labels, given or not, whose score lies so near the threshold that the decision is often wrong.
    """

    start: int
    end: int
    text: str
    labels: tuple[str, ...]
    scores: Mapping[str, float]
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaggedArticle:
    """An article and its sentences, in order. Offsets count code points of `text`, the normalised text."""

    id: str
    text: str
    title: str | None
    sentences: tuple[TaggedSentence, ...]


class Tagger:
    """A trained model, ready to tag. `Tagger.load` makes one."""

    def __init__(
        self, model: SentenceScorer, manifest: Manifest, schema: Schema, *, backend: str | None = None, folder: Path | None = None
    ) -> None:
        self._model = model
        self.manifest = manifest
        self.schema = schema
        self._backend = backend
        self._folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        """Another process, to which no network can be sent, loads it again from its folder."""
        if self._folder is None:
            raise TypeError("a Tagger that was not loaded from a folder cannot be sent to another process")
        return partial(type(self).load, backend=self._backend), (self._folder,)

    @classmethod
    def load(
        cls,
        model: Path | str | None = None,
        *,
        backend: str | None = None,
        schema: Schema | None = None,
        tracking_uri: str | None = None,
    ) -> Self:
        """Load a model folder, `runs:/<run id>`, `models:/<name>@<alias>` or a model that comes with pactag: `built-in`, the default,
        or `built-in-small`, which is quicker and less accurate.

        :param backend: `int8`, `onnx`, `torch`, `int4`, `int8-dynamic` or `packed`; by default the first of them that the folder holds.
        :param schema: refuse a model whose labels are not those of this schema.
        :param tracking_uri: the MLflow store of a `runs:/` or `models:/` address; by default as in training.
        :raises PactagError: when there is no such model, when its folder is incomplete, altered or foreign, or its labels differ.
        """
        folder = resolve_model(model, tracking_uri=tracking_uri)
        manifest = read_manifest(folder)
        own_schema = read_schema(folder)
        check_same_labels(own_schema.names, manifest.labels, where=str(folder))
        if schema is not None:
            check_same_labels(schema.names, manifest.labels, where=str(folder))
        return cls(load_scorer(folder, manifest, backend=backend), manifest, own_schema, backend=backend, folder=folder.absolute())

    @property
    def model_id(self) -> str:
        """Short name of exactly the weights and thresholds that tag, for outputs that must say who made them."""
        return id_of(self.manifest, backend=self._backend)

    def tag(self, text: str, *, title: str | None = None, spans: Sequence[Span] | None = None, id: str = "") -> TaggedArticle:
        """Tag one article.

        :param text: any text; offsets in the result refer to `result.text`, where line ends are `\\n` and NUL is a space.
        :param spans: own sentences as `(start, end)` in code points of that text, instead of segmentation.
        :raises InputError: for a text or a title that is no string, and for spans that overlap, are out of order or leave the text.
        """
        if spans is not None and not isinstance(spans, Iterable):
            raise InputError("spans", f"is {_kind(spans)}", "Give pairs (start, end) in code points, or leave it out")
        return next(self.tag_many([Article(id, text, title, tuple(spans) if spans is not None else None)]))

    def tag_many(self, articles: Iterable[Article | str]) -> Iterator[TaggedArticle]:
        """Tag a stream of articles, lazily and in order, batching across articles.

        What stands before an article that cannot be tagged comes before the error.

        :raises InputError: for anything but several articles or texts, for one of them that is neither, telling its number from 0, and as
            `tag` does.
        """
        stream = enumerate(_several(articles))
        pending: list[tuple[Article, tuple[Span, ...]]] = []
        waiting = 0
        while True:
            try:
                number, given = next(stream)
                article = _prepared(given, where=f"articles[{number}]")
                spans = article.spans if article.spans is not None else tuple(segment(article.text))
            except StopIteration:
                break
            except Exception:
                yield from self._tag_together(pending)
                raise
            pending.append((article, spans))
            waiting += len(spans)
            if waiting >= _SENTENCES_AT_ONCE or len(pending) >= _ARTICLES_AT_ONCE:
                yield from self._tag_together(pending)
                pending, waiting = [], 0
        yield from self._tag_together(pending)

    @property
    def context(self) -> ContextConfig:
        """What the model sees besides each sentence."""
        # Imported on use: tagging reads no run config, and its classes take long to make.
        from pactag.config import ContextConfig

        tokens = self.manifest.tokens
        return ContextConfig(preceding=tokens.preceding, title=tokens.title) if tokens else ContextConfig()

    def scores(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """Calibrated scores of sentences that are already in context, shape `(len(inputs), labels)`, labels in schema order."""
        scales = [self.manifest.calibration[name] for name in self.schema.names]
        return calibrated(self.logits(inputs), scales)

    def logits(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """What the network says of sentences that are already in context, before calibration. Shape as of `scores`."""
        return self._model.predict_logits(inputs)

    def _tag_together(self, pending: Sequence[tuple[Article, tuple[Span, ...]]]) -> Iterator[TaggedArticle]:
        tokens = self.manifest.tokens
        preceding, with_title = (tokens.preceding, tokens.title) if tokens else (0, False)
        inputs: list[SentenceInput] = []
        for article, spans in pending:
            texts = [article.text[start:end] for start, end in spans]
            inputs += in_context(texts, title=article.title, preceding=preceding, with_title=with_title)
        scores = iter(self._score_in_parts(inputs))
        for article, spans in pending:
            own = list(islice(scores, len(spans)))
            sentences = tuple(self._sentence(article.text, span, row) for span, row in zip(spans, own, strict=True))
            yield TaggedArticle(article.id, article.text, article.title, sentences)

    def _score_in_parts(self, inputs: Sequence[SentenceInput]) -> Iterator[np.ndarray]:
        for start in range(0, len(inputs), _SENTENCES_AT_ONCE):
            yield from self.scores(inputs[start : start + _SENTENCES_AT_ONCE])

    def _sentence(self, text: str, span: Span, scores: np.ndarray) -> TaggedSentence:
        names = self.schema.names
        labels = self.schema.decode(apply_thresholds(scores, self.manifest.thresholds, names))
        uncertain = self.schema.decode(near_threshold(scores, self.manifest.thresholds, self.manifest.margins, names))
        start, end = span
        return TaggedSentence(start, end, text[start:end], labels, dict(zip(names, map(float, scores), strict=True)), uncertain)


def _several(articles: Iterable[Article | str]) -> Iterator[Article | str]:
    if isinstance(articles, str | bytes):
        raise InputError("tag_many", "was given one text, which would be read letter by letter", "Call tag(text), or tag_many([text])")
    if isinstance(articles, Article | Mapping) or not isinstance(articles, Iterable):
        raise InputError("tag_many", f"was given {_kind(articles)}", "Give an iterable of texts or of pactag.Article")
    return iter(articles)


def _prepared(given: Article | str, *, where: str) -> Article:
    if not isinstance(given, Article | str):
        raise InputError(where, f"is {_kind(given)}", "Give a text or a pactag.Article")
    article = Article("", given) if isinstance(given, str) else given
    where = f"article {article.id!r}" if article.id else where
    if not isinstance(article.text, str):
        raise InputError(where, f"its text is {type(article.text).__name__}, not str", "Decode it first")
    text = normalise(article.text)
    spans = None if article.spans is None else check_spans(article.spans, text, where=where)
    title: object = article.title
    if not isinstance(title, str) and not is_missing(title):
        raise InputError(where, f"its title is {type(title).__name__}, not str", "Decode it first, or leave it out")
    return Article(normalise(str(article.id)), text, (normalise(title) if isinstance(title, str) else "") or None, spans)


def _kind(value: object) -> str:
    return "None" if value is None else f"of the type {type(value).__name__}"


def resolve_model(model: Path | str | None = None, *, tracking_uri: str | None = None) -> Path:
    """The folder behind a path, an address of the tracking store, or the name of a model that pactag brings along: by default `built-in`.

    :raises ModelFolderError: for an empty name, and when this pactag was built without the model.
    :raises MissingExtraError: for an address, when MLflow is not installed.
    """
    if model == "":
        raise ModelFolderError("model", "is empty", f"Name a model folder, runs:/<id> or {BUILT_IN!r}, or leave it out")
    built_in = BUILT_IN_FOLDERS.get(str(model or BUILT_IN))
    if built_in is not None:
        if not (built_in / MANIFEST).is_file():
            fix = "Name a model folder, runs:/<id> or models:/<name>@<alias>; `make builtin` puts one in"
            raise ModelFolderError(f"the model {model or BUILT_IN}", "is not in this installation of pactag", fix)
        return built_in
    if isinstance(model, str) and model.startswith(("runs:/", "models:/")):
        from pactag.tracking import Tracker

        return Tracker(tracking_uri).download_model(model)
    return Path(str(model))
