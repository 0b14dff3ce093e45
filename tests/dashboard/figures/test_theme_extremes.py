"""Field cases 16 and 17 and their kind: one extreme or infinite value flattens no figure, and its axis says so."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.figures import circumplex, curves, errors, landscape, latent, predictions, search, theme, truth
from tests.dashboard.figures.test_space import SPACE, trials

HUGE = [1e20, -1e20, math.inf]


def reaches(axis: go.layout.XAxis | go.layout.YAxis, most: float) -> bool:
    """Return whether an axis is cut, reaches no farther than `most`, and says that something lies beyond."""
    return axis.range is not None and max(map(abs, axis.range)) <= most and "beyond the axis" in axis.title.text


def series(count: int, odd: float, seed: int = 0) -> np.ndarray:
    """Return numbers from 0 to 1, one of which is odd."""
    values = np.random.default_rng(seed).uniform(0, 1, count)
    values[count // 2] = odd
    return values


def curve(odd: float, name: str) -> pd.DataFrame:
    """Return eight falling curves, the last of which ends odd."""
    rows = [(str(line), "val/mae", step, 1 / (step + 1) + line / 100) for line in range(8) for step in range(10)]
    table = pd.DataFrame(rows, columns=[name, "metric", "step", "value"])
    table.loc[table.index[-1], "value"] = odd
    return table


def drawn(rows: pd.DataFrame) -> go.Figure:
    """Return the curves of runs with one seed each, drawn."""
    called = {run: run for run in rows["run_id"]}
    table = curves.curves(rows, called, {}, curves.EPOCH)
    return curves.draw_curves(table, "val/mae", curves.EPOCH, theme.looks(called), called)


@pytest.mark.parametrize("odd", HUGE)
def test_epoch_curves(odd):
    own = drawn(curve(odd, "run_id"))
    assert reaches(own.layout.yaxis, 3)
    if math.isfinite(odd):
        of_trials = curve(odd, "trial").assign(state="complete")
        figure = search.draw_curves(of_trials, "MAE", None)
        assert max(map(abs, figure.layout.yaxis.range)) < 3
        assert figure.layout.yaxis.title.text == "MAE (1 beyond the axis)"
    calm = drawn(curve(0.1, "run_id"))
    assert calm.layout.yaxis.range is None


@pytest.mark.parametrize("odd", HUGE[:2])
def test_parameters_of_a_search(odd):
    table = trials(12)
    table.loc[5, "value"] = odd
    assert reaches(landscape.draw_slices(table, SPACE, ["depth", "rate"], "MAE").layout.yaxis, 10)
    lines = landscape.draw_parallel(table, SPACE, ["depth", "rate"], "minimize", "MAE")
    assert "MAE (1 beyond the axis)" in lines.layout.yaxis.ticktext
    last = [x for trace in lines.data for x, y in zip(trace.x, trace.y, strict=True) if y == 0]
    assert len({round(x, 2) for x in last}) > 4  # the others can still be told apart
    contour = landscape.draw_contour(table, SPACE, "rate", "depth", "minimize", "MAE")
    assert np.nanmax(np.abs(np.asarray(contour.data[0].z, float))) < 10
    assert "1 beyond the axis" in contour.data[0].colorbar.title.text


@pytest.mark.parametrize("odd", HUGE)
def test_the_trade_off(odd):
    front = pd.DataFrame({"trial": range(12), "first": series(12, odd), "second": series(12, 0.5, 1), "front": False})
    assert reaches(search.draw_pareto(front, "MAE", "seconds").layout.xaxis, 2)


@pytest.mark.parametrize("odd", HUGE)
def test_truth_and_prediction(odd):
    dots = pd.DataFrame({"sample": "s", "group": "g", "label": "", "true": series(40, 0.5), "pred": series(40, odd, 1)})
    figure = truth.draw(dots, "p")
    assert reaches(figure.layout.yaxis, 2)
    assert max(map(abs, figure.data[0].x)) <= 1  # the dotted line
    table = pd.DataFrame({"true_p": series(40, 0.5), "pred_p": series(40, odd, 1)})
    counts = predictions.density(table, "p")
    assert counts["count"].sum() == 39
    assert "1 beyond the axis" in (predictions.draw_density(counts, "p").layout.xaxis.title.text) or odd == math.inf


@pytest.mark.parametrize("odd", HUGE)
def test_a_recording_over_time(odd):
    table = pd.DataFrame({"sample": [f"s{i}" for i in range(20)], "time": range(20)})
    table = table.assign(true_p=series(20, 0.5), pred_p=series(20, odd, 1))
    figure = predictions.draw_traces({"run": table}, ["p"], theme.looks(["run"]))
    assert max(map(abs, figure.layout.yaxis.range)) < 2
    assert figure.layout.annotations[0].text == "p (1 beyond the axis)"


@pytest.mark.parametrize("odd", [1e20, math.inf])
def test_errors_of_features(odd):
    names = [f"f{i}" for i in range(12)]
    table = pd.DataFrame({"row": "run", "kind": errors.OWN, "feature": names, "split": 0, "sd": 0.0})
    table = table.assign(mae=0.1, mse=0.1, mae_over_range=series(12, odd))
    assert reaches(errors.draw_bars(table, "mae_over_range", names).layout.xaxis, 2)
    shown = pd.DataFrame({"feature": names, "real": 0.0, "regenerated": 0.0, "difference": 0.0})
    assert reaches(errors.draw_examples(shown.assign(over_range=series(12, odd))).layout.xaxis, 2)


@pytest.mark.parametrize("odd", [1e20, math.inf])
def test_the_circumplex(odd):
    rows = pd.DataFrame({"sample": [str(i) for i in range(40)], "group": "g", "label": "", "error": 0.0})
    for side in ("true", "pred"):
        rows = rows.assign(**{f"{side}_valence": series(40, 0.5), f"{side}_arousal": series(40, 0.5, 1)})
    rows.loc[7, "pred_valence"] = odd
    figure = circumplex.draw(circumplex.Cloud(rows, ("valence", "arousal")), "pred")
    assert max(map(abs, figure.layout.xaxis.range)) < 3
    assert "1 beyond the axis" in figure.layout.xaxis.title.text


def test_colours_of_a_latent_space():
    table = pd.DataFrame({"sample": [str(i) for i in range(40)], "x": 0.0, "y": 0.0, "error": series(40, 1e20)})
    figure = latent.draw(latent.Plane("run", "run", table, "pca"), "error")
    assert figure.data[0].marker.cmax <= 1


def test_what_is_merely_spread_is_never_cut():
    """Mostly one value and a few others, a loss that comes down from far, and few numbers."""
    for values in ([0.0] * 30 + [0.5, 0.7, 1.0], [0.1, 5.0], [1.0], []):
        assert theme.within(values, "MAE") == {}
    loss = pd.DataFrame({"run_id": "run", "metric": "val/mae", "step": range(20)})
    loss = loss.assign(value=[100, 10, 1, *np.linspace(0.1, 0.05, 17)])
    assert drawn(loss).layout.yaxis.range is None


def test_one_bad_trial_of_three_is_drawn_where_it_is():
    assert theme.bulk([0.1009, 0.1013, 0.1296], "high") == (0.1009, 0.1296)
    assert theme.bulk([0.1009, 0.1013, 1e20], "high") == (0.1009, 0.1013)
