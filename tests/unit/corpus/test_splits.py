"""Splits: whole articles, alike in labels, and for good."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.corpus.splits import assign_splits


def _articles(count: int, *, sentences: int = 10, prefix: str = "a") -> dict[str, np.ndarray]:
    """Articles with four labels, of which the last is rare."""
    rng = np.random.default_rng(count)
    rates = np.array([0.25, 0.15, 0.15, 0.05])
    return {f"{prefix}{i:04}": (rng.random((sentences, 4)) < rates).astype(np.float32) for i in range(count)}


def _assign(articles, *, existing=None, held_out=(), validation_share=0.15, seed=1) -> dict[str, str]:
    return assign_splits(articles, existing=existing or {}, held_out=held_out, validation_share=validation_share, seed=seed)


def _share(split: dict[str, str], name: str) -> float:
    return list(split.values()).count(name) / len(split)


def test_every_article_gets_a_place():
    assert set(_assign(_articles(50))) == set(_articles(50))


@pytest.mark.parametrize("share", [0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.5])
def test_validation_has_close_to_its_share(share: float):
    assert _share(_assign(_articles(200), validation_share=share), "validation") == pytest.approx(share, abs=0.02)


def test_train_and_validation_have_like_label_rates():
    articles = _articles(300)
    split = _assign(articles)
    train, validation = (np.concatenate([articles[a] for a in articles if split[a] == name]).mean(0) for name in ("train", "validation"))
    np.testing.assert_allclose(train, validation, atol=0.02)


def test_articles_held_out_go_to_test():
    split = _assign(_articles(40), held_out=["a0003", "a0017"])
    assert {article for article, name in split.items() if name == "test"} == {"a0003", "a0017"}


def test_an_article_with_a_place_keeps_it():
    articles = _articles(30)
    first = _assign(articles)
    later = _assign({**articles, **_articles(40, prefix="b")}, existing=first, seed=99)
    assert {article: later[article] for article in articles} == first


def test_an_article_with_a_place_keeps_it_even_when_it_would_be_held_out():
    split = _assign(_articles(20), existing={"a0000": "train", "a0001": "validation"}, held_out=["a0000", "a0001"])
    assert (split["a0000"], split["a0001"]) == ("train", "validation")


def test_places_of_articles_that_are_gone_are_not_given():
    assert "gone" not in _assign(_articles(10), existing={"gone": "test"})


def test_same_seed_gives_the_same_split_whatever_the_order():
    articles = _articles(40)
    assert _assign(dict(reversed(articles.items()))) == _assign(articles)


def test_another_seed_gives_another_split():
    articles = _articles(40)
    assert _assign(articles, seed=2) != _assign(articles, seed=1)


def test_too_few_new_articles_to_divide_go_to_train():
    assert set(_assign(_articles(5)).values()) == {"train"}


def test_no_articles_have_no_places():
    assert _assign({}) == {}


def test_short_articles_with_rare_labels_can_be_divided():
    label_sets = [[1, 0], [1, 0], [1, 0], [0, 0], [0, 0], [0, 1], [1, 1]]
    split = _assign({f"a{i}": np.array([labels], dtype=np.float32) for i, labels in enumerate(label_sets)})
    assert set(split.values()) == {"train", "validation"}


def test_a_label_set_that_stands_once_is_divided_without_a_warning(recwarn):
    articles = _articles(20)
    articles["a0000"][0] = 1
    _assign(articles)
    assert [str(warning.message) for warning in recwarn] == []
