"""What fine-tuning minimises. Pure functions on logits and targets of shape `(sentences, labels)`; each returns a scalar."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

# Below this probability a negative counts as settled by the asymmetric loss and adds nothing.
_ASYMMETRIC_MARGIN = 0.05


def label_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    smoothing: float = 0.0,
    positive_weight: float = 1.0,
    focal_gamma: float = 0.0,
    negative_gamma: float = 0.0,
) -> torch.Tensor:
    """Mean binary cross-entropy, and its kin.

    :param smoothing: targets 0 and 1 become s and 1 - s.
    :param focal_gamma: focus on what is still wrong (Lin et al., Focal loss for dense object detection, 2017, equation 4).
    :param negative_gamma: the same for negatives alone, those below a small margin left out: `-max(p - .05, 0)^gamma log(1 - p)`. After
        Ridnik et al., Asymmetric loss for multi-label classification, 2021, equation 7, from which it differs in two things: there the
        logarithm takes the shifted probability as well, and here no gradient goes through the factor.
    """
    weight = torch.full_like(targets[0], positive_weight)
    loss = binary_cross_entropy_with_logits(logits, targets * (1 - 2 * smoothing) + smoothing, pos_weight=weight, reduction="none")
    if focal_gamma or negative_gamma:
        scores = torch.sigmoid(logits)
        positive = targets > 0.5
        if focal_gamma:
            wrong = torch.where(positive, 1 - scores, scores)
            # Below an exponent of 1 the slope of a power at 0 has no end, and times no loss it is no number.
            loss = loss * wrong.clamp(min=torch.finfo(wrong.dtype).tiny) ** focal_gamma
        if negative_gamma:
            focus = (scores.detach() - _ASYMMETRIC_MARGIN).clamp(min=0) ** negative_gamma
            loss = torch.where(positive, loss, loss * focus)
    return loss.mean()


def disagreement(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Symmetric Kullback-Leibler divergence between two sets of logits of the same sentences, the mean over sentences and labels.

    Source: Liang et al., R-Drop: regularized dropout for neural networks, 2021, equation 2, which takes half the sum of the two directions;
    here it is the sum, so that a weight of 1 is one of 2 there. For a Bernoulli variable they add up to (p - q)(logit p - logit q).
    """
    return ((torch.sigmoid(first) - torch.sigmoid(second)) * (first - second)).mean()


def distillation_loss(logits: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Cross-entropy to a teacher's scores (Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015)."""
    return binary_cross_entropy_with_logits(logits, teacher)


def vector_loss(vectors: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Mean squared distance to a teacher's sentence vectors, shape `(sentences, hidden)`, as a share of their mean squared length.

    Source: the hidden-state loss of Jiao et al., TinyBERT, 2020, equation 8, on pooled vectors, and free of their scale.
    """
    return ((vectors - teacher) ** 2).sum(-1).mean() / (teacher**2).sum(-1).mean()
