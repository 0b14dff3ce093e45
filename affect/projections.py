"""Codes of many numbers drawn on a plane: PCA, t-SNE and UMAP, and how far such a picture can be trusted.

Each function takes codes (n, d) and returns a `Projection`; the same codes, parameters and seed give the same one.
Codes of more than `DIMENSIONS` numbers are first brought to that many principal components, as van der Maaten and
Hinton do (JMLR 2008, section 4.2): it takes away noise and time, and distances stay.

Several runs are projected apart and brought together by `procrustes`, which leaves each picture's neighbours as they
are. AlignedUMAP was tried for that and does not pay here: it cannot use kept projections, must fit all runs anew for
each choice of runs, and takes three times as long (two runs of 1,000 × 32: 7.5 s against 2.8 s, and 18 s more to
compile). It draws runs closer to each other (residual 0.006 against 0.23) because it pulls them together, which is
what a comparison of runs should not do; trustworthiness falls from 0.937 to 0.932.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating[Any]]

Progress: TypeAlias = Callable[[float], None]
"""Told the share that is done, 0 … 1, every now and then; what it raises ends the projection."""

ALGORITHMS: dict[str, dict[str, float]] = {
    "pca": {},
    "tsne": {"perplexity": 30},
    "umap": {"neighbours": 15, "min_dist": 0.1},
}
"""Each algorithm's parameters and their defaults."""

DIMENSIONS = 50
NEIGHBOURS = 10
SAMPLED = 2000
"""Samples beyond which trustworthiness is estimated from that many of them, drawn by the seed, against all others."""


@dataclass(frozen=True)
class Projection:
    """Points (n, 2) float32, the parameters that were used, and how far to trust neighbours (`trustworthiness`).

    Parameters may be smaller than those asked for where there are few samples (`usable`).
    """

    points: NDArray[np.float32]
    parameters: Mapping[str, float] = field(default_factory=dict)
    trustworthiness: float = math.nan


