"""A latent space of 20,000 faces in a browser: from its address to drawn dots, from projections that a study kept.

The peer is a page that projects when it is opened: openTSNE on the same codes, without any drawing. The dashboard is
up and has read the store before; the browser has been to another of its pages, and opens this one by its address.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from affect import projections
from affect.record import Artifact
from tests import fake_faces, fake_store
from tests import fake_results as made
from tests.benchmarks.row import Row, row
from tests.browsing import serving, settled
from tests.conftest import BROWSER_ARGUMENTS, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

SAMPLES, WIDTH = 20_000, 32
ROUNDS = 5
SPEC = fake_faces.STUDIES[1]
DRAWN = """(count) => {
  const plot = document.querySelector('.js-plotly-plot');
  if (!plot || !plot._fullData || !plot.querySelector('.gl-canvas-context')) return false;
  const dots = plot._fullData.filter(trace => trace.type === 'scattergl');
  return dots.reduce((sum, trace) => sum + trace.x.length, 0) === count && plot.calcdata.length === dots.length;
}"""


def rows(scale: float) -> Iterable[Row]:
    """Yield the time to a drawn page, and to the same page with another code (none without Chromium)."""
    if find_chromium() is None:
        raise OSError("no Chromium found: the page cannot be measured (BROWSER_PATH=FILE names one)")
    count = max(600, int(SAMPLES * scale))
    with tempfile.TemporaryDirectory(prefix="affectory-latent-") as home:
        store = fake_store.build(Path(home) / "store", (SPEC,), trials=4, finals=1)
        codes = fill(store, count)
        opened, changed = visits(store, count, home)
    start = time.perf_counter()
    projections.tsne(codes)
    peer = time.perf_counter() - start
    note = f"{count} points, {WIDTH} numbers a code, medians of {ROUNDS}"
    # performance.md: 1.5 s where openTSNE takes 35 s
    yield row(
        "latent page from kept projections: address to drawn dots",
        "openTSNE alone",
        opened,
        peer,
        "<= 0.043",
        note=note,
    )
    yield row("latent page: another code chosen to drawn dots", "openTSNE alone", changed, peer, "<= 0.043", note=note)


def fill(store: Path, count: int) -> np.ndarray:
    """Give the study's final so many samples, their codes and projections; return the codes of one kind."""
    rng = np.random.default_rng(0)
    of = rng.integers(made.CLIPS * made.WINDOWS, size=count)  # each is like one of the small study's
    sample = np.array([f"person{i // 20:05d}/{i:06d}.png" for i in range(count)])
    folder = next(store.rglob(Artifact.PROJECTIONS)).parent
    predicted = pd.read_parquet(folder / Artifact.PREDICTIONS).iloc[of].assign(sample=sample)
    predicted.to_parquet(folder / Artifact.PREDICTIONS, index=False)
    pictured = pd.DataFrame({"sample": sample, "part": predicted["part"].to_numpy(), "mse": rng.random(count)})
    pictured.assign(mae=pictured["mse"]).to_parquet(folder / Artifact.RECONSTRUCTIONS, index=False)
    coded, kept = [], []
    for code in fake_faces.CODES:
        values = rng.normal(size=(count, WIDTH)).astype(np.float32)
        about = {"sample": sample, "part": predicted["part"].to_numpy(), "code": code}
        coded.append(pd.DataFrame({**about, **{f"d{i}": values[:, i] for i in range(WIDTH)}}))
        for algorithm, parameters in projections.ALGORITHMS.items():
            points = rng.normal(size=(count, 2)).astype(np.float32)
            named = {
                "sample": sample,
                "code": code,
                "algorithm": algorithm,
                "parameters": made.record.to_json(parameters),
            }
            figures = {"seed": 1, "x": points[:, 0], "y": points[:, 1], "trustworthiness": 0.9}
            kept.append(pd.DataFrame({**named, **figures}))
    pd.concat(coded, ignore_index=True).to_parquet(folder / Artifact.EMBEDDINGS, index=False)
    pd.concat(kept, ignore_index=True).to_parquet(folder / Artifact.PROJECTIONS, index=False)
    return values


def visits(store: Path, count: int, home: str) -> tuple[float, float]:
    """Return the median seconds from the page's address to its dots, and from another code to that one's dots."""
    opened, changed = [], []
    with serving(store) as base, chromium(home) as tab:
        settled(tab, f"{base}/errors")
        for turn in range(ROUNDS + 1):
            settled(tab, f"{base}/leaderboard")
            start = time.perf_counter()
            tab.goto(f"{base}/latent?{urlencode({'spaces': SPEC.name, 'code': 'z_v'})}")
            tab.wait_for_function(DRAWN, arg=count, polling="raf")
            opened.append(time.perf_counter() - start)
            settled(tab)
            first = tab.evaluate("document.querySelector('.js-plotly-plot')._fullData[0].x[0]")
            tab.locator('[data-testid="stSelectbox"]').filter(has_text="Code").locator("input").click()
            option = tab.get_by_role("option", name="z_a")
            option.wait_for()
            start = time.perf_counter()
            option.click()
            moved = "first => document.querySelector('.js-plotly-plot')._fullData[0].x[0] !== first"
            tab.wait_for_function(moved, arg=first, polling="raf")
            tab.wait_for_function(DRAWN, arg=count, polling="raf")
            changed.append(time.perf_counter() - start)
            if not turn:  # the first visit reads the store
                opened.clear()
                changed.clear()
    return median(opened), median(changed)


@contextmanager
def chromium(home: str) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(BROWSER_ARGUMENTS), env={**os.environ, "HOME": home}
        )
        tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        tab.set_default_timeout(120_000)
        yield tab
        browser.close()
