"""How sure a score is, and whether two methods can be told apart.

The unit of chance is the group (clip, person, video): its rows resemble each other, so rows are never resampled on
their own. A group's rows are added up once to a few sums, from which every metric of `affect.metrics` follows; a
score without some group, or with groups swapped between two methods, is then a weighting of these sums.

An interval is the jackknife's: g scores, each without one of the g groups, give the standard error, and the quantile of
t for g − 1 degrees of freedom the reach (MacKinnon, Nielsen, Webb, Fast and Reliable Jackknife and Bootstrap Methods
for Cluster-Robust Inference, 2023). Decision 0028 has how often it holds the true score.

Where there are several seeds, a score is the mean over seeds, all seeds leave out the same group, and the interval is
over groups alone: the spread over seeds is `mean_sd`, and the two are shown apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from affect import metrics
from affect.record import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Sums = dict[str, Array]
    Value = Callable[[str, Sums], Array]
    K = TypeVar("K", bound=Hashable)

MIN_GROUPS = 3
"""Under three groups no interval is given."""

SWAPS = 4999
"""Random swaps of a paired test, plus the observed one: p has steps of 1/5000."""

LEVEL, POWER = 0.95, 0.8
_CHUNK = 500


class Interval(NamedTuple):
    """The ends of a 95 % interval over groups, in the metric's unit, and the number of groups behind it."""

    low: float
    high: float
    groups: int


class Paired(NamedTuple):
    """How far two methods are apart on the same groups.

    `difference` is a − b in the metric's own unit (so a is better where it is negative for an error and positive for a
    correlation), `low` and `high` the ends of its 95 % interval over groups (nan under three groups), `p` two-sided.
    """

    difference: float
    low: float
    high: float
    p: float
    groups: int


class MeanSd(NamedTuple):
    """Mean and standard deviation (n − 1) over n runs; `sd` is None for a single run."""

    mean: float
    sd: float | None
    n: int


# ------------------------------------------------------------------------------------------------------- intervals


def intervals(
    true: ArrayLike,
    pred: ArrayLike,
    group: ArrayLike,
    targets: Sequence[str],
    names: Sequence[str] = metrics.REGRESSION,
) -> dict[tuple[str, str], Interval]:
    """Return the interval of every score that `affect.metrics.score` returns for the same arguments.

    `true` is (n, t) or (n,); `pred` has its shape, or (s, …) before it for s seeds; `group` (n,). Ends lie within what
    the metric can be. Empty under three groups. The same for any order of the rows.
    """
    metrics.check_names(names)
    true = np.asarray(true)
    width = 1 if true.ndim == 1 else true.shape[-1]
    if len(targets) != width:
        raise ValueError(f"{width} columns cannot be named {tuple(targets)}")
    [sums], value = _by_group(true, [pred], group, names)
    n_groups = len(sums["n"])
    if n_groups < MIN_GROUPS:
        return {}
    by_name: dict[tuple[str, str], Interval] = {}

    def scores(weights: Array) -> Array:
        weighted = _weighted(weights, sums)
        by_target = np.stack([value(name, weighted).mean(axis=1) for name in names], axis=1)
        return np.concatenate([by_target, by_target.mean(axis=2, keepdims=True)], axis=2)

    low, high = _ends(scores, n_groups)
    for k, name in enumerate(names):
        for j, target in enumerate((*targets, ALL)):
            first, last = np.clip([low[k, j], high[k, j]], *_possible(name)).tolist()
            by_name[name, target] = Interval(first, last, n_groups)
    return by_name


def interval(true: ArrayLike, pred: ArrayLike, group: ArrayLike, metric: str) -> Interval | None:
    """Return the interval of one metric, of its targets' mean; arguments as `intervals`, None under three groups."""
    true = np.asarray(true)
    width = 1 if true.ndim == 1 else true.shape[-1]
    targets = [f"column {j}" for j in range(width)]
    return intervals(true, pred, group, targets, [metric]).get((metric, ALL))


# ----------------------------------------------------------------------------------------------------- comparisons


