"""The losses agree with their formulas."""

from __future__ import annotations

import pytest
import torch

from pactag.models.losses import disagreement, distillation_loss, label_loss

LOGITS = torch.tensor([[2.0, -1.0], [0.5, -3.0]])
TARGETS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


def test_plain_loss_is_binary_cross_entropy():
    scores = torch.sigmoid(LOGITS)
    expected = -(TARGETS * scores.log() + (1 - TARGETS) * (1 - scores).log()).mean()
    assert label_loss(LOGITS, TARGETS).item() == pytest.approx(expected.item())


def test_smoothing_moves_the_least_loss_away_from_certainty():
    sure, unsure = torch.tensor([[12.0, -12.0]]), torch.tensor([[2.0, -2.0]])
    target = torch.tensor([[1.0, 0.0]])
    assert label_loss(sure, target) < label_loss(unsure, target)
    assert label_loss(sure, target, smoothing=0.1) > label_loss(unsure, target, smoothing=0.1)


def test_positive_weight_counts_positives_only():
    negatives = torch.zeros_like(TARGETS)
    assert label_loss(LOGITS, negatives, positive_weight=3.0) == label_loss(LOGITS, negatives)
    assert label_loss(LOGITS, 1 - negatives, positive_weight=3.0).item() == pytest.approx(3 * label_loss(LOGITS, 1 - negatives).item())


def test_focal_loss_is_the_formula():
    logit, target = torch.tensor([[1.0]]), torch.tensor([[1.0]])
    score = torch.sigmoid(logit)
    assert label_loss(logit, target, focal_gamma=2.0).item() == pytest.approx((-((1 - score) ** 2) * score.log()).item())


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("gamma", [0.01, 0.5])
def test_focal_loss_has_a_slope_wherever_a_sentence_is_settled(target: float, gamma: float):
    logits = ((2 * target - 1) * torch.tensor([[1.0, 20.0, 60.0, 90.0, 200.0]])).requires_grad_()
    loss = label_loss(logits, torch.full((1, 5), target), focal_gamma=gamma)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_asymmetric_loss_is_the_formula():
    logit, target = torch.tensor([[1.0]]), torch.tensor([[0.0]])
    score = torch.sigmoid(logit)
    assert label_loss(logit, target, negative_gamma=2.0).item() == pytest.approx((-((score - 0.05) ** 2) * (1 - score).log()).item())


def test_asymmetric_loss_drops_easy_negatives_and_leaves_positives():
    easy = torch.tensor([[-6.0]])
    assert label_loss(easy, torch.tensor([[0.0]]), negative_gamma=2.0) == 0
    assert label_loss(easy, torch.tensor([[1.0]]), negative_gamma=2.0) == label_loss(easy, torch.tensor([[1.0]]))


def test_equal_logits_do_not_disagree():
    assert disagreement(LOGITS, LOGITS) == 0
    assert disagreement(LOGITS, LOGITS + 1) == disagreement(LOGITS + 1, LOGITS) > 0


def test_disagreement_is_the_sum_of_both_directions():
    p, q = torch.sigmoid(LOGITS), torch.sigmoid(LOGITS + 1)
    there, back = (a * (a / b).log() + (1 - a) * ((1 - a) / (1 - b)).log() for a, b in ((p, q), (q, p)))
    assert disagreement(LOGITS, LOGITS + 1).item() == pytest.approx((there + back).mean().item(), rel=1e-4)


def test_distillation_is_least_at_the_teacher():
    teacher = torch.sigmoid(LOGITS)
    assert distillation_loss(LOGITS, teacher) < distillation_loss(LOGITS + 0.5, teacher)
    assert distillation_loss(LOGITS, teacher) < distillation_loss(LOGITS - 0.5, teacher)
