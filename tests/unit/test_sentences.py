"""Segmentation: whatever the text, spans are true, ordered and whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pactag.abbreviations import for_punkt, tokenizer
from pactag.articles import normalise
from pactag.sentences import SentenceInput, in_context, segment

PIECES = (
    "The council met. ",
    "Mr. Smith left",
    ".",
    "?",
    "!",
    "\n",
    "\n\n",
    " ",
    "\t",
    "\u2028",
    "\x85",
    "\x1c",
    "\u00a0",
    '"',
    "”",
    "“",
    "‘",
    "'",
    "—",
    "-",
    "/",
    "…",
    "U.S. ",
    "First",
    "Lady",
    "...",
    "3.5",
)
ANY_TEXT = st.text(st.characters())
LIKE_NEWS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join)


def _check(text: str) -> None:
    spans = segment(text)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert not "".join(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)).strip()


@settings(max_examples=200)
@given(text=ANY_TEXT)
@example("")
@example("\n \n\n")
@example("\ud800. \udc00")
@example("\ufeff")
def test_any_text_is_covered_by_true_spans(text):
    _check(text)


@settings(max_examples=300)
@given(text=LIKE_NEWS)
def test_text_like_news_is_covered_by_true_spans(text):
    _check(text)


@settings(max_examples=100)
@given(text=ANY_TEXT | LIKE_NEWS)
def test_normalised_text_is_covered_by_true_spans(text):
    _check(normalise(text))


@settings(max_examples=200)
@given(text=ANY_TEXT | LIKE_NEWS)
def test_what_punkt_reads_keeps_every_place(text):
    read = for_punkt(text)
    assert len(read) == len(text)
    changed = [(ours, theirs) for ours, theirs in zip(text, read, strict=True) if ours != theirs]
    assert all(theirs == "-" if ours.isspace() else theirs in ' "' and not (ours.isalnum() or ours in ".!?") for ours, theirs in changed)


@settings(max_examples=100)
@given(text=LIKE_NEWS)
def test_no_sentence_runs_over_a_blank_line(text):
    text = normalise(text)
    assert not any("\n\n" in text[start:end] for start, end in segment(text))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in segment(text)]


def test_sentences_of_a_paragraph_are_apart():
    assert _sentences("The council met. It voted at noon.") == ["The council met.", "It voted at noon."]


def test_line_break_inside_a_paragraph_ends_no_sentence():
    assert _sentences("The council\nmet on\nMonday. It left.") == ["The council\nmet on\nMonday.", "It left."]


@pytest.mark.parametrize("gap", ["\n\n", "\n \t\n", "\n\n\n\n", "\n\n   "])
def test_blank_line_ends_a_sentence(gap: str):
    assert _sentences(f"Port talks fail{gap}The pilots met.") == ["Port talks fail", "The pilots met."]


def test_abbreviation_ends_no_sentence():
    assert _sentences("Mr. Smith met Dr. Jones. They left.") == ["Mr. Smith met Dr. Jones.", "They left."]


@pytest.mark.parametrize(
    "text",
    [
        "U.S. Secretary of State Ann Roe accused them of lying.",
        "The U.S. Ambassador left at 5 p.m. Monday.",
        "Lt. Gen. Ali Roe and Lt. Col. Max Roe met.",
        "In Texas, Lt. Gov. Dan Roe threatened to sue.",
        "Rep. Cole (D-Del.), Sen. Roe and J.K. Lee met on Jan. 5.",
        "He cited No. 5 and Res. 1701.",
        "It costs Rs. 180 or 5 kg. of rice, etc. and so on.",
        "Rockford, Ill. \u2014 The clergy met.",
        "Our demands: 1. Provisional duties",
        "\u2022 09:10. Forty delegates sign in.",
        "18:20. Lights out.",
        "Justice Ann P. Marlow dismissed the appeal.",
        "He cited Art. V of the treaty, Ch. VII of the charter and p. 5.",
        "The group's No. Two left No. Ten Downing Street.",
        "NORFOLK, Va. (AP) \u2014 The clergy met.",
        "The Pa. House, the Md. Senate, the Mo. Assembly and La. Gov. Roe refused.",
        "The W.Va. Senate met in Boone, W.Va. and in Lamar, Mo. \u2014 Union rules apply.",
        "The Ledger (Norfolk, Va.) Editor Ann Roe refused.",
        "BUTLER, Pa. AP \u2014 The clergy met, among them, Md. Lokman Lee and, Del. Roe.",
        "Sen. Roe, D-Va. and once R-Pa., refused.",
        "Mohd. Roe met Maj. Gen. (retd.) Ali Lee and Col. (rtd.) Max Lee.",
        "Pte. Roe, Cllr. Lee, Flt. Lt. Poe and Sqn. Ldr. Doe met.",
        "Maj. A. Khan, Cpl. A. Khan, Insp. A. Khan and Supt. A. Khan refused.",
        "China's Amb. He Yafei and Pres. No Tae-woo met.",
        "The U.S. Under Secretary of State and the U.N. Under\nSecretary-General met.",
        "The U.S. First Lady met the U.K. First Minister and the U.S. First Vice President.",
    ],
)
def test_sentence_goes_on_after(text: str):
    assert _sentences(text) == [text]


@pytest.mark.parametrize(
    "first",
    [
        "Iran rejected the offer last month.",
        "He said no.",
        "\u201cNo.",
        "It rose 2 per cent.",
        "They hope so.",
        "The march ended in Victoria Park.",
        "Three of them fell ill.",
        "The troops left Grenada.",
        "He moved to the U.S.",
        "The bank opens at 9 a.m.",
        "They closed roads, schools, etc.",
        "The quotation is on another p.",
        "She studied modern art.",
        "The polls closed at 20:00.",
        "They won 2:1.",
        "He spoke for his pa.",
        "They read it la la.",
        "They met the union reps.",
        "It burnt for 30 sec.",
        "The mines are in Boone, W.Va.",
        "The clergy met in Norfolk, Va.",
        "The plant is in Tulsa,\nOkla.",
    ],
)
def test_sentence_ends_after(first: str):
    second = "They threatened to strike." if first.endswith(("U.S.", "sec.")) else "Workers threatened to strike."
    assert _sentences(f"{first} {second}") == [first, second]


@pytest.mark.parametrize(
    "second", ["Two of them left.", "Ten ministers resigned.", "I cannot.", "I\u2019m not going.", "Vietnam declined."]
)
@pytest.mark.parametrize("first", ["They said no.", "\u201cNo.\u201d"])
def test_no_ends_before_what_is_no_number_of_it(first: str, second: str):
    assert _sentences(f"{first} {second}") == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        "\u201cU.S. troops must leave,\u201d they said.",
        "\u201cMr. Roe must resign,\u201d they said.",
        "\u2018Mr. Roe must resign,\u2019 they said.",
        "'Mr. Roe must resign,' they said.",
        "\u201eMr. Roe must resign,\u201c they said.",
        "\u00abMr. Roe must resign,\u00bb they said.",
        "They said: \u201c\u2018Mr. Roe must resign,\u2019 we heard.\u201d",
        "\u201cSept. 11 must not return,\u201d they said.",
        "The anti-U.S. protests went on.",
        "The anti\u2011U.S. protests went on.",
        "An Israeli\u2013U.S. deal failed.",
        "It was then-Sen. Ann Roe who threatened to sue.",
        "Maj.-Gen. Roe and Lt.-Col. Lee met.",
        "Sen. Roe, R-Ariz. and D-Vt. once, refused.",
        "They broke off talks\u2014Gen. Roe was absent.",
        "They broke off (\u201ctalks\u201d)\u2014Gen. Roe was absent.",
        "They broke off talks \u2014Gen. Roe was absent.",
        "They want more\u2014e.g. a raise.",
        "The U.S./U.K. force left.",
        "They \u2026Mr. Roe among them\u2026 refused.",
    ],
)
def test_sentence_goes_on_after_an_abbreviation_behind_a_mark(text: str):
    assert _sentences(text) == [text]


@pytest.mark.parametrize(
    "sentences",
    [
        ["He moved to the U.S.", "\u201cThey must leave,\u201d he said."],
        ["The troops left.", "\u201cU.S. forces stay,\u201d he said.", "\u2014They left."],
        ["The troops left.", "\u2026They stayed.", "\u2018Why?\u2019", "'No.'", "\u00abYes.\u00bb"],
        ["The press is anti-U.S.", "They threatened to leave."],
        ["He wrote an Op-Ed.", "Israel answered."],
        ["She likes Jay-Z.", "Israel does not."],
        ["They live in Hawai\u2018i.", "Workers left."],
        ["He said no-no.", "Israel answered."],
        ["\u201cThey must leave\u201d.", "\u201cNever.\u201d"],
    ],
)
def test_sentence_ends_beside_a_mark(sentences: list[str]):
    assert _sentences(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "(GMT)",
        "(UTC)",
        "(Eastern)",
        "(EST, 2200 GMT)",
        "EDT",
        "Pacific",
        "Tehran time",
        "Tehran\ntime",
        "New York time",
        "(New York time)",
        "St. Petersburg time",
        "S\u00e3o Paulo time",
        "U.S. Eastern Time",
        "British Summer Time",
        "Monday",
        "Jan. 5",
        "May 5",
    ],
)
def test_time_of_day_goes_on_with_its_zone_or_day(zone: str):
    text = f"The talks begin at 8 p.m. {zone} in the old town."
    assert _sentences(text) == [text]


@pytest.mark.parametrize("time", ["At 8 p.m.", "Shortly after two a.m.", "On Monday at about 8:30 p.m.", "\u201cBy 8 p.m."])
def test_sentence_that_begins_with_a_time_of_day_goes_on(time: str):
    assert _sentences(f"They met. {time} Roe left. They went home.") == ["They met.", f"{time} Roe left.", "They went home."]


@pytest.mark.parametrize(
    "second",
    [
        "Local officials left.",
        "(Officials left.)",
        "British troops left.",
        "Mayor Ann Roe left.",
        "Marchers left.",
        "Janitors struck.",
        "Officials said that the time had come.",
        "Workers had no time.",
        "Roe left.",
    ],
)
def test_time_of_day_ends_before_what_is_no_part_of_it(second: str):
    assert _sentences(f"The talks begin at 8 p.m. {second}") == ["The talks begin at 8 p.m.", second]


def test_titles_are_those_of_our_tokenizer_alone():
    from nupunkt import PunktSentenceTokenizer

    theirs = PunktSentenceTokenizer._TITLE_ABBREVS
    assert "maj" in tokenizer()._TITLE_ABBREVS
    assert PunktSentenceTokenizer._TITLE_ABBREVS is theirs
    assert "maj" not in theirs


def test_number_of_an_item_stays_with_it():
    assert _sentences("They want two things. 1. Talks at once. 2. A vote.") == ["They want two things.", "1. Talks at once.", "2. A vote."]


def test_items_of_a_list_are_apart():
    text = "The union demands:\n- a raise of 5 per cent\n- an end to layoffs\n- The minister must resign\nManagement refuses to talk"
    assert _sentences(text) == text.split("\n")


@pytest.mark.parametrize("bullet", ["- ", "* ", "\u2022", "\u2022 ", "\u00b7", "\u25cf", "\u25e6", "\u25a0 ", "\u25cb\t"])
def test_bullets_are_known(bullet: str):
    text = f"The union demands:\n{bullet}Stop the layoffs at once or we strike\n{bullet}raise wages and pay what is owed to us"
    assert _sentences(text) == text.split("\n")


def test_items_with_letters_are_apart():
    text = "The union demands:\na) a raise of 5 per cent\nb) an end to layoffs\nc) Talks"
    assert _sentences(text) == text.split("\n")


@pytest.mark.parametrize("dash", ["-", "\u2013", "\u2014"])
def test_lines_that_begin_with_a_dash_are_items_where_there_are_two(dash: str):
    text = f"The crowd outside of the ministry called out:\n{dash}Stop the layoffs and raise wages\n{dash}Free those who are in prison"
    assert _sentences(text) == text.split("\n")


@pytest.mark.parametrize(
    "text",
    [
        "The crowd outside of the ministry refused to go\n\u2014Mr. Roe among them\u2014until the ministers had met it.",
        "The mercury fell overnight to no more than\n-5 degrees in the north and then it fell to\n-15 degrees in the east.",
    ],
)
def test_line_that_begins_with_a_dash_is_wrapped_text(text: str):
    assert _sentences(text) == [text]


WRAPPED = "The port and the quay are closed to the ships of\nIran and of Oman, said the port authority of the\nUnited Arab Emirates."
ADDRESS = f"https://example.org/{'a' * 150}"


@pytest.mark.parametrize(
    "line", [ADDRESS, f"See {ADDRESS}", f"  - {ADDRESS}", f"[1] {ADDRESS}", ADDRESS.removeprefix("https://"), "=" * 150]
)
def test_address_above_wrapped_text_is_apart(line: str):
    assert _sentences(f"{line}\n{WRAPPED}") == [line.strip(), WRAPPED]


def test_address_below_a_line_belongs_to_it():
    text = f"{WRAPPED[:-1]} and on\n{ADDRESS}\nor elsewhere."
    assert _sentences(text) == [text]


def test_lines_with_an_address_may_be_paragraphs():
    lines = ["Talks on the port collapse", f"The port {'and the quay ' * 12}are closed ({ADDRESS}).", "Old ferries are late"]
    assert _sentences("\n".join(lines)) == lines


@pytest.mark.parametrize("line", ["Houses burn", "Housewarming"])
def test_addresses_alone_give_no_width(line: str):
    assert _sentences(f"{ADDRESS}\n{line}") == [ADDRESS, line]


def test_item_that_is_wrapped_is_one_sentence():
    assert _sentences("- The minister must resign by the end of\n  March, they said\n- a raise") == [
        "- The minister must resign by the end of\n  March, they said",
        "- a raise",
    ]


def test_headline_is_apart_from_the_line_below_it():
    text = "Talks collapse in Geneva\nBy Ann Roe\nThe union threatened to strike on Monday."
    assert _sentences(text) == text.split("\n")


def test_lines_too_long_to_be_wrapped_are_paragraphs():
    lines = ["The port " + "and the quay " * 12 + "are closed", "The " + "old " * 40 + "ferry is late"]
    assert _sentences("\n".join(lines)) == lines


def test_text_without_a_full_stop_is_one_sentence():
    assert _sentences("  a caption without an end ") == ["a caption without an end"]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\u00a0\u2028\n \n"])
def test_text_of_white_space_has_no_sentence(text: str):
    assert segment(text) == []


@pytest.mark.parametrize("piece", ["word ", "word", "no-", "No-Pa", "\u2014", "/", "p.m", ", Pa.", "'", "Up: 1. "])
def test_long_text_without_a_full_stop_is_covered(piece: str):
    text = piece * 20_000
    assert segment(text) == [(0, len(text.rstrip()))]


# Context


def test_sentence_sees_those_before_it_nearest_last():
    inputs = in_context(["a", "b", "c", "d"], title="T", preceding=2, with_title=False)
    assert [item.before for item in inputs] == [(), ("a",), ("a", "b"), ("b", "c")]


def test_without_context_a_sentence_stands_alone():
    assert in_context(["a", "b"], title="T", preceding=0, with_title=False) == [SentenceInput("a"), SentenceInput("b")]


def test_every_sentence_sees_the_title_when_asked():
    assert [item.title for item in in_context(["a", "b"], title="T", preceding=0, with_title=True)] == ["T", "T"]


def test_article_without_a_title_gives_none():
    assert in_context(["a"], title=None, preceding=1, with_title=True) == [SentenceInput("a")]


def test_no_sentences_give_no_inputs():
    assert in_context([], title="T", preceding=2, with_title=True) == []
