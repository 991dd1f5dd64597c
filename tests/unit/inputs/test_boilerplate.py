"""Buttons and notices of web pages do not become sentences, and sentences that look a little like them stay."""

from __future__ import annotations

import importlib.util

import pytest

from pactag.inputs import read_articles
from pactag.inputs.boilerplate import without_boilerplate
from pactag.sentences import segment

BOILERPLATE = [
    *("Add a Comment", "ADD A COMMENT", "Add a comment »", "Post a comment", "Leave a Reply", "View all comments", "View 12 comments"),
    *("Comments", "Comments (12)", "12 comments", "No comments yet", "Comments are closed."),
    *("Share", "Share this article", "Share this story on Facebook", "Print", "Email this page", "Tweet"),
    *("Advertisement", "Story continues below advertisement", "Sponsored content"),
    *(
        "Subscribe",
        "Subscribe to our newsletter",
        "Sign up for our daily newsletter!",
        "Log in",
        "Click here to subscribe",
        "Follow us on X",
    ),
    *("Related articles", "Related", "Most read", "More stories", "Read more", "Read more: Harbour fees rise again", "See also: The rota"),
    *("Skip to main content", "Back to top", "Loading...", "Copyright 2011 The Harbour Post. All rights reserved.", "© 2011 The Post"),
    *(
        "© The Harbour Post",
        "Copyright © 2011-2024 The Post",
        "Copyright (c) 2011",
        "(c) 2011 The Post",
        "Copyright The Post. All rights reserved",
    ),
    *("Click here", "Click here for more on this story", "Click here to sign up for our daily newsletter."),
]
SENTENCES = [
    *(
        "No comment, said the minister.",
        "He declined to comment.",
        "Comments by the minister angered the guild.",
        "Talks",
        "Deadline passes",
    ),
    *(
        "Share the water or we will close the dam, the village said.",
        "Sign up or leave, the foreman told the crew.",
        "Related claims were denied.",
    ),
    *(
        "Follow the rules, the mayor demanded.",
        "The guild will print the list.",
        "Register to vote, they urged.",
        "Search teams left on Monday",
    ),
    *(
        "(c) The union will strike unless both terms are met.",
        "Copyright lawyers accused the port authority of theft.",
        "Click here to kill the deal, the minister joked, and the talks collapse.",
    ),
]


@pytest.mark.parametrize("block", BOILERPLATE)
def test_boilerplate_goes(block: str):
    assert without_boilerplate(block) == ""


@pytest.mark.parametrize("block", SENTENCES)
def test_sentence_stays(block: str):
    assert without_boilerplate(block) == block


@pytest.mark.parametrize("link", ["Add a Comment", "Read more", "Share this article"])
def test_link_behind_a_paragraph_goes(link: str):
    assert without_boilerplate(f"The guild refused. {link}") == "The guild refused."
    assert without_boilerplate(f"“We refuse.”  {link}") == "“We refuse.”"


def test_last_sentence_without_an_end_mark_stays():
    assert without_boilerplate("The guild refused. It offered to meet") == "The guild refused. It offered to meet"


PAGE = """<html><head><title>Ferry talks stall</title></head><body><article><h1>Ferry talks stall</h1>
<p>The ferry guild offered on Monday to resume the talks about the timetable and the rota, its chair said in Bergen.</p>{0}
<p>The operator accused the guild of bad faith and said that it would cancel every contract unless all of them sign soon. {1}</p>
<h2>Deadline</h2><p>About 4,000 commuters use the line every day, and most have no other way to reach the island in the winter.</p>{0}
</article></body></html>"""


@pytest.mark.skipif(importlib.util.find_spec("trafilatura") is None, reason="the extra `html` is not installed")
@pytest.mark.parametrize(
    "shape", ["<p>{}</p>", "<div><a href='#c'>{}</a></div>", "<ul><li>{}</li></ul>", "<h3>{}</h3>", "<button>{}</button>"]
)
def test_page_gives_its_sentences_alone(tmp_path, shape: str):
    for text in ("Add a Comment", "Share this article", "Subscribe to our newsletter"):
        (tmp_path / "a.html").write_text(PAGE.format(shape.format(text), f"<a href='#c'>{text}</a>"))
        (article,) = read_articles([tmp_path / "a.html"])
        sentences = [article.text[start:end] for start, end in segment(article.text)]
        assert [sentence.split()[-1] for sentence in sentences if sentence != "Ferry talks stall"] == [
            "Bergen.",
            "soon.",
            "Deadline",
            "winter.",
        ]
