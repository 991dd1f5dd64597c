"""The tagger: exact offsets on any text, lazy streams, and refusal of what is not its own."""

from __future__ import annotations

import copy
import itertools
import json
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pactag import Article, PactagError, Tagger
from pactag.errors import InputError, ModelFolderError, SchemaError, TrackingError
from pactag.schema import load_schema

UGLY = {
    "empty": "",
    "white space": " \n\t\n  ",
    "one word": "Ceasefire",
    "no punctuation": "the minister said no and no and no " * 300,
    "one sentence of 20,000 characters": "and then he said " * 1176 + "no.",
    "emoji": "He threatened to leave 🚪🔥. Nobody came 👩‍👩‍👧‍👦.",
    "combining characters": "Le pre\u0301sident refuse. U\u0308ber alles wird gesprochen.",
    "right to left": "قال الوزير إن المحادثات توقفت. هدد بالانسحاب.\n\nהשר אמר לא.",
    "Windows line ends": "The first line.\r\n\r\nThe second line.\r\nThe third.",
    "NUL bytes": "A\0B said no.\0 He left.",
    "lone surrogate": "Broken \ud800 text. More.",
}


@pytest.fixture(scope="module")
def tagger(trained) -> Tagger:
    return Tagger.load(trained["tfidf"].folder)


def _holds(article) -> None:
    position = 0
    for sentence in article.sentences:
        assert article.text[sentence.start : sentence.end] == sentence.text
        assert article.text[position : sentence.start].strip() == ""
        assert sentence.text.strip() == sentence.text != ""
        assert all(0 <= score <= 1 for score in sentence.scores.values())
        position = sentence.end
    assert article.text[position:].strip() == ""


@pytest.mark.parametrize("text", UGLY.values(), ids=UGLY)
@pytest.mark.parametrize("kind", ["tfidf", "encoder"])
def test_ugly_text_has_true_offsets(trained, kind: str, text: str):
    _holds(Tagger.load(trained[kind].folder).tag(text))


@pytest.mark.parametrize("kind", ["tfidf", "encoder"])
def test_five_megabytes_are_tagged(trained, kind: str):
    text = ("The council met again on Tuesday and nothing came of it, " * 40 + "said the clerk.\n\n") * 2200
    assert len(text) > 5_000_000
    _holds(Tagger.load(trained[kind].folder).tag(text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=400))
def test_any_text_has_true_offsets(tagger, text: str):
    _holds(tagger.tag(text))


def test_name_and_title_are_made_harmless_as_the_text_is(trained):
    tagger = Tagger.load(trained["encoder"].folder)
    (tagged,) = tagger.tag_many([Article("a\ud800", "He left.", "Talks \ud83d\r\nend")])
    assert (tagged.id, tagged.title) == ("a\ufffd", "Talks \ufffd\nend")


@pytest.mark.parametrize("title", [None, float("nan"), pd.NA])
def test_title_that_a_table_lacks_is_none(tagger, title):
    (tagged,) = tagger.tag_many([Article("a", "He left.", title)])
    assert tagged.title is None


def test_title_that_is_no_string_is_refused(tagger):
    with pytest.raises(InputError, match="its title is bytes, not str"):
        tagger.tag("He left.", title=b"Talks")


def test_scores_near_the_threshold_are_marked_uncertain(tagger):
    sentence = tagger.tag("The union offered to meet.").sentences[0]
    names = tagger.schema.names
    thresholds = {name: sentence.scores[name] - 0.01 for name in names}
    margins = {name: 0.02 if name == names[1] else 0.005 for name in names}
    manifest = tagger.manifest.model_copy(update={"thresholds": thresholds, "margins": margins})
    marked = Tagger(tagger._model, manifest, tagger.schema).tag("The union offered to meet.").sentences[0]
    assert marked.labels == names
    assert marked.uncertain == (names[1],)


def test_given_spans_replace_segmentation(tagger):
    article = tagger.tag("One. Two. Three.", spans=[(0, 9), (10, 16)])
    assert [sentence.text for sentence in article.sentences] == ["One. Two.", "Three."]


@pytest.mark.parametrize("spans", [[(0, 5), (4, 8)], [(5, 8), (0, 4)], [(0, 99)], [(3, 3)], [(-1, 2)]])
def test_bad_spans_are_refused_with_their_place(tagger, spans):
    with pytest.raises(InputError, match=r"spans\[\d\]"):
        tagger.tag("One. Two.", spans=spans)


def test_text_that_is_no_string_is_refused(tagger):
    with pytest.raises(InputError, match="its text is bytes, not str"):
        tagger.tag(b"One.")


@pytest.mark.parametrize("given", [None, b"One.", 3.5, ("a", "b"), {"text": "One."}])
def test_element_that_is_no_article_is_told_with_its_number(tagger, given):
    with pytest.raises(InputError, match=r"articles\[2\]: is (None|of the type \w+)\. Give a text"):
        list(tagger.tag_many(["One.", "Two.", given]))


