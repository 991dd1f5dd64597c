"""Each kind of model: what is saved is what was trained, and tagging is what training measured."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.articles import Article
from pactag.corpus.rows import by_article, labelled_sentences, read_rows
from pactag.errors import MissingExtraError
from pactag.model_folder import read_manifest
from pactag.models import KINDS, classifier
from pactag.models.base import FitContext
from pactag.tagging import Tagger

# A soup learns nothing itself: test_soup.
ALL = sorted(KINDS.keys() - {"soup"})


@pytest.mark.parametrize("kind", ALL)
def test_saved_model_predicts_as_the_trained_one(kind: str, config_of, small_corpus, schema, tmp_path, trained):
    config = config_of(kind)
    context = config.context
    train, test = (
        labelled_sentences(read_rows(small_corpus / f"{name}.jsonl", schema), schema, preceding=context.preceding, with_title=context.title)
        for name in ("train", "test")
    )
    model = classifier(kind).fit(train, test, config=config, labels=schema.names, context=FitContext())
    model.save(tmp_path)
    manifest = read_manifest(trained[kind].folder).model_copy(update={"tokens": model.tokens})
    loaded = classifier(kind).load(tmp_path, manifest)
    np.testing.assert_array_equal(loaded.predict_logits(test.inputs), model.predict_logits(test.inputs))


@pytest.mark.parametrize("kind", ALL)
def test_tagging_equals_the_training_side_prediction(kind: str, trained, small_corpus, schema):
    run = trained[kind]
    tagger = Tagger.load(run.folder)
    rows = read_rows(small_corpus / "test.jsonl", schema)
    articles = []
    for name, group in by_article(rows).items():
        text = "\n\n".join(row.text for row in group)
        starts = np.cumsum([0, *(len(row.text) + 2 for row in group[:-1])]).tolist()
        spans = tuple((start, start + len(row.text)) for start, row in zip(starts, group, strict=True))
        articles.append(Article(name, text, group[0].title, spans))
    tagged = list(tagger.tag_many(articles))
    scores = np.array([[s.scores[name] for name in schema.names] for article in tagged for s in article.sentences])
    labels = [s.labels for article in tagged for s in article.sentences]
    np.testing.assert_array_equal(scores, run.test.scores)
    assert labels == [schema.decode(row) for row in run.test.predicted]


@pytest.mark.parametrize("kind", ALL)
def test_no_sentences_give_no_logits(kind: str, trained):
    folder = trained[kind].folder
    manifest = read_manifest(folder)
    assert classifier(kind).load(folder, manifest).predict_logits([]).shape == (0, len(manifest.labels))


@pytest.mark.parametrize("kind", ALL)
def test_same_seed_gives_the_same_model(kind: str, config_of, small_corpus, schema):
    config = config_of(kind)
    rows = read_rows(small_corpus / "validation.jsonl", schema)
    sentences = labelled_sentences(rows, schema, preceding=config.context.preceding, with_title=config.context.title)
    first, second = (
        classifier(kind)
        .fit(sentences, sentences, config=config, labels=schema.names, context=FitContext())
        .predict_logits(sentences.inputs)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", ALL)
def test_a_label_that_no_sentence_has_can_be_trained(kind: str, config_of, small_corpus, schema):
    config = config_of(kind)
    rows = read_rows(small_corpus / "validation.jsonl", schema)
    sentences = labelled_sentences(rows, schema)
    targets = sentences.targets.copy()
    targets[:, 0] = 0
    without = type(sentences)(sentences.inputs, targets, sentences.groups, sentences.ids)
    logits = (
        classifier(kind).fit(without, without, config=config, labels=schema.names, context=FitContext()).predict_logits(sentences.inputs)
    )
    assert np.isfinite(logits).all()
    assert logits[:, 0].mean() < 0.5


def test_every_kind_of_the_config_has_a_class():
    from pactag.config import RunConfig

    kinds = {
        definition["properties"]["kind"]["const"]
        for definition in RunConfig.model_json_schema()["$defs"].values()
        if "kind" in definition["properties"]
    }
    assert kinds == set(KINDS)


@pytest.mark.parametrize("library", ["torch", "datasets"])
def test_library_that_is_not_installed_names_the_extra(monkeypatch, library: str):
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{library}'", name=library)

    monkeypatch.setattr("pactag.models.import_module", absent)
    with pytest.raises(MissingExtraError, match=r"pactag\[train\]"):
        classifier("encoder")
