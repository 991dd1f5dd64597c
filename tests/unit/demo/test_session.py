"""What the demo remembers and gives back; its page is driven by tests/browser."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pactag.annotation.judgements import Judgement, read_judgements
from pactag.annotation.merging import add_to_corpus
from pactag.articles import Article
from pactag.demo import markup, session
from pactag.demo.session import Session, judgements, opened, pasted
from pactag.errors import InputError, PactagError
from pactag.tagging import TaggedArticle, TaggedSentence

TEXT = "The guild offered to meet.\n\nUnless pay rises, they will strike. It rained."


@pytest.fixture
def small(schema) -> Session:
    """Three sentences, of which the model labels the second."""
    spans = [(0, 26), (28, 63), (64, 74)]
    sentences = tuple(
        TaggedSentence(start, end, TEXT[start:end], ("threat",) if index == 1 else (), dict.fromkeys(schema.names, 0.25))
        for index, (start, end) in enumerate(spans)
    )
    return Session((TaggedArticle("port", TEXT, "Port talks", sentences),))


def test_correction_replaces_the_labels_in_schema_order(small, schema):
    corrected = small.corrected((0, 1), ["condition", "threat"], schema)
    assert corrected.labels((0, 1)) == ("threat", "condition")
    assert small.labels((0, 1)) == ("threat",)


def test_labels_of_the_model_take_a_correction_back(small, schema):
    assert small.corrected((0, 1), [], schema).corrected((0, 1), ["threat"], schema).corrections == {}


@pytest.fixture
def actions(schema):
    from pactag.demo.page import Actions

    gradio = SimpleNamespace(update=lambda **changes: changes, skip=lambda: "skip")
    return Actions(gradio, SimpleNamespace(schema=schema), TemporaryDirectory())


def test_error_leaves_what_is_on_the_page(actions, small):
    session, _, told, *others = actions.tag_address(small, "news.example")
    assert session == "skip"
    assert "does not begin with http" in told
    assert set(others) == {"skip"}


def test_error_is_no_markdown(actions, small, tmp_path):
    header = "![x](http://news.example/p.png),*b* <img src=x> [l](www.news.example) _i_ $$x$$ `c` ~~d~~ a@b.example &amp;"
    (tmp_path / "a.csv").write_text(f"{header}\n1\n")
    told = actions.tag_file(small, str(tmp_path / "a.csv"))[2].removeprefix("**error** ")
    assert not set("!*_[]()<>$`~@|\\:/.\"'{}") & set(told)
    assert "'![x](http://news.example/p.png)', '*b* <img src=x> [l](www.news.example) _i_ $$x$$ `c` ~~d~~ a@b" in unescape(told)


def test_corrections_are_not_lost_by_the_next_article(actions, small, schema):
    corrected = small.corrected((0, 0), ["proposal"], schema)
    asked, _, told, *_ = actions.tag_text(corrected, "", "")
    assert (asked.corrections, "1 corrected sentences would be lost" in told) == (corrected.corrections, True)
    # The second time it is done: here there is nothing to tag.
    assert "text: is empty" in unescape(actions.tag_text(asked, "", "")[2])


def test_correction_after_the_question_is_asked_about_again(small, schema):
    asked = replace(small.corrected((0, 0), ["proposal"], schema), kept=True)
    assert not asked.corrected((0, 2), ["threat"], schema).kept


def test_prepared_corrections_may_go(actions, small, schema):
    session, *_ = actions.save(small.corrected((0, 0), ["proposal"], schema), "anna", False)
    assert session.kept


def test_only_corrections_are_judgements_unless_all_was_read(small, schema):
    corrected = small.corrected((0, 0), ["proposal"], schema)
    assert [one.id for one in judgements(corrected, schema, annotator="anna", all_read=False)] == ["port:0"]
    every = judgements(corrected, schema, annotator="anna", all_read=True)
    assert [one.labels for one in every] == [("proposal",), ("threat",), ()]


def test_judgements_go_into_a_corpus(small, schema, tmp_path, corpus_folder):
    folder = corpus_folder()
    found = judgements(small.corrected((0, 0), ["proposal"], schema), schema, annotator="anna", all_read=True)
    path = tmp_path / "corrections.jsonl"
    path.write_text("".join(one.to_json() + "\n" for one in found), encoding="utf-8")
    added = add_to_corpus(read_judgements([path], schema), folder, schema, readers=1)
    assert [row.labels for row in added.rows["train"]] == [("proposal",), ("threat",), ()]


def test_judgement_keeps_offsets_and_context(small, schema):
    one: Judgement = judgements(small.corrected((0, 2), ["threat"], schema), schema, annotator=" anna ", all_read=False)[0]
    assert (one.annotator, TEXT[one.start : one.end], one.sentences) == ("anna", "It rained.", 3)
    assert one.before == ("The guild offered to meet.", "Unless pay rises, they will strike.")


@pytest.mark.parametrize(("annotator", "told"), [("", "your name: is missing"), ("anna", "corrections: are none")])
def test_what_cannot_be_downloaded_is_told(small, schema, annotator: str, told: str):
    with pytest.raises(PactagError, match=told):
        judgements(small, schema, annotator=annotator, all_read=False)


def test_same_text_has_the_same_id():
    assert pasted("He said no.", "").id == pasted("He said no.", "A title").id != pasted("He said yes.", "").id


class Echo:
    """A tagger that takes every article as one sentence, and blank ones as none."""

    def tag_many(self, articles):
        for one in articles:
            sentences = (TaggedSentence(0, len(one.text), one.text, (), {}),) if one.text.strip() else ()
            yield TaggedArticle(one.id, one.text, one.title, sentences)


def test_more_articles_than_a_page_can_show_are_left_out():
    found, more = opened((Article(str(number), "He said no.") for number in range(1000)), Echo())
    assert (len(found.articles), more) == (session.MOST_ARTICLES, True)


@pytest.mark.parametrize(("text", "told"), [("x" * (session.MOST_CHARACTERS + 1), "more than 2,000,000"), (" ", "hold no sentence")])
def test_articles_that_cannot_be_shown_are_told(text: str, told: str):
    with pytest.raises(InputError, match=told):
        opened(iter([Article("a", text)]), Echo())


@given(st.text())
def test_no_text_is_code_in_the_page(text: str):
    shown = markup.safe(text)
    assert not set(shown) & set("<>\"'${}`")


def test_article_has_one_stop_for_the_tab_key(small, schema):
    shown = markup.article(small, 0, schema, chosen=2)
    assert shown.count('tabindex="0"') == 1
    assert 'tabindex="0" aria-pressed="true" data-index="2"' in shown


def test_blank_line_makes_a_paragraph(small, schema):
    assert markup.article(small, 0, schema).count("<p>") == 2


def test_labels_are_said_to_who_does_not_see_colours(small, schema):
    assert '<span class="said"> (threat)</span>' in markup.article(small, 0, schema)