def project(
    algorithm: str,
    codes: Floats,
    parameters: Mapping[str, float] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    threads: int = 1,
) -> Projection:
    """Project codes (n, d) by the algorithm of that name; ValueError for a name or parameter that there is not."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"no projection {algorithm!r}; known: {', '.join(ALGORITHMS)}")
    if unknown := set(parameters or {}) - set(ALGORITHMS[algorithm]):
        known = ", ".join(ALGORITHMS[algorithm]) or "none"
        raise ValueError(f"{algorithm} has no parameter {', '.join(sorted(unknown))}; known: {known}")
    given = dict(parameters or {})
    if algorithm == "pca":
        return pca(codes, seed=seed)
    if algorithm == "tsne":
        return tsne(codes, seed=seed, progress=progress, threads=threads, **given)
    return umap(codes, seed=seed, progress=progress, **given)  # type: ignore[arg-type]


def usable(algorithm: str, parameters: Mapping[str, float], samples: int) -> dict[str, float]:
    """Return the parameters with which an algorithm projects so many samples: defaults where none are given.

    A perplexity is at most a third of the other samples, neighbours are at most all others.
    """
    most = {"perplexity": (samples - 1) // 3, "neighbours": samples - 1}
    chosen = {**ALGORITHMS[algorithm], **parameters}
    return {name: min(value, most.get(name, value)) for name, value in chosen.items()}


def pca(codes: Floats, seed: int = 0) -> Projection:
    """Project codes (n, d) on their two directions of largest variance, each turned so that its largest weight is > 0.

    `seed` only draws the samples that trustworthiness is estimated from. Of one column the second axis is 0.
    """
    values = _checked(codes)
    if _flat(values):
        return _all_equal(values, {})
    points = _components(values, 2).astype(np.float32)
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(len(points), np.float32)])
    return _finished(values, points, {}, seed)


def tsne(
    codes: Floats, perplexity: float = 30, seed: int = 0, progress: Progress | None = None, threads: int = 1
) -> Projection:
    """Project codes (n, d) by t-SNE, begun from PCA (openTSNE; Poličar, Stražar and Zupan, 2019).

    Neighbours are exact: those that openTSNE would approximate differ with the number of threads, and take longer.
    """
    values = _checked(codes)
    used = usable("tsne", {"perplexity": perplexity}, len(values))
    if _flat(values):
        return _all_equal(values, used)
    import openTSNE

    def tell(iteration: int, _error: float, _points: Any) -> bool:
        # two rounds of optimisation, each of which counts from its own beginning
        steps["done"] += iteration - steps["last"] if iteration > steps["last"] else iteration
        steps["last"] = iteration
        if progress is not None:
            progress(min(steps["done"] / (EXAGGERATED + REFINED), 1.0))
        return False

    steps = {"done": 0, "last": 0}
    fitted = openTSNE.TSNE(
        perplexity=used["perplexity"],
        initialization="pca",
        neighbors="exact",
        early_exaggeration_iter=EXAGGERATED,
        n_iter=REFINED,
        n_jobs=threads,
        random_state=seed,
        callbacks=tell,
        callbacks_every_iters=25,
    ).fit(_reduced(values))
    return _finished(values, np.asarray(fitted, dtype=np.float32), used, seed)


EXAGGERATED, REFINED = 250, 500
"""Steps of t-SNE's two rounds (openTSNE's own defaults)."""


def umap(
    codes: Floats, neighbours: int = 15, min_dist: float = 0.1, seed: int = 0, progress: Progress | None = None
) -> Projection:
    """Project codes (n, d) by UMAP, begun from PCA (McInnes, Healy and Melville, 2018).

    It runs on one thread, without which a seed would not give the same points again.
    """
    values = _checked(codes)
    used = usable("umap", {"neighbours": neighbours, "min_dist": min_dist}, len(values))
    if _flat(values):
        return _all_equal(values, used)
    from threadpoolctl import threadpool_limits
    from umap import UMAP

    _keep_compiled()
    reduced = _reduced(values).astype(np.float32)
    # numba would leave its own number of threads behind, for torch too: that is given back what it had
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", UserWarning)  # a warning that exact neighbours cannot embed further samples
        points = UMAP(
            n_neighbors=used["neighbours"],
            min_dist=used["min_dist"],
            init="pca",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_exact(reduced, int(used["neighbours"])),
            tqdm_kwds={"file": _Percent(progress), "bar_format": "{percentage:.0f} ", "disable": progress is None},
        ).fit_transform(reduced)
    return _finished(values, np.asarray(points, dtype=np.float32), used, seed)


def _exact(values: Floats, neighbours: int) -> tuple[Any, Any]:
    """Return exact neighbours (n, k) and distances (n, k) for UMAP, which would compile an approximation for a minute.

    Up to 4,096 samples it takes exact ones by itself, and wants none.
    """
    if len(values) <= 4096:
        return None, None
    from sklearn.neighbors import NearestNeighbors

    distances, rows = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(values).kneighbors(values)
    return rows, distances


class _Percent:
    """A file for tqdm, by which alone UMAP tells how far it is: each number written to it is passed on as a share."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    def write(self, text: str) -> None:
        if self.progress is not None and (number := text.strip()).isdigit():
            self.progress(int(number) / 100)

    def flush(self) -> None:
        """Do nothing: nothing is kept back."""


@lru_cache
def _keep_compiled() -> None:
    """Let numba keep what it compiles of UMAP beside it on disk: 12 s once a machine instead of in every process."""
    import umap.distances
    import umap.layouts
    import umap.umap_
    import umap.utils
    from numba.core.dispatcher import Dispatcher

    for module in (umap.umap_, umap.layouts, umap.utils, umap.distances):
        for function in vars(module).values():
            if isinstance(function, Dispatcher):
                function.enable_caching()


# ----------------------------------------------------------------------------------------------------- preparation


def _checked(codes: Floats) -> Floats:
    values = np.asarray(codes, dtype=np.float64)
    if values.ndim != 2 or len(values) < 4:
        raise ValueError(f"a projection needs codes (n, d) of at least 4 samples, not of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{(~np.isfinite(values)).any(axis=1).sum()} of {len(values)} codes are not finite")
    return values


def _flat(values: Floats) -> bool:
    """Return whether all codes are equal, as those of a collapsed autoencoder."""
    return bool((np.ptp(values, axis=0) == 0).all())


def _all_equal(values: Floats, used: Mapping[str, float]) -> Projection:
    return Projection(np.zeros((len(values), 2), np.float32), used)


