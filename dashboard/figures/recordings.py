"""Recordings over time: where one has no sample, and how well each one is predicted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from affect import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

MISSING, UNLABELLED = "missing", "unlabelled"
"""Kinds of stretches without a prediction: there is no sample, or there is one and nobody labelled it."""

LATE = 1.5
"""A sample that comes so many steps after the one before it has a gap before it."""

CCC, MAE, MAE_OVER_RANGE = "ccc", "mae", "mae_over_range"
MOST_TARGETS = 4
"""Up to so many targets have columns of their own; of more, only their mean is shown."""
MANY = 5
"""Recordings that a sentence names."""


class Stretch(NamedTuple):
    """Seconds of a recording without a prediction: what it covers, and how long no sample was taken."""

    start: float
    end: float
    seconds: float
    kind: str


def step(time: ArrayLike) -> float:
    """Return the usual seconds from one sample to the next; nan for fewer than two."""
    distances = np.diff(np.unique(np.asarray(time, float)))
    return float(np.median(distances)) if len(distances) else math.nan


def stretches(time: ArrayLike, unlabelled: Sequence[Sequence[float]] = ()) -> list[Stretch]:
    """Return where a recording has no prediction, in order of time.

    time : (n,) seconds of the samples that were predicted.  unlabelled : first and last second of samples in a row that
    have no label, and so no prediction.
    """
    usual = step(time)
    if not usual > 0:
        return []
    known = [(float(t), float(t), "") for t in np.unique(np.asarray(time, float))]
    known += [(float(first), float(last), UNLABELLED) for first, last in unlabelled]
    known.sort()
    found: list[Stretch] = []
    for i, (first, last, kind) in enumerate(known):
        if i and (away := first - known[i - 1][1]) > LATE * usual:
            found.append(Stretch(known[i - 1][1] + usual / 2, first - usual / 2, away - usual, MISSING))
        if kind:
            found.append(Stretch(first - usual / 2, last + usual / 2, last - first + usual, kind))
    return found


def sentence(found: Sequence[Stretch], words: Mapping[str, str]) -> str:
    """Say how many stretches of each kind there are, and how long: ``no face: 2 stretches, 3.0 s in all``."""
    parts = []
    for kind, word in words.items():
        seconds = [one.seconds for one in found if one.kind == kind]
        if seconds:
            several = f"{len(seconds)} stretches, {sum(seconds):.1f} s in all" if len(seconds) > 1 else "1 stretch, "
            parts.append(f"{word}: {several if len(seconds) > 1 else several + f'{seconds[0]:.1f} s'}")
    text = "; ".join(parts)
    return f"Grey: {text}." if text else ""


def with_breaks(trace: pd.DataFrame) -> pd.DataFrame:
    """Return a trace over time with an empty row in each gap, at which a line breaks."""
    time = trace["time"].to_numpy(float)
    usual = step(time)
    if trace.attrs.get("unit") != "s" or not usual > 0:
        return trace
    late = np.flatnonzero(np.diff(time) > LATE * usual)
    if not len(late):
        return trace
    empty = pd.DataFrame({"time": time[late] + usual / 2, "sample": ""}, index=trace.index[late] + 0.5)
    return pd.concat([trace, empty]).sort_index(kind="stable")


def scores(tables: Mapping[str, pd.DataFrame], names: Sequence[str], by: str = CCC) -> pd.DataFrame:
    """Return how well each recording of more than one sample is predicted by each run, the worst recordings first.

    Columns: recording, run, samples, seconds (of the samples, first to last), ccc and mae of each of `names` where they
    are few, such as ``ccc valence``, ``ccc mean``, and ``mae_over_range mean``: the mean of each error over the range
    of its target in all these samples. CCC is nan where the truth does not vary; the mean is over the other targets.

    tables : run → samples of one part, as predictions.parquet has them.  by : ccc or mae_over_range.
    """
    rows = []
    for run, table in tables.items():
        own = [name for name in names if f"true_{name}" in table and f"pred_{name}" in table]
        for sequence, of in table.dropna(subset=["sequence"]).groupby(table["sequence"].astype(str), sort=False):
            if len(of) > 1 and own:
                rows.append({"recording": str(sequence), "run": run, **_score(of, own)})
    if not rows:
        return pd.DataFrame(columns=["recording", "run", "samples", "seconds"])
    found = pd.DataFrame(rows)
    spans = {name: _span(tables, name) for name in names}
    share = pd.DataFrame({n: found[f"{MAE} {n}"] / spans[n] for n in names if f"{MAE} {n}" in found and spans[n] > 0})
    found[f"{CCC} mean"] = found[[f"{CCC} {name}" for name in names if f"{CCC} {name}" in found]].mean(axis=1)
    found[f"{MAE_OVER_RANGE} mean"] = share.mean(axis=1)
    badness = -found[f"{CCC} mean"] if by == CCC else found[f"{MAE_OVER_RANGE} mean"]
    order = badness.groupby(found["recording"], sort=False).mean()
    found = found.assign(place=found["recording"].map(order))
    found = found.sort_values("place", ascending=False, kind="stable", na_position="last").drop(columns="place")
    if len(names) > MOST_TARGETS:
        found = found.drop(columns=[f"{m} {n}" for m in (CCC, MAE) for n in names if f"{m} {n}" in found])
    # the runs of one recording stand below each other
    places = {recording: place for place, recording in enumerate(dict.fromkeys(found["recording"]))}
    return found.sort_values("recording", key=lambda of: of.map(places), kind="stable").reset_index(drop=True)


def _score(of: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    time = of["time"].to_numpy(float) if "time" in of else np.array([math.nan])
    row: dict[str, float] = {"samples": len(of), "seconds": float(np.ptp(time))}
    for name in names:
        true, pred = of[f"true_{name}"].to_numpy(float), of[f"pred_{name}"].to_numpy(float)
        known = np.isfinite(true) & np.isfinite(pred)
        varies = known.any() and np.ptp(true[known]) > 0
        row[f"{CCC} {name}"] = metrics.ccc(true[known], pred[known]) if varies else math.nan
        row[f"{MAE} {name}"] = float(np.abs(true - pred)[known].mean()) if known.any() else math.nan
    return row


def _span(tables: Mapping[str, pd.DataFrame], name: str) -> float:
    values = [table[f"true_{name}"].to_numpy(float) for table in tables.values() if f"true_{name}" in table]
    return float(np.ptp(np.concatenate(values))) if values else 0.0


def undefined(tables: Mapping[str, pd.DataFrame], recordings: Sequence[str], names: Sequence[str]) -> str:
    """Say of which recordings the CCC is undefined, because the truth of a target does not vary in them; else empty."""
    parts = []
    for name in names:
        still = []
        for recording in recordings:
            of = [t[t["sequence"].astype(str) == recording] for t in tables.values() if f"true_{name}" in t]
            true = next((one[f"true_{name}"].to_numpy(float) for one in of if len(one)), np.empty(0))
            if len(true) and np.ptp(true) == 0:
                still.append(recording)
        if still:
            more = f" and {len(still) - MANY} more" if len(still) > MANY else ""
            parts.append(f"{name.replace('_', ' ')} in {', '.join(still[:MANY])}{more}")
    return f"CCC is undefined where the truth does not vary: {'; '.join(parts)}." if parts else ""
