from __future__ import annotations

import pandas as pd

from dashboard.figures import board, pivot
from tests.dashboard.run_table import study, table


def rows(*studies: dict, protocol: str = "one") -> pd.DataFrame:
    runs = table(*studies)
    found = board.measured(runs, "mae", "all")
    return found.assign(protocol=protocol, all_settings=runs["settings"].reindex(found["run_id"]).to_numpy())


def grid() -> pd.DataFrame:
    values = {("avg", 10): 0.4, ("avg", 2): 0.3, ("max", 10): 0.2, ("max", 2): 0.5}
    return rows(*(study(f"{p}{w}", v, settings=f'{{"pooling":"{p}","window":{w}}}') for (p, w), v in values.items()))


def test_any_two_settings_become_rows_and_columns_numbers_in_their_order():
    table_ = pivot.wide(pivot.cells(grid(), "pooling", "window", "mae"), "pooling", "window")
    assert list(table_.columns) == ["pooling", "2", "10"]
    assert table_.iloc[0].tolist() == ["avg", "0.300", "0.400"]
    assert table_.iloc[1].tolist() == ["max", "0.500", "0.200 *"]


def test_of_several_studies_in_a_cell_the_latest_stands_there_not_the_best():
    found = pivot.cells(rows(study("first", 0.1), study("second", 0.3, hours=1)), "method", "latent_size", "mae")
    assert found["value"].tolist() == [0.3]
    assert found["studies"].tolist() == [2]


def test_protocols_are_columns_and_each_has_its_own_best():
    mine = rows(study("a", 0.1), study("b", 0.2, method="motion/two"))
    both = pd.concat([mine, rows(study("c", 0.9), protocol="other")])
    found = pivot.cells(both, "method", "protocol", "mae")
    wide = pivot.wide(found, "method", "protocol")
    assert wide.loc[0].tolist() == ["one", "0.100 *", "0.900 *"]
    assert wide.loc[1].tolist() == ["two", "0.200", "–"]


def test_two_protocols_never_fall_into_one_cell():
    both = pd.concat([rows(study("a", 0.1)), rows(study("c", 0.9), protocol="other")])
    wide = pivot.wide(pivot.cells(both, "method", "latent_size", "mae"), "method", "latent_size")
    assert sorted(wide.columns[1:]) == ["one · 1", "other · 1"]


def test_what_differs_is_offered_first():
    assert pivot.axes(grid()) == ["method", "pooling", "window", "protocol"]


def test_the_heat_map_has_the_cells_figures():
    fig = pivot.draw(pivot.cells(grid(), "pooling", "window", "mae"), "pooling", "window", "mae")
    assert fig.data[0].z.tolist() == [[0.3, 0.4], [0.5, 0.2]]