def paired(
    true: ArrayLike, pred_a: ArrayLike, pred_b: ArrayLike, group: ArrayLike, metric: str, seed: int = 0
) -> Paired:
    """Compare two methods on the same rows, over their targets' mean.

    Shapes as those of `intervals`. Were the methods equal, swapping their predictions for all rows of a group would
    change nothing but by chance: p is the share of swaps whose difference is at least the observed one, over all
    2^groups swaps where these are fewer than 5,000, else over 4,999 random ones and the observed one. For errors this
    is the sign-flip test of group sums; it holds for CCC and the other pooled scores as well. Seeds are paired by
    their order; where numbers differ, each is repeated to the least common multiple, which changes neither mean. `seed`
    is of the random swaps.
    """
    metrics.check_names([metric])
    true = np.asarray(true)
    a, b = _with_seeds(true, pred_a), _with_seeds(true, pred_b)
    seeds = math.lcm(len(a), len(b))
    a, b = np.tile(a, (seeds // len(a), *[1] * true.ndim)), np.tile(b, (seeds // len(b), *[1] * true.ndim))
    [sums_a, sums_b], value = _by_group(true, [a, b], group, [metric])
    n_groups = len(sums_a["n"])

    def score(sums: Sums) -> Array:
        return np.asarray(value(metric, sums).mean(axis=(1, 2)))

    everything = np.ones((1, n_groups))
    total_a, total_b = _weighted(everything, sums_a), _weighted(everything, sums_b)
    difference = float((score(total_a) - score(total_b))[0])
    change = {name: sums_b[name] - sums_a[name] for name in sums_a}
    extreme = swaps = 0
    # equal differences must count as equal when they were added up in another order
    least = abs(difference) * (1 - 1e-9) - 1e-300
    for chosen in _swaps(n_groups, seed):
        moved = _weighted(chosen, change)
        swapped = score({k: total_a[k] + moved[k] for k in moved}) - score({k: total_b[k] - moved[k] for k in moved})
        extreme += int(np.sum(np.abs(swapped) >= least))
        swaps += len(chosen)
    low = high = math.nan
    if n_groups >= MIN_GROUPS:

        def apart(weights: Array) -> Array:
            return score(_weighted(weights, sums_a)) - score(_weighted(weights, sums_b))

        low, high = map(float, _ends(apart, n_groups))
    return Paired(difference, low, high, extreme / swaps, n_groups)


def detectable(low: float, high: float, groups: int) -> float:
    """Return the smallest difference that so many groups tell from 0 four times in five, at p < .05.

    `low` and `high` are the ends of the 95 % interval of a `paired` difference. Its standard error times the quantiles
    of t for .975 and .8 (Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988). nan without an interval.
    """
    if groups < MIN_GROUPS or not high >= low:
        return math.nan
    from scipy.stats import t

    reach, power = t.ppf([(1 + LEVEL) / 2, POWER], groups - 1)
    return float((high - low) / 2 * (1 + power / reach))


def holm(p: ArrayLike) -> Array:
    """Return Holm's step-down adjustment of p values (k,), in their own order: reject where it is below alpha.

    Nan stands for a comparison that was not made: it stays nan and does not count. Source: Holm, A simple sequentially
    rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    given = np.asarray(p, np.float64)
    if given.ndim != 1 or ((given < 0) | (given > 1)).any():
        raise ValueError(f"expected p values between 0 and 1 in one row, found {p!r}")
    adjusted = np.full(given.shape, np.nan)
    made = np.flatnonzero(~np.isnan(given))
    order = made[np.argsort(given[made], kind="stable")]
    steps = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def ties(order: Sequence[K], p: Mapping[tuple[K, K], float], alpha: float = 0.05) -> dict[K, int]:
    """Return each method's rank, 1 for the best; who cannot be told from the best of a rank shares it.

    `order` is best first; `p` has the adjusted p of pairs, either way round. Only pairs of a rank's best and those
    after it are asked for. A pair with p ≥ alpha or nan cannot be told apart. The rank after a shared one counts all
    before it: 1, 1, 3. KeyError for a pair that is needed and missing.
    """
    ranks: dict[K, int] = {}
    best: K | None = None
    for place, method in enumerate(order, start=1):
        if best is not None:
            pair = p[best, method] if (best, method) in p else p[method, best]
            if not pair < alpha:
                ranks[method] = ranks[best]
                continue
        best = method
        ranks[method] = place
    return ranks


def mean_sd(values: ArrayLike) -> MeanSd:
    """Return mean, standard deviation (n − 1) and number of the scores (n,) of several seeds."""
    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"expected one score or more in a row, found shape {x.shape}")
    return MeanSd(float(x.mean()), float(x.std(ddof=1)) if len(x) > 1 else None, len(x))


# ------------------------------------------------------------------------------------------------ sums of each group


def _with_seeds(true: NDArray[np.generic], pred: ArrayLike) -> NDArray[np.generic]:
    """Return predictions as (s, n) or (s, n, t)."""
    p = np.asarray(pred)
    if p.shape == true.shape:
        return p[None]
    if p.shape[1:] != true.shape or len(p) == 0:
        raise ValueError(f"expected predictions of shape {true.shape} or (seeds, …) before it, found {p.shape}")
    return p


def _by_group(
    true: NDArray[np.generic], preds: Sequence[ArrayLike], group: ArrayLike, names: Sequence[str]
) -> tuple[list[Sums], Value]:
    """Return, for each of `preds`, the sums of each group, name → (g, s, t) or (g, s, c, t), and what makes scores.

    The score function maps a metric's name and weighted sums with axes (r, s, …, t) to (r, s, t).
    """
    groups, index = np.unique(np.asarray(group), return_inverse=True)
    if index.shape != true.shape[:1] or len(true) == 0:
        raise ValueError(f"true has shape {true.shape}, groups have {np.shape(group)}")
    rows = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[rows], np.arange(len(groups)))
    stacks = [_with_seeds(true, pred) for pred in preds]
    if true.ndim == 1:
        true, stacks = true[:, None], [stack[:, :, None] for stack in stacks]

    def added(x: NDArray[np.generic]) -> Array:
        """(s, n, …) → (g, s, …)."""
        ordered = np.moveaxis(np.asarray(x, np.float64), 1, 0)[rows]
        return np.asarray(np.add.reduceat(ordered, starts, axis=0))

    make = _class_sums if names and names[0] in metrics.CLASSIFICATION else _number_sums
    each, value = make(true, stacks, names, added)
    size = np.diff([*starts, len(rows)]).astype(np.float64)[:, None, None]
    return [{**sums, "n": size} for sums in each], value


_NEEDS: dict[str, tuple[str, ...]] = {
    "mse": ("error2",),
    "mae": ("error",),
    "rmse": ("error2",),
    "sagr": ("sign",),
    "ccc": ("t", "p", "tt", "pp", "tp"),
    "pcc": ("t", "p", "tt", "pp", "tp"),
    "ev": ("t", "p", "tt", "dd"),
    "r2": ("t", "tt", "error2"),
}


def _number_sums(
    true: NDArray[np.generic],
    stacks: Sequence[NDArray[np.generic]],
    names: Sequence[str],
    added: Callable[[NDArray[np.generic]], Array],
) -> tuple[list[Sums], Value]:
    t = np.asarray(true, np.float64)
    predictions = [np.asarray(stack, np.float64) for stack in stacks]
    if not (np.isfinite(t).all() and all(np.isfinite(p).all() for p in predictions)):
        raise ValueError("true values or predictions are nan or infinite")
    # squares of what is far from 0 lose the variance in rounding: each side is centred, and the offset is kept apart.
    # Both methods of a pair share a centre, for their groups are swapped.
    centre_t = np.where(np.ptp(t, axis=0) == 0, t[0], t.mean(axis=0))
    centre_p = np.mean([p.mean(axis=(0, 1)) for p in predictions], axis=0)
    offset = centre_p - centre_t
    a = (t - centre_t)[None]
    wanted = {need for name in names for need in _NEEDS[name]}

    def term(name: str, p: Array) -> Array:
        b = p - centre_p
        match name:
            case "error":
                return np.asarray(np.abs(p - t))
            case "error2":
                return np.asarray(np.square(p - t))
            case "sign":
                return np.asarray(np.sign(p) == np.sign(t), np.float64)
            case "t" | "tt":
                return np.broadcast_to(a if name == "t" else a * a, p.shape)
            case "dd":
                return np.asarray(np.square(b - a))
        return np.asarray({"p": b, "pp": b * b, "tp": a * b}[name])

    each = [{name: added(term(name, p)) for name in sorted(wanted)} for p in predictions]
    return each, lambda name, sums: _number_value(name, sums, offset)


def _number_value(name: str, sums: Sums, offset: Array) -> Array:
    """Return a metric (r, s, t) from weighted sums (r, s, t) of centred series whose centres are `offset` apart."""
    mean = {key: total / sums["n"] for key, total in sums.items() if key != "n"}
    if name in ("mse", "mae", "sagr"):
        return mean[{"mse": "error2", "mae": "error", "sagr": "sign"}[name]]
    if name == "rmse":
        return np.asarray(np.sqrt(mean["error2"]))
    var_t = _variance(mean["tt"], mean["t"])
    if name in ("ev", "r2"):
        error = mean["error2"] if name == "r2" else _variance(mean["dd"], mean["p"] - mean["t"])
        return np.where(var_t == 0, 0.0, 1.0 - metrics.ratio(error, var_t))
    var_p = _variance(mean["pp"], mean["p"])
    both = (var_t > 0) & (var_p > 0)
    cov = np.where(both, mean["tp"] - mean["t"] * mean["p"], 0.0)
    if name == "pcc":
        return np.asarray(np.clip(metrics.ratio(cov, np.sqrt(var_t) * np.sqrt(var_p)), -1.0, 1.0))
    return metrics.ratio(2 * cov, var_t + var_p + (mean["p"] - mean["t"] + offset) ** 2)


def _variance(square: Array, mean: Array) -> Array:
    """Return E[x²] − E[x]², exactly 0 where what is left is rounding: a resample may hold a constant series."""
    variance = square - mean * mean
    return np.where(variance <= 256 * np.finfo(np.float64).eps * square, 0.0, variance)


def _class_sums(
    true: NDArray[np.generic],
    stacks: Sequence[NDArray[np.generic]],
    names: Sequence[str],
    added: Callable[[NDArray[np.generic]], Array],
) -> tuple[list[Sums], Value]:
    classes = np.unique(np.concatenate([true.ravel(), *(stack.ravel() for stack in stacks)]))[:, None]
    is_true = true[None, :, None, :] == classes
    each = []
    for stack in stacks:
        is_pred = stack[:, :, None, :] == classes
        counted = {"true": np.broadcast_to(is_true, is_pred.shape), "pred": is_pred, "hits": is_true & is_pred}
        each.append({name: added(counts) for name, counts in counted.items()})
    return each, _class_value


def _class_value(name: str, sums: Sums) -> Array:
    """Return a metric (r, s, t) from weighted counts of each class (r, s, c, t)."""
    true, hits = sums["true"], sums["hits"]
    if name == "accuracy":
        return np.asarray(hits.sum(axis=2) / true.sum(axis=2))
    times = true if name == "uar" else true + sums["pred"]
    by_class = metrics.ratio(hits if name == "uar" else 2 * hits, times)
    return np.asarray(by_class.sum(axis=2) / (times > 0).sum(axis=2))


# ------------------------------------------------------------------------------------- leaving out and swapping


def _weighted(weights: Array, sums: Sums) -> Sums:
    """Return (r, …) for weights (r, g) and sums (g, …)."""
    return {name: np.tensordot(weights, values, axes=1) for name, values in sums.items()}


def _ends(scores: Callable[[Array], Array], groups: int) -> tuple[Array, Array]:
    """Return the ends of the interval over groups; `scores` maps weights (r, g) of groups to scores (r, …)."""
    from scipy.stats import t

    of_all, without_one = scores(np.ones((1, groups)))[0], scores(1 - np.eye(groups))
    reach = t.ppf((1 + LEVEL) / 2, groups - 1) * np.sqrt((groups - 1) * np.square(without_one - of_all).mean(axis=0))
    return of_all - reach, of_all + reach


def _possible(name: str) -> tuple[float, float]:
    """Return the smallest and the largest value that a metric can have."""
    lowest = {"ccc": -1.0, "pcc": -1.0, "ev": -math.inf, "r2": -math.inf}
    return (0.0, math.inf) if metrics.DIRECTION[name] == "minimize" else (lowest.get(name, 0.0), 1.0)


def _swaps(groups: int, seed: int) -> Iterator[Array]:
    """Yield choices (r, g), 1 where a group is swapped: all of them, or the observed one and SWAPS random ones."""
    if 2**groups <= SWAPS + 1:
        yield ((np.arange(2**groups)[:, None] >> np.arange(groups)) & 1).astype(np.float64)
        return
    yield np.zeros((1, groups))
    rng = np.random.default_rng(seed)
    for start in range(0, SWAPS, _CHUNK):
        yield rng.integers(0, 2, (min(_CHUNK, SWAPS - start), groups)).astype(np.float64)
