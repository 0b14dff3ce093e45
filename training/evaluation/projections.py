"""Every code drawn on a plane by PCA, t-SNE and UMAP, for the dashboard's page Latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from affect import projections, record
from training.contract import Evaluation, Findings, Fitted, Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.data import Floats, Strings

LIMIT = 20_000
"""Samples that are projected at most: those of test first, then some of the others."""

FEWEST = 10
"""Samples below which an image of neighbours says nothing."""


def applies(method: Method) -> bool:
    """Say yes: whether there is a code is known when the method was fitted."""
    return True


def evaluate(fitted: Fitted) -> Findings:
    """Return the projections of each code with two numbers or more, seeded by the job, parameters at their defaults.

    All parts of a code are projected together. Where there are more than `LIMIT` samples it takes those of test, and
    draws from the others in the same way whatever the seed: runs on the same split can be compared sample by sample.
    """
    tables = []
    for code, parts in fitted.outcome.embeddings.items():
        sample, values = _chosen({part: (_names(fitted, part), codes) for part, codes in parts.items()})
        if values.shape[1] < 2 or len(values) < FEWEST or not np.isfinite(values).all():
            continue
        for algorithm in projections.ALGORITHMS:
            projection = projections.project(algorithm, values, seed=fitted.job.seed, threads=fitted.job.threads)
            tables.append(_table(sample, code, algorithm, projection, fitted.job.seed))
    return Findings({record.Artifact.PROJECTIONS: pd.concat(tables, ignore_index=True)} if tables else {})


def _names(fitted: Fitted, part: str) -> Strings:
    return fitted.test_sample if part == "test" else fitted.split.parts()[part].sample


def _chosen(parts: Mapping[str, tuple[Strings, Floats]]) -> tuple[Strings, Floats]:
    """Return the names (n,) and codes (n, d) of the samples to project, n at most `LIMIT`, those of test first."""
    order = [part for part in reversed(record.PARTS) if part in parts]
    sample = np.concatenate([parts[part][0] for part in order])
    codes = np.concatenate([parts[part][1] for part in order])
    test = min(len(parts["test"][0]) if "test" in parts else 0, LIMIT)
    others = np.arange(test, len(sample))
    if len(sample) > LIMIT:
        others = np.sort(np.random.default_rng(0).choice(others, LIMIT - test, replace=False))
    rows = np.concatenate([np.arange(test), others])
    return sample[rows], codes[rows]


def _table(sample: Strings, code: str, algorithm: str, projection: projections.Projection, seed: int) -> pd.DataFrame:
    """Return the rows of one projection, in the order of `record.COLUMNS`."""
    return pd.DataFrame(
        {
            "sample": sample,
            "code": code,
            "algorithm": algorithm,
            "parameters": record.to_json(dict(projection.parameters)),
            "seed": seed,
            "x": projection.points[:, 0],
            "y": projection.points[:, 1],
            "trustworthiness": projection.trustworthiness,
        }
    )


# once: It takes a minute for large data, and a page shows one run of a study.
# last: Other evaluations make codes too.
EVALUATION = Evaluation(applies, evaluate, once=True, last=True)
