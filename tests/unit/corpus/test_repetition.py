"""Repetition: what articles share shows; what one article repeats does not."""

from __future__ import annotations

import pytest

from pactag.corpus.repetition import repetition
from pactag.corpus.rows import Row

EIGHT = "the pilots of the northern port will strike"


def _rows(*texts: str) -> list[Row]:
    """Each text an article of one sentence."""
    return [Row(f"a{number}", 0, text, ()) for number, text in enumerate(texts)]


def _distinct(count: int, words: int = 12) -> list[Row]:
    return _rows(*(" ".join(f"w{number}x{i}" for i in range(words)) for number in range(count)))


def test_texts_of_their_own_pass():
    found = repetition(_distinct(20))
    assert found.passes
    assert (found.articles, found.sentences, found.sequences, found.duplicates, found.opening_share) == (20, 20, {}, (), 0)


def test_eight_words_in_two_articles_are_found_with_both():
    found = repetition(_rows(f"yesterday {EIGHT} in anger", f"officials say {EIGHT}"))
    assert found.sequences == {EIGHT: ("a0", "a1")}


def test_seven_words_in_two_articles_are_not_counted():
    seven = " ".join(EIGHT.split()[:7])
    assert repetition(_rows(f"{seven} soon", f"{seven} again")).sequences == {}


def test_case_and_punctuation_do_not_hide_a_repetition():
    found = repetition(_rows("The pilots, of the northern port, will strike!", f"x {EIGHT}"))
    assert list(found.sequences) == [EIGHT]


def test_repetition_inside_one_article_does_not_count():
    rows = [Row("a", index, EIGHT, ()) for index in range(9)]
    found = repetition(rows)
    assert (found.sequences, found.duplicates, found.openings) == ({}, (), {})


def test_frequent_sequence_fails():
    found = repetition([*_distinct(500), *_rows(EIGHT, f"x {EIGHT} y z u v w q r s t")])
    assert found.longest_spread == pytest.approx(2 / 500)
    assert set(found.too_frequent) == {EIGHT}
    assert not found.passes


def test_sequence_in_few_of_many_articles_is_allowed():
    rows = _distinct(1000)
    rows[0], rows[1] = Row("a0", 0, f"{EIGHT} a b c d e f g h i j k l", ()), Row("a1", 0, f"m n o p q r s t u v w {EIGHT}", ())
    found = repetition(rows)
    assert len(found.sequences) == 1
    assert found.too_frequent == {}
    assert found.passes


def test_sentences_that_open_alike_in_more_than_five_articles_are_counted():
    rows = _rows(
        *(f"the council said that w{number}" for number in range(6)), "something else entirely happened here", "and more of it came"
    )
    found = repetition(rows)
    assert found.openings == {"the council said that": 6}
    assert found.opening_share == 6 / 8
    assert not found.passes


def test_sentences_that_open_alike_in_five_articles_are_allowed():
    found = repetition(_rows(*(f"the council said that w{number}" for number in range(5))))
    assert (found.openings, found.opening_share, found.passes) == ({}, 0, True)


def test_openings_come_most_frequent_first():
    texts = [f"the council said that w{n}" for n in range(6)] + [f"in a statement the w{n}" for n in range(8)]
    assert list(repetition(_rows(*texts)).openings) == ["in a statement the", "the council said that"]


def test_short_sentences_have_no_opening():
    assert repetition(_rows(*["it rains again"] * 9)).openings == {}


def test_near_duplicates_of_different_articles_are_found():
    first = " ".join(f"w{i}" for i in range(20))
    found = repetition(_rows(first, first.replace("w19", "w99"), "something else of at least eight words is here"))
    assert found.duplicates == (("a0:0", "a1:0"),)
    assert not found.passes


def test_sentences_that_share_half_are_no_duplicates():
    left, shared, right = (" ".join(f"{part}{i}" for i in range(10)) for part in "abc")
    assert repetition(_rows(f"{left} {shared}", f"{shared} {right}")).duplicates == ()


def test_each_pair_of_duplicates_is_told_once():
    text = " ".join(f"w{i}" for i in range(9))
    assert sorted(repetition(_rows(text, text, text)).duplicates) == [("a0:0", "a1:0"), ("a0:0", "a2:0"), ("a1:0", "a2:0")]


def test_equal_sentences_of_eight_words_are_duplicates():
    assert repetition(_rows(EIGHT, EIGHT)).duplicates == (("a0:0", "a1:0"),)


def test_equal_sentences_of_seven_words_are_no_duplicates():
    assert repetition(_rows("one two three four five six seven", "one two three four five six seven")).duplicates == ()


def test_no_rows_can_be_measured():
    found = repetition([])
    assert (found.articles, found.sentences, found.opening_share, found.passes) == (0, 0, 0, True)
