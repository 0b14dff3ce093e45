"""Curves over seeds, differences by group and region, and disagreement: by known numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect.record import ALL
from dashboard.figures import compared


def table(pred: list[float], **more: list[object]) -> pd.DataFrame:
    n = len(pred)
    found = pd.DataFrame({"sample": [f"s{i}" for i in range(n)], "group": ["p", "p", "q", "q"][:n], "part": "test"})
    return found.assign(true_v=[0.0, 1.0, 0.0, 1.0][:n], pred_v=pred, **more)


def test_errors_are_means_over_final_runs():
    two = [table([0.1, 1.0, 0.0, 1.0]), table([0.3, 1.0, 0.0, 1.0])]
    assert compared.errors(two, "v")["error"].tolist() == pytest.approx([0.2, 0, 0, 0])
    assert compared.errors(two, ALL)["error"].tolist() == pytest.approx([20, 0, 0, 0]), "percent of the range"


def test_differences_by_group_are_run_minus_baseline():
    own = compared.errors([table([0.5, 1.0, 0.0, 1.0])], "v")
    other = compared.errors([table([0.0, 1.0, 0.4, 1.0])], "v")
    found = compared.by_group(own, {"other": other}).set_index("group")["difference"]
    assert found.to_dict() == pytest.approx({"p": -0.25, "q": 0.2})


def test_regions_of_a_run_against_itself_differ_by_nothing_and_a_perfect_one_is_nearer():
    rng = np.random.default_rng(0)
    true = rng.uniform(-1, 1, (200, 2))
    base = pd.DataFrame({"sample": [f"s{i}" for i in range(200)], "group": "g", "part": "test"})
    base = base.assign(true_valence=true[:, 0], true_arousal=true[:, 1], pred_valence=0.0, pred_arousal=0.0)
    perfect = base.assign(pred_valence=true[:, 0], pred_arousal=true[:, 1])
    axes = ("valence", "arousal")
    assert compared.by_region([base], [base, base], axes)["difference"].abs().max() == pytest.approx(0)
    found = compared.by_region([base], [perfect], axes)
    assert (found["difference"] < 0).all()
    assert int(found["n"].sum()) == 200


def test_two_samples_of_a_recording_at_most_stand_among_those_of_disagreement():
    one = table([0.0, 0.0, 0.0, 0.0], sequence=["r", "r", "r", "t"])
    two = table([0.9, 0.8, 0.7, 0.1], sequence=["r", "r", "r", "t"])
    found = compared.disagreement({"one": one, "two": two}, "v")
    assert found["sample"].tolist() == ["s0", "s1", "s3"]
    assert found["apart"].tolist() == pytest.approx([0.9, 0.8, 0.1])
    assert found[["truth", "one", "two"]].iloc[0].tolist() == [0.0, 0.0, 0.9]


def test_the_recording_with_most_disagreement_comes_first():
    one = table([0.0, 0.0, 0.0, 0.0], sequence=["r", "r", "t", "t"])
    two = table([0.1, 0.1, 0.9, 0.9], sequence=["r", "r", "t", "t"])
    assert compared.apart_by_recording({"one": one, "two": two}, ["v"]) == ["t", "r"]
