"""Pictures: what they show, and that they are readable on any page."""

from __future__ import annotations

import numpy as np
import pytest

from pactag.pictures import evaluation, search, training
from pactag.pictures.style import INK, PAPER, QUIET, figure, label_colors

LABELS = ("offer", "threat")
TARGETS = np.array([[1, 0], [0, 0], [0, 1], [1, 0], [0, 1], [0, 0]])
SCORES = np.array([[0.9, 0.1], [0.6, 0.2], [0.2, 0.8], [0.7, 0.3], [0.1, 0.2], [0.2, 0.1]])
THRESHOLDS = {"offer": 0.5, "threat": 0.5}


def words(made) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in made.findobj(Text))


def test_confusion_shows_the_four_counts_of_each_label():
    made = evaluation.confusion(TARGETS, SCORES >= 0.5, LABELS, title="Confusion")
    counts = [[text.get_text() for text in axes.texts][::2] for axes in made.axes]
    assert counts == [["2", "0", "1", "3"], ["1", "1", "0", "4"]]
    assert "offer   F1 0.800" in words(made)


def test_operating_point_stands_where_the_threshold_puts_it():
    axes = evaluation.precision_recall(TARGETS, SCORES, THRESHOLDS, LABELS, title="PR").axes[0]
    dots = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert [tuple(map(float, dot)) for dot in dots] == [(1.0, pytest.approx(2 / 3)), (0.5, 1.0)]


def test_label_without_a_sentence_is_said():
    targets = TARGETS * [1, 0]
    assert "threat: no sentence has it" in words(evaluation.precision_recall(targets, SCORES, THRESHOLDS, LABELS, title="PR"))


def test_reliability_puts_scores_of_one_or_nothing_into_bins():
    made = evaluation.reliability(TARGETS, np.round(SCORES), LABELS, title="Reliability")
    assert made.axes[0].collections[0].get_offsets().data.tolist() == [[0.0, 0.0], [1.0, pytest.approx(2 / 3)]]


def test_learning_curve_marks_the_best_step():
    made = training.learning_curve([10, 20, 30], [0.3, 0.2, 0.25], [0.5, 0.7, 0.6], title="Curve")
    assert [text.xy for text in made.axes[0].texts] == [(20, 0.7)]


def test_histogram_says_what_is_cut():
    made = training.length_histogram({"train": np.array([10, 20, 70, 5])}, unit="tokens", limit=64, title="Lengths")
    assert "limit 64: 25.0% cut" in words(made)


def test_history_steps_up_to_the_best_so_far():
    axes = search.sweep_history([0.5, None, 0.4, 0.6], [None, 0.3, None, None], title="Sweep").axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.5, 0.6, 0.6]


def test_history_without_a_trial_that_ended_is_drawn():
    assert len(search.sweep_history([None], [0.2], title="Sweep").axes[0].lines) == 1


def test_all_pictures_have_their_own_opaque_paper():
    import io

    from PIL import Image

    pixels = io.BytesIO()
    search.importances({"a": 0.7, "b": 0.3}, title="Importance").savefig(pixels, format="png")
    corner = Image.open(pixels).convert("RGBA").getpixel((0, 0))
    assert corner == (*(int(PAPER[i : i + 2], 16) for i in (1, 3, 5)), 255)


@pytest.mark.parametrize("color", [INK, QUIET, *label_colors(7)])
def test_ink_stands_out_from_the_paper(color: str):
    # WCAG 2 asks for 4.5 where text is small.
    assert _contrast(color, PAPER) >= 4.5


def test_nothing_is_kept_by_pyplot():
    import matplotlib.pyplot as plt

    figure("A picture")
    assert plt.get_fignums() == []


def _contrast(first: str, second: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)
