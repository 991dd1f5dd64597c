"""Weights as small whole numbers, chosen so that the logits change least for the bits that the numbers take.

Each weight is rounded to a multiple of a step, column after column, and the error of each column is made up for by those that follow
(Frantar et al., GPTQ, 2023). The numbers are meant to be compressed, so that no width is set: a coarser step costs fewer bits.
Where the error of a column counts double, its step is finer by that much, which is what loses least at a given entropy of the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pactag.models.sensitivities import Sensitivity

# Products of 8 bits by numbers up to this size do not overflow the 16 bits in which older processors add up two of them.
LARGEST = 63
# Of the mean of all moments, added to each: what the sentences happened not to show still counts.
_DAMPING = 0.01
# What feedback may add to the largest weight of a column.
_ROOM = 1.2
# A fraction of a step from which a number is rounded away from zero. Zeros take fewer bits.
_AWAY_FROM = 0.58
# The loss is known for small changes only. By how much of its logarithm the importance of an output counts within a table, and of a table.
_OUTPUT_COUNTS, _TABLE_COUNTS = 0.5, 0.6
# A part of the mean that is added to each importance, so that none is nothing.
_FLOOR = 0.1
# Of vectors, of which each token takes one, the whole error comes through at once.
_FINER_VECTORS = 0.5
_COLUMNS_AT_ONCE = 128
_PARTS_TO_COUNT = 12
# What 16 bits hold with all their digits.
_SMALLEST_FACTOR, _LARGEST_FACTOR = 2.0**-14, 65504.0


@dataclass(frozen=True)
class Rounded:
    """A table `(outputs, inputs)` as `numbers * rows[:, None] * columns`; numbers are int8, the factors have the digits of 16 bits."""

    numbers: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor

    def values(self) -> torch.Tensor:
        """The table itself, float32."""
        return self.numbers.float() * self.rows[:, None] * self.columns


class Rounder:
    """Rounds one table, as often as wanted; what does not hang on the step is worked out once."""

    def __init__(self, weights: torch.Tensor, sensitivity: Sensitivity) -> None:
        moments, mean = sensitivity.moments, sensitivity.gains.mean()
        self._feedback: torch.Tensor | None = None
        if moments.ndim == 1:
            # One-hot inputs share nothing: no column can make up for another.
            self._order = torch.arange(len(moments))
            columns = (moments / moments.mean() + _FLOOR).pow(-0.25) * moments.mean().rsqrt() * _FINER_VECTORS
        else:
            self._order = torch.argsort(moments.diag(), descending=True)
            self._feedback = _feedback(moments[self._order][:, self._order])
            columns = self._feedback.diag()
        self._weights = weights[:, self._order]
        # Factors of columns are about 1, so that 16 bits hold them and tables with one input share them; the rest is in the rows.
        unit = columns.log().mean().exp()
        self._columns = (columns / unit).half().float()
        within = (sensitivity.gains / mean + _FLOOR) / (1 + _FLOOR)
        self._rows = unit * (within**_OUTPUT_COUNTS * mean**_TABLE_COUNTS).rsqrt()

    @property
    def size(self) -> int:
        """How many weights the table has."""
        return self._weights.numel()

    def at(self, step: float) -> Rounded:
        """The table at a step, which means the same for all tables of a network."""
        rows = (self._rows * step).clamp(_SMALLEST_FACTOR, _LARGEST_FACTOR).half().float()
        # A weight beyond the largest number would be an error that all columns after it have to make up for.
        columns = torch.maximum(self._columns, (self._weights.abs() / rows[:, None]).amax(0) * _ROOM / LARGEST).half().float()
        numbers = _plain(self._weights, rows, columns) if self._feedback is None else self._with_feedback(rows, columns)
        back = torch.argsort(self._order)
        return Rounded(numbers[:, back], rows, columns[back])

    def bits(self, step: float, *, outputs: int = 24) -> float:
        """About how many bits the numbers take at a step, from a few outputs and without feedback."""
        few = slice(None, None, max(1, len(self._rows) // outputs))
        # Not cut at the largest number: a step that is much too fine would look cheap.
        numbers = _steps(self._weights[few], self._rows[few] * step, self._columns)
        total = 0.0
        for part in numbers.T.tensor_split(_PARTS_TO_COUNT):
            counts = torch.unique(part, return_counts=True)[1].float()
            total -= float((counts * (counts / counts.sum()).log2()).sum())
        return total * self._weights.numel() / numbers.numel()

    def _with_feedback(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        assert self._feedback is not None
        left = self._weights.clone()
        numbers = torch.empty(left.shape, dtype=torch.int8)
        for start in range(0, left.shape[1], _COLUMNS_AT_ONCE):
            end = min(start + _COLUMNS_AT_ONCE, left.shape[1])
            block, errors = left[:, start:end].clone(), torch.empty(len(left), end - start)
            within = self._feedback[start:end, start:end]
            for i in range(end - start):
                one = slice(start + i, start + i + 1)
                numbers[:, one] = _plain(block[:, i : i + 1], rows, columns[one])
                lost = block[:, i] - numbers[:, start + i] * rows * columns[start + i]
                errors[:, i] = lost / within[i, i]
                block[:, i:] -= torch.outer(errors[:, i], within[i, i:])
            left[:, end:] -= errors @ self._feedback[start:end, end:]
        return numbers


def _steps(weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    steps = weights / (rows[:, None] * columns)
    return steps.sign() * (steps.abs() + 1 - _AWAY_FROM).floor()


def _plain(weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    return _steps(weights, rows, columns).clamp(-LARGEST, LARGEST).to(torch.int8)


def _feedback(moments: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse of the moments: row i says how an error in column i is spread over those after it."""
    damped = moments.double() + torch.eye(len(moments), dtype=torch.float64) * moments.diag().mean() * _DAMPING
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    factor: torch.Tensor = torch.linalg.cholesky(inverse, upper=True)
    return factor.float()
