"""Articles that a model labels, added to the training split: whole, apart from the corpus, or not at all."""

from __future__ import annotations

import json

import pytest

from pactag import Tagger
from pactag.adapting import adapt_corpus
from pactag.articles import Article
from pactag.corpus.rows import read_corpus
from pactag.errors import CorpusError

ARTICLES = [
    Article("a", "The pilots threatened to strike. It rained in Oslo.", "Port talks"),
    Article("a", "The envoy asked both sides to stop."),
    Article("empty", ""),
]


@pytest.fixture(scope="module")
def tagger(trained) -> Tagger:
    return Tagger.load(trained["tfidf"].folder)


@pytest.fixture
def adapted(tagger, small_corpus, schema, tmp_path):
    folder = tmp_path / "adapted"
    return folder, adapt_corpus(small_corpus, tagger.tag_many(ARTICLES), folder, schema)


def test_sentences_stand_in_the_training_split_with_the_labels_of_the_model(adapted, tagger, small_corpus, schema):
    folder, added = adapted
    old, new = read_corpus(small_corpus, schema), read_corpus(folder, schema)
    rows = new["train"][len(old["train"]) :]
    assert new["train"][: len(old["train"])] == old["train"]
    assert [(row.id, row.text, row.title) for row in rows] == [
        ("own-a:0", "The pilots threatened to strike.", "Port talks"),
        ("own-a:1", "It rained in Oslo.", "Port talks"),
        ("own-a-2:0", "The envoy asked both sides to stop.", None),
    ]
    said = [sentence.labels for article in tagger.tag_many(ARTICLES) for sentence in article.sentences]
    assert [row.labels for row in rows] == [tuple(labels) for labels in said]
    assert (added.articles, added.sentences, added.digest) == (2, 3, new.digest)
    assert added.with_label == sum(bool(labels) for labels in said)


def test_an_adapted_corpus_can_be_adapted_again(adapted, tagger, schema, tmp_path):
    again = tmp_path / "again"
    more = [Article("a", "The mayor left. Nobody followed her.")]
    adapt_corpus(adapted[0], tagger.tag_many(more), again, schema)
    assert [row.id for row in read_corpus(again, schema)["train"][-2:]] == ["own-a-3:0", "own-a-3:1"]


def test_article_that_an_earlier_call_added_is_left_out(adapted, tagger, schema, tmp_path):
    more = [*ARTICLES, Article("b", "The mayor left.")]
    added = adapt_corpus(adapted[0], tagger.tag_many(more), tmp_path / "again", schema)
    assert (added.articles, added.left_out) == (1, 2)


def test_article_of_the_training_split_is_left_out(tagger, small_corpus, schema, tmp_path):
    rows = [
        row
        for row in read_corpus(small_corpus, schema)["train"]
        if row.article_id == read_corpus(small_corpus, schema)["train"][0].article_id
    ]
    text = " ".join(row.text for row in rows)
    starts = [sum(len(row.text) + 1 for row in rows[:place]) for place in range(len(rows))]
    spans = tuple((start, start + len(row.text)) for start, row in zip(starts, rows, strict=True))
    given = [Article("mine", text, spans=spans), Article("b", "The mayor left.")]
    added = adapt_corpus(small_corpus, tagger.tag_many(given), tmp_path / "adapted", schema)
    assert (added.articles, added.left_out) == (1, 1)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_other_splits_stay_as_they_are(adapted, small_corpus, split):
    assert (adapted[0] / f"{split}.jsonl").read_bytes() == (small_corpus / f"{split}.jsonl").read_bytes()


def test_folder_that_exists_is_kept(adapted, tagger, small_corpus, schema):
    folder, _ = adapted
    before = (folder / "train.jsonl").read_bytes()
    with pytest.raises(CorpusError, match="adapted: exists already"):
        adapt_corpus(small_corpus, tagger.tag_many(ARTICLES), folder, schema)
    assert (folder / "train.jsonl").read_bytes() == before


def test_without_a_sentence_nothing_is_written(tagger, small_corpus, schema, tmp_path):
    with pytest.raises(CorpusError, match="would get no sentence"):
        adapt_corpus(small_corpus, tagger.tag_many([Article("empty", " ")]), tmp_path / "adapted", schema)
    assert list(tmp_path.iterdir()) == []


def test_command_adds_what_can_be_read_and_tells_the_rest(pactag, trained, small_corpus, tmp_path):
    (tmp_path / "good.txt").write_text("The pilots threatened to strike.", encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xff")
    inputs = [tmp_path / "good.txt", tmp_path / "bad.txt"]
    options = ["--model", trained["tfidf"].folder, "--corpus", small_corpus, "-o", tmp_path / "adapted"]
    done = pactag("data", "adapt", *inputs, *options)
    assert done.returncode == 2
    assert "1 sentences of 1 articles added" in done.stdout
    assert "bad.txt" in done.stderr
    last = (tmp_path / "adapted/train.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last)["text"] == "The pilots threatened to strike."


def test_command_tells_why_no_sentence_came(pactag, trained, small_corpus, tmp_path):
    options = ["--model", trained["tfidf"].folder, "--corpus", small_corpus, "-o", tmp_path / "adapted"]
    done = pactag("data", "adapt", tmp_path / "none.txt", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.txt" in done.stderr
    assert "would get no sentence" in done.stderr
    assert not (tmp_path / "adapted").exists()


def test_article_that_is_in_a_held_out_split_is_left_out(tagger, small_corpus, schema, tmp_path):
    held_out = next(row.text for row in read_corpus(small_corpus, schema)["test"] if len(row.text.split()) >= 8)
    given = [Article("leak", f"{held_out.upper()} More of it."), *ARTICLES, Article("again", ARTICLES[1].text)]
    added = adapt_corpus(small_corpus, tagger.tag_many(given), tmp_path / "adapted", schema)
    assert (added.articles, added.left_out) == (2, 2)


def test_sentence_of_white_space_alone_is_passed_over(tagger, small_corpus, schema, tmp_path):
    article = Article("blank", "They met. \u00a0 They left.", spans=((0, 9), (10, 11), (12, 22)))
    assert adapt_corpus(small_corpus, tagger.tag_many([article]), tmp_path / "adapted", schema).sentences == 2
