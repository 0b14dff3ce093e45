"""The concordance correlation coefficient as a loss, with the conventions of `affect.metrics`.

CCC = 2 cov / (var + var' + (mean − mean')²), variances over N, 0 where a series is constant (Lin, A Concordance
Correlation Coefficient to Evaluate Reproducibility, Biometrics 45, 1989). Of a batch it is pooled over all its rows:
a batch needs enough of them, of different values. Of sequences it may also be that of each, averaged, which asks for
agreement within every recording.
"""

from __future__ import annotations

import torch
from torch import Tensor


def loss(predicted: Tensor, true: Tensor, mask: Tensor | None = None, *, by_sequence: bool = False) -> Tensor:
    """Return 1 − CCC, the mean over targets, as a scalar.

    Parameters
    ----------
    predicted, true : (b, t), or (b, T, t) of sequences.
    mask : (b,) or (b, T), True where a row counts; None where all do.
    by_sequence : of sequences the mean of each one's CCC, in place of that of all rows together. One whose rows all
        are masked does not count.
    """
    if mask is None:
        mask = torch.ones(true.shape[:-1], dtype=torch.bool, device=true.device)
    if not by_sequence:
        return 1.0 - ccc(predicted.flatten(end_dim=-2), true.flatten(end_dim=-2), mask.flatten()).mean()
    there = mask.any(dim=1)
    if not bool(there.any()):
        return 1.0 - 0.0 * predicted.sum()
    return 1.0 - ccc(predicted, true, mask)[there].mean()


def by_recording(predicted: Tensor, true: Tensor, recording: Tensor) -> Tensor:
    """Return 1 − the mean CCC of each recording in a batch: predicted, true (n, t) and the recordings' numbers (n,)."""
    recordings: Tensor = recording.unique()
    mask = recording == recordings[:, None]
    return loss(predicted.expand(len(mask), -1, -1), true.expand(len(mask), -1, -1), mask, by_sequence=True)


def ccc(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Return the CCC along the last but one axis, (…, n, t) and (…, n) to (…, t)."""
    there = mask[..., None]
    count = there.sum(dim=-2).clamp_min(1)
    (a, mean), (b, other) = (_centred(x, there, count) for x in (predicted, true))
    covariance, variances = (a * b).sum(dim=-2) / count, (a * a + b * b).sum(dim=-2) / count
    below = variances + (mean - other).square()
    # where both are the same constant there is nothing to divide by, and the gradient must stay finite
    return torch.where(below > 0, 2.0 * covariance / below.where(below > 0, 1.0), 0.0)


def _centred(x: Tensor, there: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return deviations from the mean, 0 where nothing is there, and the mean; see `affect.metrics` on constants."""
    mean = x.where(there, 0.0).sum(dim=-2) / count
    infinity = float("inf")
    constant = x.where(there, -infinity).amax(dim=-2) == x.where(there, infinity).amin(dim=-2)
    return (x - mean[..., None, :]).where(there & ~constant[..., None, :], 0.0), mean