def _components(values: Floats, count: int) -> Floats:
    """Return the first principal components (n, min(count, d)), each with its largest weight above 0."""
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    chosen = vectors[:, ::-1][:, :count]
    largest = chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])]
    return np.asarray(centred @ (chosen * np.where(largest < 0, -1.0, 1.0)))


def _reduced(values: Floats) -> Floats:
    return _components(values, DIMENSIONS) if values.shape[1] > DIMENSIONS else values


def _finished(values: Floats, points: NDArray[np.float32], used: Mapping[str, float], seed: int) -> Projection:
    return Projection(points, used, trustworthiness(values, points, seed=seed))


# --------------------------------------------------------------------------------------------------------- reading


def trustworthiness(codes: Floats, points: Floats, neighbours: int = NEIGHBOURS, seed: int = 0) -> float:
    """Return how many neighbours in the picture are neighbours in the codes (Venna and Kaski, 2001): 1 is all, 0 none.

    Neighbours in the picture (n, 2) that are none in the codes (n, d) count by their rank there. Beyond `SAMPLED`
    samples it is estimated from as many, drawn by `seed`, against all. Few samples have fewer neighbours; nan where
    all codes are equal.
    """
    # about their mean: far from it, differences of squares would be lost in single precision
    x, y = (np.asarray(of - np.mean(of, axis=0, dtype=np.float64), dtype=np.float32) for of in (codes, points))
    n = len(x)
    k = min(neighbours, (n - 1) // 2)
    if k < 1 or _flat(x):
        return math.nan
    rows = np.arange(n)
    if n > SAMPLED:
        rows = np.sort(np.random.default_rng(seed).choice(n, SAMPLED, replace=False))
    penalty = 0.0
    for some in np.array_split(rows, -(-len(rows) // 256)):
        near = np.argpartition(_squares(y, some), k - 1, axis=1)[:, :k]
        far = _squares(x, some)
        taken = np.take_along_axis(far, near, axis=1)
        rank = np.stack([(far < taken[:, [j]]).sum(axis=1) + 1 for j in range(k)], axis=1)
        penalty += float(np.maximum(rank - k, 0).sum())
    return 1 - penalty * 2 / (len(rows) * k * (2 * n - 3 * k - 1))


def _squares(values: Floats, rows: NDArray[np.int64]) -> Floats:
    """Return squared distances (r, n) of some rows to all; to itself it is infinite."""
    own = values[rows]
    found = (own**2).sum(1)[:, None] - 2 * own @ values.T + (values**2).sum(1)
    found[np.arange(len(rows)), rows] = np.inf
    return np.asarray(found)


def nearest(codes: Floats, row: int, count: int = NEIGHBOURS) -> tuple[NDArray[np.int64], Floats]:
    """Return the rows of the codes (n, d) nearest to one of them, nearest first, and their Euclidean distances."""
    distance = np.sqrt(((codes - codes[row]) ** 2).sum(axis=1))
    distance[row] = np.inf
    rows = np.argsort(distance, kind="stable")[: min(count, len(codes) - 1)]
    return rows, distance[rows]


def procrustes(reference: Floats, other: Floats) -> tuple[NDArray[np.float32], float]:
    """Move, turn, mirror and scale `other` (n, 2) onto `reference` (n, 2), row i on row i (Gower, 1975).

    Return the moved points in the reference's units and the residual: the share 0 … 1 of the reference's variance
    that is left between the two. Where either has no spread nothing is turned, and the residual is 1.
    """
    if reference.shape != other.shape:
        raise ValueError(f"Procrustes compares the same samples, not {reference.shape} with {other.shape}")
    centre = reference.mean(axis=0)
    a, b = np.asarray(reference - centre, dtype=np.float64), np.asarray(other - other.mean(axis=0), dtype=np.float64)
    u, size, v = np.linalg.svd(b.T @ a)
    spread_a, spread_b = float((a**2).sum()), float((b**2).sum())
    if spread_a == 0 or spread_b == 0:
        return (b + centre).astype(np.float32), 1.0
    moved = b @ (u @ v) * (size.sum() / spread_b)
    residual = 1 - float(size.sum()) ** 2 / (spread_a * spread_b)
    return (moved + centre).astype(np.float32), max(residual, 0.0)