@pytest.mark.parametrize("given", [None, 5, Article("a", "One."), {"a": "One."}, "One.", b"One."])
def test_anything_but_several_articles_is_refused(tagger, given):
    with pytest.raises(InputError, match="tag_many: was given"):
        list(tagger.tag_many(given))


def test_spans_that_are_no_pairs_are_refused(tagger):
    with pytest.raises(InputError, match="spans: is of the type int"):
        tagger.tag("One.", spans=5)


def test_articles_before_one_that_cannot_be_tagged_come_before_the_error(tagger):
    found = tagger.tag_many([Article("a", "One."), Article("b", "Two."), Article("c", None)])
    assert [next(found).id, next(found).id] == ["a", "b"]
    with pytest.raises(InputError, match="article 'c': its text is NoneType"):
        next(found)


def test_articles_before_an_error_of_the_stream_come_first(tagger):
    def breaking():
        yield "One."
        raise ConnectionError("gone")

    found = tagger.tag_many(breaking())
    assert next(found).text == "One."
    with pytest.raises(ConnectionError, match="gone"):
        next(found)


def test_tagger_sent_to_another_process_tags_the_same(trained):
    tagger = Tagger.load(trained["encoder"].folder)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(tagger.tag, "The union offered to meet.").result() == tagger.tag("The union offered to meet.")


def test_tagger_of_no_folder_is_not_sent(tagger):
    with pytest.raises(TypeError, match="not loaded from a folder"):
        copy.copy(Tagger(tagger._model, tagger.manifest, tagger.schema))


def test_stream_is_lazy(tagger):
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield Article(str(number), "He said no.")

    first = next(tagger.tag_many(endless()))
    assert first.id == "0"
    assert len(taken) < 1000


def test_stream_keeps_order(tagger):
    articles = [Article(str(n), "He said no. " * (n % 7)) for n in range(600)]
    assert [article.id for article in tagger.tag_many(articles)] == [str(n) for n in range(600)]


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "encoder"])
def test_company_does_not_change_labels_or_scores(trained, kind: str, small_corpus):
    tagger = Tagger.load(trained[kind].folder)
    lines = (small_corpus / "test.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines][:40]
    together = list(tagger.tag_many(texts))
    for text, article in zip(texts, together, strict=True):
        alone = tagger.tag(text)
        assert [s.labels for s in alone.sentences] == [s.labels for s in article.sentences]
        for one, other in zip(alone.sentences, article.sentences, strict=True):
            assert one.scores == pytest.approx(other.scores, abs=1e-5)


def test_other_schema_is_refused_with_the_labels_that_differ(trained, tmp_path, schema):
    path = tmp_path / "schema.yaml"
    path.write_text((trained["tfidf"].folder / "schema.yaml").read_text().replace("name: threat", "name: menace"))
    with pytest.raises(SchemaError, match="lacks menace and has threat besides"):
        Tagger.load(trained["tfidf"].folder, schema=load_schema(path))


def test_one_text_in_place_of_several_is_refused(trained):
    with pytest.raises(InputError, match=r"tag_many: was given one text.* Call tag\(text\)"):
        next(Tagger.load(trained["tfidf"].folder).tag_many("Hello world."))


def test_altered_folder_is_refused(trained, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained["encoder"].folder, folder)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ModelFolderError, match=r"model\.safetensors: was altered"):
        Tagger.load(folder)


def test_foreign_objects_in_skops_are_refused(trained, tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    from pactag.model_folder import MANIFEST, file_sha256

    folder = tmp_path / "model"
    shutil.copytree(trained["tfidf"].folder, folder)
    skops.io.dump({"features": FunctionTransformer(shutil.rmtree), "weights": None, "bias": None}, folder / "model.skops")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"]["model.skops"] = file_sha256(folder / "model.skops")
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelFolderError, match=r"holds objects of the types shutil\.rmtree"):
        Tagger.load(folder)


def test_run_and_alias_load_the_same_model(trained, store):
    from pactag.tracking import Tracker

    run = trained["frozen"]
    version, _ = Tracker(store).promote(run.run_id)
    text = "The union offered to meet. The firm said no."
    expected = Tagger.load(run.folder).tag(text)
    for address in (f"runs:/{run.run_id}", "models:/pactag@champion", f"models:/pactag/{version}"):
        assert Tagger.load(address, tracking_uri=store).tag(text) == expected


@pytest.mark.parametrize("address", ["runs:/0123456789abcdef", "models:/nothing@champion", "models:/pactag@nobody"])
def test_unknown_address_is_told(trained, store, address: str):
    with pytest.raises(TrackingError):
        Tagger.load(address, tracking_uri=store)


def test_missing_folder_is_told(tmp_path):
    with pytest.raises(PactagError, match="no such folder"):
        Tagger.load(tmp_path / "nowhere")
