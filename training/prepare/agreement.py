"""How far several annotators of one video agree, and how late each reacts: CCC, Cronbach's α, delay."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from affect import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LONGEST_DELAY_S = 5.0
"""Delays that are looked for; people need well under this."""

_FEWEST = 30
"""Frames below which nothing is said."""

TRUTH, OTHERS = "truth", "mean of the others"


class Delay(NamedTuple):
    """Seconds by which a trace follows its reference, positive when it is late, and Pearson's r at that delay."""

    seconds: float
    r: float


def cronbach_alpha(values: Numbers) -> float | None:
    """Return Cronbach's α of k annotators, (k, n); None for fewer than two, or where their sum does not vary.

    α = k / (k − 1) · (1 − Σ var(annotator) / var(sum)).
    Source: Cronbach, Coefficient alpha and the internal structure of tests, Psychometrika 16 (1951).

    >>> cronbach_alpha(np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]))
    1.0
    """
    k = len(values)
    if k < 2 or not values.shape[1] or (total := float(values.sum(axis=0).var())) == 0:
        return None
    return float(k / (k - 1) * (1 - values.var(axis=1).sum() / total))


def delay(trace: Numbers, reference: Numbers, fps: float) -> Delay | None:
    """Return the delay at which `trace` (n,) correlates best with `reference` (n,), both at `fps` frames a second.

    Looked for are whole frames up to `LONGEST_DELAY_S` each way, and a quarter of the video. NaN frames are left
    out. None where too few frames are known, or one of the two does not move.
    """
    longest = min(round(LONGEST_DELAY_S * fps), len(trace) // 4)
    best: Delay | None = None
    for frames in sorted(range(-longest, longest + 1), key=abs):  # of equals the shortest delay
        late = trace[frames:] if frames > 0 else trace[: len(trace) + frames]
        base = reference[: len(reference) - frames] if frames > 0 else reference[-frames:]
        known = np.isfinite(late) & np.isfinite(base)
        if known.sum() < _FEWEST or np.ptp(late[known]) == 0 or np.ptp(base[known]) == 0:
            continue
        r = metrics.pcc(base[known], late[known])
        if best is None or r > best.r + 1e-12:
            best = Delay(frames / fps, r)
    return best


def of_axis(traces: Mapping[str, Numbers], truth: Numbers | None, fps: float) -> dict[str, Any]:
    """Return what is known of the annotators of one axis of one video, ready for JSON.

    traces : annotator → (n,) values at frames, NaN where unknown.  truth : (n,), or None: each annotator is then held
    against the mean of the others.

    Correlations are over the frames that all annotators have. Empty for one annotator without a truth.
    """
    if len(traces) < 2 and truth is None:
        return {}
    values = np.stack([*traces.values()])
    known = np.isfinite(values).all(axis=0)
    said: dict[str, Any] = {"frames": int(known.sum()), "reference": OTHERS if truth is None else TRUTH}
    if known.sum() < _FEWEST:
        return {**said, "note": f"fewer than {_FEWEST} frames are known of all: nothing is computed"}
    if len(values) > 1:
        pairs = [metrics.ccc(one[known], other[known]) for one, other in combinations(values, 2)]
        alpha = cronbach_alpha(values[:, known])
        said["pairwise_ccc"] = _rounded(float(np.mean(pairs)))
        said["cronbach_alpha"] = None if alpha is None else _rounded(alpha)
    said["annotators"] = {}
    for row, name in enumerate(traces):
        one: dict[str, Any] = {}
        references = {} if truth is None else {TRUTH: truth}
        if len(values) > 1:
            references[OTHERS] = np.delete(values, row, axis=0).mean(axis=0)
        for what, reference in references.items():
            both = known & np.isfinite(reference)
            one[f"ccc_{what.replace(' ', '_')}"] = (
                _rounded(metrics.ccc(reference[both], values[row, both])) if both.sum() >= _FEWEST else None
            )
        late = delay(values[row], references[said["reference"]], fps)
        one["delay_s"] = None if late is None else round(late.seconds, 3)
        one["r_at_delay"] = None if late is None else _rounded(late.r)
        said["annotators"][name] = one
    return said


def _rounded(value: float) -> float:
    return round(value, 4)
