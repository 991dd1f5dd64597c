"""Weights as small whole numbers, chosen so that the logits change least for the bits that the numbers take.

Each weight is rounded to a multiple of a step, column after column, and the error of each column is made up for by those that follow
(Frantar et al., GPTQ, 2023); what a group of rows has lost all the same, by the rows that follow (Tseng et al., YAQA, 2025). The numbers
are meant to be compressed, so that no width is set: a coarser step costs fewer bits. Where the error of a column or a row counts double,
its step is finer by that much, which is what loses least at a given entropy of the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pactag.models.sensitivities import Sensitivity

# Products of 8 bits by numbers up to this size do not overflow the 16 bits in which older processors add up two of them.
LARGEST = 63
# A part of the mean of all moments, added to each: what the sentences happened not to show still counts. Derivatives, which are known for
# small changes only, are taken to be the same for all outputs by that share.
_DAMPING, _OUTPUTS_ALIKE = 0.01, 0.2
# What feedback may add to the largest weight of a column.
_ROOM = 1.2
# A fraction of a step from which a number is rounded away from zero. Zeros take fewer bits.
_AWAY_FROM = 0.58
# By how much of its logarithm the importance of a table counts.
_TABLE_COUNTS = 0.6
# The same for how often a word piece comes, here and in other texts, and a part of the mean that is added to each.
_FREQUENCY_COUNTS, _FREQUENCY_FLOOR = 0.7, 0.1
# Of vectors, of which each token takes one, the whole error comes through at once.
_FINER_VECTORS = 0.4
# Rows of one group do not make up for each other, so that a column is rounded in all of them at once.
_ROWS_AT_ONCE, _COLUMNS_AT_ONCE = 128, 128
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
        inputs, outputs = sensitivity.inputs, sensitivity.outputs
        self._of_columns: torch.Tensor | None = None
        if inputs.ndim == 1:
            # One-hot inputs share nothing: no column can make up for another.
            self._columns_order = torch.arange(len(inputs))
            columns = (inputs / inputs.mean() + _FREQUENCY_FLOOR).pow(-_FREQUENCY_COUNTS / 2) * inputs.mean().rsqrt() * _FINER_VECTORS
        else:
            self._columns_order = torch.argsort(inputs.diag(), descending=True)
            self._of_columns = _feedback(inputs, self._columns_order, _DAMPING)
            columns = self._of_columns.diag()
        # Factors of columns are about 1, so that 16 bits hold them and tables with one input share them; the rest is in the rows.
        unit = columns.log().mean().exp()
        self._columns = (columns / unit).half().float()
        mean = outputs.diag().mean()
        self._rows_order = torch.argsort(outputs.diag(), descending=True)
        self._of_rows = _feedback(outputs / mean, self._rows_order, _OUTPUTS_ALIKE / (1 - _OUTPUTS_ALIKE))
        self._rows = unit * self._of_rows.diag() * mean ** (-_TABLE_COUNTS / 2)
        self._weights = weights[self._rows_order][:, self._columns_order]

    @property
    def size(self) -> int:
        """How many weights the table has."""
        return self._weights.numel()

    def at(self, step: float) -> Rounded:
        """The table at a step, which means the same for all tables of a network."""
        rows = (self._rows * step).clamp(_SMALLEST_FACTOR, _LARGEST_FACTOR).half().float()
        # A weight beyond the largest number would be an error that all columns after it have to make up for.
        columns = torch.maximum(self._columns, (self._weights.abs() / rows[:, None]).amax(0) * _ROOM / LARGEST).half().float()
        left, numbers = self._weights.clone(), torch.empty(self._weights.shape, dtype=torch.int8)
        at_once = 1 if self._of_columns is None else _ROWS_AT_ONCE
        for start in range(0, len(left), at_once):
            these, later = slice(start, start + at_once), slice(start + at_once, None)
            numbers[these] = found = self._group(left[these], rows[these], columns)
            lost = left[these] - found * rows[these, None] * columns
            spread = torch.linalg.solve_triangular(self._of_rows[these, these].T, lost, upper=False)
            left[later] -= self._of_rows[these, later].T @ spread
        back, columns_back = torch.argsort(self._rows_order), torch.argsort(self._columns_order)
        return Rounded(numbers[back][:, columns_back], rows[back], columns[columns_back])

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

    def _group(self, weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """The numbers of some rows, each row for itself."""
        if self._of_columns is None:
            return _plain(weights, rows, columns)
        # Columns lie one after another in memory: a group has few rows.
        left, numbers = weights.T.contiguous(), torch.empty(weights.T.shape, dtype=torch.int8)
        for start in range(0, len(left), _COLUMNS_AT_ONCE):
            end = min(start + _COLUMNS_AT_ONCE, len(left))
            block, errors = left[start:end].clone(), torch.empty(end - start, len(rows))
            within = self._of_columns[start:end, start:end]
            for i in range(end - start):
                numbers[start + i] = found = _plain(block[i], rows, columns[start + i])
                errors[i] = (block[i] - found * rows * columns[start + i]) / within[i, i]
                block[i:] -= torch.outer(within[i, i:], errors[i])
            left[end:] -= self._of_columns[start:end, end:].T @ errors
        return numbers.T


def _steps(weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """For a table, or for one column of it."""
    steps = weights / (rows[:, None] * columns if weights.ndim > 1 else rows * columns)
    return steps.sign() * (steps.abs() + 1 - _AWAY_FROM).floor()


def _plain(weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    return _steps(weights, rows, columns).clamp(-LARGEST, LARGEST).to(torch.int8)


def _feedback(products: torch.Tensor, order: torch.Tensor, damping: float) -> torch.Tensor:
    """The upper Cholesky factor of the inverse of mean products: row i says how an error in place i is spread over those after it."""
    sorted_products = products[order][:, order].double()
    damped = sorted_products + torch.eye(len(order), dtype=torch.float64) * sorted_products.diag().mean() * damping
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    factor: torch.Tensor = torch.linalg.cholesky(inverse, upper=True)
    return factor.float()
