from __future__ import annotations

import pandas as pd

from affect.published import published
from dashboard.figures import cells
from dashboard.results import pivot
from tests.dashboard.run_table import protocol, study


def rows(*studies: dict, name: str = "one", methods: tuple[str, ...] = ()) -> pd.DataFrame:
    return pivot.rows(protocol(*studies), "mae", ["all"], methods=methods, paper=published().iloc[:0]).assign(
        protocol=name
    )


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
    both = pd.concat([mine, rows(study("c", 0.9), name="other")])
    found = pivot.cells(both, "method", "protocol", "mae")
    wide = pivot.wide(found, "method", "protocol")
    assert wide.loc[0].tolist() == ["one", "0.100 *", "0.900 *"]
    assert wide.loc[1].tolist() == ["two", "0.200", "–"]


def test_two_protocols_never_fall_into_one_cell():
    both = pd.concat([rows(study("a", 0.1)), rows(study("c", 0.9), name="other")])
    wide = pivot.wide(pivot.cells(both, "method", "latent_size", "mae"), "method", "latent_size")
    assert sorted(wide.columns[1:]) == ["one · 1", "other · 1"]


def test_what_differs_is_offered_first():
    assert pivot.axes(grid()) == ["method", "pooling", "window", "pooling × window", "protocol"]
    assert pivot.axes(rows(study("a", 0.1))) == ["method", "latent_size", "protocol"]


def test_the_heat_map_has_the_cells_figures():
    fig = cells.draw(pivot.cells(grid(), "pooling", "window", "mae"), "pooling", "window", "mae")
    assert fig.data[0].z.tolist() == [[0.3, 0.4], [0.5, 0.2]]


def test_a_setting_of_any_name_is_drawn_letter_by_letter():
    odd = "<a href='x'>size</a>"
    runs = rows(study("a", 0.1, settings=f'{{"{odd}":"1"}}'), study("b", 0.2, settings=f'{{"{odd}":"2"}}'))
    fig = cells.draw(pivot.cells(runs, "method", odd, "mae"), "method", odd, "mae")
    assert "<a" not in fig.layout.xaxis.title.text
    assert "<a" not in fig.data[0].hovertemplate


def meshes() -> pd.DataFrame:
    """Return rows of three studies of data with published figures, upright and rotated."""

    def one(name: str, method: str, features: str, upright: float, rotated: float) -> dict:
        settings = f'{{"features":"{features}","rotations":"none"}}'
        about = {"method": f"meshes/{method}", "dataset": "ckplus", "settings": settings, "targets": '["emotion"]'}
        return study(name, objective="f1", **about, **{"test/f1/all": upright, "test/f1/rotated": rotated})

    studies = [one("a", "dgcnn", "xyz", 0.8, 0.1), one("b", "dgcnn", "aligned", 0.9, 0.9)]
    of = protocol(*studies, one("c", "linear", "aligned", 0.82, 0.82))
    return pivot.rows(of, "f1", ["all", "rotated"])


def test_published_figures_stand_beside_the_measured_ones_of_their_settings_and_are_marked():
    upright = meshes()[lambda r: r["target"] == "upright"]
    wide = pivot.wide(pivot.cells(upright, "method", "features", "f1"), "method", "features").set_index("method")
    assert wide.loc["dgcnn", "xyz"] == "0.800 (published 0.829)"
    assert wide.loc["dgcnn", "aligned"] == "0.900 *"
    assert wide.loc["linear", "xyz"] == "–"
    # two published settings fall into this cell: neither is shown
    assert wide.loc["dgcnn", "hks"] == "–" if "hks" in wide else True
    every = pivot.wide(pivot.cells(upright, "method", "features × rotations", "f1"), "method", "features × rotations")
    assert every.set_index("method").loc["dgcnn", "hks · train"] == "(published 0.710)"


def test_upright_and_rotated_are_an_axis_each_with_its_own_published_figures_and_best():
    assert pivot.axes(meshes())[-2:] == ["target", "protocol"]
    found = pivot.cells(meshes(), "features × rotations", "target", "f1")
    wide = pivot.wide(found, "features × rotations", "target").set_index("features × rotations")
    assert list(wide.columns) == ["upright", "under random rotations"]
    assert wide.loc["xyz · none", "under random rotations"] == "0.100 (published 0.072)"
    assert found.groupby("target")["best"].sum().to_dict() == {"upright": 1, "under random rotations": 1}


def test_a_published_figure_alone_is_written_where_nothing_was_measured():
    found = pivot.cells(meshes()[lambda r: r["target"] == "upright"], "method", "features × rotations", "f1")
    fig = cells.draw(found, "method", "features × rotations", "f1", (0, 1))
    assert {note.text for note in fig.layout.annotations} == {
        "(0.514)",
        "(0.716)",
        "(0.710)",
    }
    assert fig.data[0].zmax == 1


def test_a_filter_by_method_leaves_the_others_out_of_cells_and_axes():
    studies = study("a", 0.1), study("b", 0.2, method="motion/two", settings='{"depth":3}')
    found = rows(*studies, methods=("motion/one",))
    assert found["row"].tolist() == ["one"]
    assert "depth" not in pivot.axes(found)


def test_the_star_is_the_best_of_all_tables_of_a_protocol_not_of_each():
    values = {("avg", 1): 0.4, ("avg", 2): 0.3, ("max", 1): 0.2, ("max", 2): 0.5}
    found = rows(*(study(f"{p}{n}", v, settings=f'{{"pooling":"{p}","size":{n}}}') for (p, n), v in values.items()))
    every = pivot.cells(found, "pooling", "method", "mae", each="size")
    assert every["best"].sum() == 1
    assert pivot.wide(every[every["each"] == "1"], "pooling", "method")["one"].tolist() == ["0.400", "0.200 *"]
    assert pivot.wide(every[every["each"] == "2"], "pooling", "method")["one"].tolist() == ["0.300", "0.500"]


def test_validation_stands_before_test_where_it_is_asked_for():
    rows = grid().assign(validation=[0.5 if i else float("nan") for i in range(len(grid()))])
    found = pivot.cells(rows, "pooling", "window", "mae")
    plain, beside = (pivot.wide(found, "pooling", "window", validation=asked) for asked in (False, True))
    texts = [str(text) for column in beside.columns[1:] for text in beside[column]]
    before = [str(text) for column in plain.columns[1:] for text in plain[column]]
    assert {text.split(" | ")[1] for text in texts if " | " in text} == {text for text in before if text != "–"}
    assert {text.split(" | ")[0] for text in texts if " | " in text} == {"0.500", "–"}
