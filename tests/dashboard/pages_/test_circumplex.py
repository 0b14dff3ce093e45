from __future__ import annotations

import json

import pytest

from dashboard import share
from dashboard.store import Store, locate

VANILLA, REGULARISED = "face-vae-synthetic-faces", "face-vae-continuous-synthetic-faces"
MOTION = "lma-to-pad-synthetic-motion"


@pytest.fixture
def stored(faces, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(faces))


def headings(page) -> list[str]:
    bold = [m.value.replace("\\", "") for m in page.markdown if m.value.startswith("**")]
    return [text.strip("*") for text in bold]


def axis_titles(page) -> set[str]:
    return {json.loads(c.proto.spec)["layout"]["xaxis"]["title"]["text"] for c in page.get("plotly_chart")}


def test_an_empty_store_says_which_command_fills_it(visit):
    page = visit("circumplex")
    assert not page.exception
    assert page.code[0].value.startswith("python -m training study faces/")


@pytest.mark.usefixtures("stored")
def test_runs_of_one_data_set_stand_beside_one_panel_of_truth(visit):
    page = visit("circumplex", fits=[VANILLA, REGULARISED])
    assert not page.exception
    assert headings(page) == ["Annotated", VANILLA, REGULARISED]
    assert len(page.get("plotly_chart")) == 3
    assert "SYNTHETIC" in page.markdown[0].value
    agreement = page.dataframe[-1].value.set_index("run")
    assert agreement.loc[REGULARISED, "CCC, valence"] > agreement.loc[VANILLA, "CCC, valence"]


@pytest.mark.usefixtures("stored")
def test_motion_has_a_circumplex_of_pleasure_and_arousal(visit):
    page = visit("circumplex", fits=MOTION, circle="Errors by region")
    assert not page.exception
    assert axis_titles(page) == {"pleasure (unpleasant … pleasant)"}
    latent = visit("circumplex", fits=MOTION, circle="Latent space")
    assert not latent.exception
    assert not latent.get("plotly_chart")
    assert "z\\_v" in " ".join(m.value for m in latent.markdown)


@pytest.mark.usefixtures("stored")
def test_the_address_keeps_the_reading_of_the_codes(visit):
    page = visit("circumplex", fits=[REGULARISED], circle="Latent space", reading="linear probe of z_v and of z_a")
    assert not page.exception
    assert page.selectbox(key="reading").value == "linear probe of z_v and of z_a"
    assert headings(page) == ["Annotated", REGULARISED]
    probed = page.dataframe[-1].value
    mean = visit("circumplex", fits=[REGULARISED], circle="Latent space", reading="mean over z_v and over z_a")
    assert probed["PCC, valence"].iloc[0] > 0.5
    assert not probed.equals(mean.dataframe[-1].value)


@pytest.mark.usefixtures("stored")
def test_the_seven_tasks_of_several_runs_stand_side_by_side(visit):
    page = visit("circumplex", fits=[REGULARISED, VANILLA], circle="Seven tasks", task="5 Inverse power")
    assert not page.exception
    assert {REGULARISED, VANILLA} <= set(page.dataframe[-1].value.columns)
    figure = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert "lower is better" in figure["layout"]["xaxis"]["title"]["text"]


@pytest.mark.usefixtures("stored")
def test_what_is_shown_goes_into_one_file_with_the_runs_cards():
    store = Store(locate())
    runs = store.runs()
    final = runs.index[(runs["kind"] == "final") & (runs["study"] == REGULARISED)][0]
    file = share.view(store, "Circumplex", "how to read it", [share.Section("One <b>", "text")], [final])
    assert "One &lt;b&gt;" in file
    assert final in file
    assert "SYNTHETIC data" in file
    assert "Predicts" in file


@pytest.mark.usefixtures("stored")
def test_a_shared_run_has_its_circumplex_and_its_tasks():
    store = Store(locate())
    runs = store.runs()
    study = runs.index[(runs["kind"] == "study") & (runs["study"] == REGULARISED)][0]
    file = share.runs(store, [study])
    assert "Circumplex: Predicted" in file
    assert "linear_probe" in file
    body = file.partition("<body>")[2]  # before it stands Plotly's own script
    assert "iVBORw0KGgo" not in body  # a PNG: pictures of people stay where they are
