"""Written articles: header, paragraphs, intents, and mistakes told with file and line."""

from __future__ import annotations

import pytest

from pactag.corpus.written import Intent, WrittenSentence, read_articles
from pactag.errors import CorpusError


@pytest.fixture
def articles(data_folder, schema):
    """Reads what stands in the folder."""
    return lambda: read_articles(data_folder.root / "articles", schema)


@pytest.fixture
def problems(data_folder, articles):
    def of() -> list[str]:
        with pytest.raises(CorpusError) as error:
            articles()
        return [str(problem).replace(f"{data_folder.root}/articles/", "") for problem in error.value.problems]

    return of


def test_header_and_folder_say_what_an_article_is(data_folder, articles):
    data_folder.article("w2-01", "It rains.", writer="w2", topic="weather", register="agency")
    article = articles()["w2-01"]
    assert (article.id, article.writer, article.title, article.date) == ("w2-01", "w2", "Port talks", "2011-09-14")
    assert (article.topic, article.register, article.structure) == ("weather", "agency", "claim first")


def test_each_line_is_a_sentence_and_blank_lines_end_paragraphs(data_folder, articles):
    data_folder.article("a", "", "", "One.", "Two.", "", "  ", "Three.", "", "")
    assert articles()["a"].sentences == (WrittenSentence("One.", 0, ()), WrittenSentence("Two.", 0, ()), WrittenSentence("Three.", 1, ()))


def test_intents_belong_to_the_sentence_above(data_folder, articles):
    data_folder.article(
        "a", "The pilots will strike unless the port pays.", "> threat | The pilots | the port", "> condition | The pilots | -", "It rains."
    )
    first, second = articles()["a"].sentences
    assert first.intents == (Intent("threat", "The pilots", "the port"), Intent("condition", "The pilots", None))
    assert second.intents == ()


def test_white_space_inside_a_sentence_is_one_space(data_folder, articles):
    data_folder.article("a", "  The \t pilots\u00a0met. ")
    assert articles()["a"].sentences[0].text == "The pilots met."


def test_colons_belong_to_the_value_of_a_field(data_folder, articles):
    data_folder.article("a", "It rains.", topic="talks: the second round")
    assert articles()["a"].topic == "talks: the second round"


def test_windows_line_ends_make_no_difference(data_folder, articles):
    path = data_folder.article("a", "One.", "> threat | - | -", "Two.")
    expected = articles()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert articles() == expected


def test_articles_come_in_the_order_of_writer_and_name(data_folder, articles):
    for name, writer in (("b-2", "b"), ("b-1", "b"), ("a-9", "a")):
        data_folder.article(name, "It rains.", writer=writer)
    assert list(articles()) == ["a-9", "b-1", "b-2"]


def test_digest_is_that_of_the_sentences_alone(data_folder, articles):
    data_folder.article("a", "One.", "", "Two.")
    before = articles()["a"].digest
    data_folder.article("a", "One.", "> threat | - | -", "Two.", topic="other")
    assert articles()["a"].digest == before == data_folder.digests["a"]


def test_digest_changes_with_the_text(data_folder, articles):
    data_folder.article("a", "One.", "Two.")
    data_folder.article("b", "One. Two.")
    assert articles()["a"].digest != articles()["b"].digest


# Mistakes


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title: Port talks", "titel: Port talks", "w1/a.txt:1: 'titel' stands where `title: ...` should. Header: title, date, topic"),
        ("topic: strikes", "topic: ", "w1/a.txt:3: 'topic' stands where `topic: ...` should"),
        ("date: 2011-09-14", "date: 14 Sept 2011", "w1/a.txt:2: '14 Sept 2011' is not a date. Write YYYY-MM-DD"),
        ("It rains.", "", "w1/a.txt: holds no sentence. Write one sentence a line below the header"),
        ("It rains.", "> threat | - | -\nIt rains.", "w1/a.txt:7: an intent stands before any sentence. Put it under its sentence"),
        ("It rains.", "It rains.\n> threat | -", "w1/a.txt:8: '> threat | -' has 2 parts. Write `> label | source | target`"),
        ("It rains.", "It rains.\n> treat | - | -", "w1/a.txt:8: unknown label 'treat'. The schema has: proposal, accusation"),
        ("It rains.", "It rains.\n> threat | it | -", "w1/a.txt:8: the source 'it' does not stand in the sentence above. Copy its words"),
        ("It rains.", "It rains.\n> threat | It | snow", "w1/a.txt:8: the target 'snow' does not stand in the sentence above"),
        ("It rains.", "It rains.\n> threat |  | -", "w1/a.txt:8: "),
    ],
    ids=["field", "empty field", "date", "no sentence", "early intent", "parts", "label", "source", "target", "empty source"],
)
def test_mistake_is_told_with_its_line(data_folder, problems, old: str, new: str, told: str):
    path = data_folder.article("a", "It rains.")
    path.write_text(path.read_text().replace(old, new))
    (found,) = problems()
    assert found.startswith(told)


def test_missing_header_line_is_told(data_folder, problems):
    path = data_folder.article("a", "It rains.")
    path.write_text(path.read_text().replace("topic: strikes\n", ""))
    assert problems()[0].startswith("w1/a.txt:3: 'register' stands where `topic: ...` should")


def test_empty_file_is_told(data_folder, problems):
    data_folder.article("a").write_text("")
    assert problems()[0].startswith("w1/a.txt:1: '' stands where `title: ...` should")


def test_other_encoding_is_told(data_folder, problems):
    data_folder.article("a", "It rains.").write_bytes("title: Zürich\n".encode("latin-1"))
    assert problems() == ["w1/a.txt: byte 8 is not valid UTF-8. Save the file as UTF-8"]


def test_two_writers_may_not_use_the_same_article_name(data_folder, problems):
    data_folder.article("a", "It rains.", writer="w1")
    data_folder.article("a", "It snows.", writer="w2")
    (found,) = problems()
    assert "w1/a.txt" in found
    assert "w2/a.txt" in found


@pytest.mark.parametrize("folder", ["articles", "articles/w1"])
def test_folder_without_articles_is_told(data_folder, problems, folder: str):
    (data_folder.root / folder).mkdir(parents=True)
    (found,) = problems()
    assert found.endswith("articles: holds no article. Put articles into folder/writer/id.txt")


def test_mistakes_of_all_articles_are_told_together(data_folder, problems):
    data_folder.article("a", "It rains.", "> treat | - | -", "> threat | x | -")
    data_folder.article("b", "It rains.", writer="w2")
    data_folder.article("c", writer="w3")
    assert [line.split(": ")[0] for line in problems()] == ["w1/a.txt:8", "w1/a.txt:9", "w3/c.txt"]
