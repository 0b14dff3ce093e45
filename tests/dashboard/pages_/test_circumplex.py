from __future__ import annotations

from tests.dashboard.looking import look, offered

VANILLA, REGULARISED = "face-vae-synthetic-faces", "face-vae-continuous-synthetic-faces"
MOTION = "lma-to-pad-synthetic-motion"


def test_runs_of_one_data_set_stand_beside_one_panel_of_truth(faces):
    shown = look(faces, "circumplex", VANILLA, REGULARISED)
    assert shown.headings == ["Annotated", VANILLA, REGULARISED, "Emotions", "Agreement"]
    assert len(shown.figures) == 3
    agreement = shown.tables[-1].set_index("run")
    assert agreement.loc[REGULARISED, "CCC, valence"] > agreement.loc[VANILLA, "CCC, valence"]


def test_motion_has_a_circumplex_of_pleasure_and_arousal(faces):
    shown = look(faces, "circumplex", MOTION, view="Errors by region")
    titles = {figure["layout"]["xaxis"]["title"]["text"] for figure in shown.figures}
    assert titles == {"pleasure (unpleasant … pleasant)"}
    assert "Codes" not in offered(faces, "circumplex", MOTION)


def test_codes_are_read_as_was_chosen(faces):
    probe = look(faces, "circumplex", REGULARISED, view="Codes", reading="linear probe of z_v and of z_a")
    assert probe.headings == ["Annotated", REGULARISED, "Agreement"]
    assert probe.tables[-1]["PCC, valence"].iloc[0] > 0.5
    mean = look(faces, "circumplex", REGULARISED, view="Codes", reading="mean over z_v and over z_a")
    assert not probe.tables[-1].equals(mean.tables[-1])


def test_labels_that_were_transferred_are_called_so(faces, tmp_path):
    import shutil
    import sqlite3

    folder = shutil.copytree(faces, tmp_path / "transferred")
    with sqlite3.connect(folder / "mlflow.db") as store:
        store.execute(
            "UPDATE tags SET value = value || ' transferred' WHERE key = 'affectory.protocol' AND value LIKE '%face%'"
        )
    shown = look(folder, "circumplex", REGULARISED)
    assert "Transferred labels" in shown.headings
    assert "Annotated" not in shown.headings


def test_the_seven_tasks_of_several_runs_stand_side_by_side(faces):
    shown = look(faces, "circumplex", REGULARISED, VANILLA, view="Seven tasks", task="5 Inverse power")
    assert {REGULARISED, VANILLA} <= set(shown.tables[-1].columns)
    assert "lower is better" in shown.figures[0]["layout"]["xaxis"]["title"]["text"]
