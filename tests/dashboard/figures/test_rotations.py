import math

import numpy as np
import pytest

from dashboard.figures import rotations
from tests import fake_meshes

FALLS, STAYS = fake_meshes.STUDIES[0], fake_meshes.STUDIES[2]


@pytest.fixture(scope="module")
def tables():
    return {spec.name: fake_meshes.rotations(spec, fake_meshes.predict(spec, 1)) for spec in (FALLS, STAYS)}


def test_each_angle_has_the_mean_and_the_ends_of_its_draws(tables):
    table = tables[FALLS.name]
    line = rotations.by_angle(table, "f1").set_index("angle")
    assert list(line.index) == [0, 60, 120, 180]
    assert line.loc[0, "mean"] > line.loc[180, "mean"] + 0.3
    drawn = table[(table["angle"] == 60) & (table["metric"] == "f1") & (table["target"] == "all")]["value"]
    assert line.loc[60].tolist() == pytest.approx([drawn.mean(), drawn.min(), drawn.max(), 2])


def test_the_summary_says_upright_rotated_and_the_spread_over_draws(tables):
    found = rotations.summary(tables, "f1", 0.04).set_index("run")
    assert found.loc[FALLS.name, "rotated"] < 0.3 < found.loc[FALLS.name, "upright"]
    assert found["draws"].tolist() == [3, 3]
    assert (found["± sd over draws"] > 0).all()
    assert "chance" not in rotations.summary(tables, "f1")


def test_a_line_a_run_and_its_draws_from_all_rotations_beside_it(tables):
    fig = rotations.draw(tables, "f1", 0.04)
    lines = [trace for trace in fig.data if trace.mode == "lines+markers"]
    dots = [trace for trace in fig.data if trace.mode == "markers"]
    assert [trace.name for trace in lines] == [FALLS.name, STAYS.name]
    assert [len(trace.y) for trace in dots] == [3, 3]
    assert min(dots[0].x) > 180
    assert "degrees" in fig.layout.xaxis.title.text
    assert len(fig.layout.shapes) == 1
    assert not rotations.draw(tables, "f1", math.nan).layout.shapes


def test_the_metrics_are_those_of_the_table(tables):
    assert rotations.metrics_of(tables[FALLS.name]) == ["accuracy", "f1", "uar"]
    assert not np.isnan(rotations.by_angle(tables[FALLS.name], "accuracy")["mean"]).any()
