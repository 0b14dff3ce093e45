"""The choice of runs: by id in the address, kept from page to page, said where it cannot be kept."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from dashboard.parts import runs
from dashboard.reading.table import Runs
from dashboard.results.index import Index
from dashboard.views import view
from tests import fake_store
from tests.dashboard.looking import index_of

VAE, OTHER = "lma-vae-latent_size-1-lma", "lma-vae-latent_size-2-lma"


@pytest.fixture
def stored(filled, monkeypatch) -> Index:
    monkeypatch.setenv("AFFECTORY_STORE", str(filled))
    return index_of(filled)[0]


def chosen(page) -> list[str]:
    return page.multiselect(key="runs box").value


def words(page) -> str:
    return "\n".join(str(e.value) for kind in (page.warning, page.info) for e in kind).replace("\\", "")


def in_address(page) -> list[str]:
    value = page.query_params["runs"]
    return [value] if isinstance(value, str) else list(value)


def test_names_become_ids_in_the_address_and_stay_chosen_on_the_next_page(stored, visit):
    page = visit("errors", runs=[VAE, OTHER])
    ids = stored.asked([VAE, OTHER])[0]
    assert chosen(page) == ids
    assert in_address(page) == [run[:8] for run in ids]
    page.query_params.clear()  # as the links of the sidebar do
    page.switch_page("pages_/study.py").run()
    assert chosen(page) == ids
    assert in_address(page) == [run[:8] for run in ids]


@pytest.mark.parametrize(
    ("name", "key"), [("study", "study"), ("run", "run"), ("circumplex", "fits"), ("latent", "spaces")]
)
def test_an_address_of_an_earlier_version_still_opens(stored, visit, name, key):
    page = visit(name, **{key: OTHER})
    assert chosen(page) == stored.asked([OTHER])[0]
    assert key not in page.query_params


def test_what_is_not_in_the_store_is_said_with_the_nearest(stored, visit):
    page = visit("errors", runs=[VAE, "lma-vae-latent_size-3-lma"])
    assert chosen(page) == stored.asked([VAE])[0]
    assert "lma-vae-latent_size-3-lma" in words(page).replace("\u2060", "")
    assert "Did you mean" in words(page)


def test_nothing_chosen_is_said(stored, visit):
    page = visit("errors", runs=VAE)
    page.multiselect(key="runs box").set_value([]).run()
    assert "Choose a study or a run" in words(page)
    assert "runs" not in page.query_params


def test_runs_that_a_page_has_nothing_of_are_said_and_others_offered(stored, visit):
    page = visit("latent", runs="lma-to-pad-features-with_jerk-synthetic-motion")
    assert "Latent space cannot show" in words(page)
    assert not page.exception


def test_two_studies_of_one_name_are_told_apart(filled, tmp_path, monkeypatch, visit):
    folder = Path(shutil.copytree(filled, tmp_path / "twins"))
    first, second = fake_store.ids("study", VAE, 0), fake_store.ids("study", OTHER, 0)
    with sqlite3.connect(folder / "mlflow.db") as store:
        change = "UPDATE tags SET value = ? WHERE key = 'affectory.study' AND run_uuid = ?"
        store.execute(change, (VAE, second))
    index, _ = index_of(folder)
    titles = [index.title(first), index.title(second)]
    assert len(set(titles)) == 2
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    page = visit("study", runs=[first, second])
    assert chosen(page) == [first, second]


def test_letters_that_begin_two_ids_are_too_few():
    frame = pd.DataFrame(
        {"kind": "study", "state": "complete", "start": pd.Timestamp("2026-01-01", tz="UTC")},
        index=["abcdefgh1" + "0" * 23, "abcdefgh2" + "0" * 23, "f" * 32],
    )
    index = Index(Runs.of(frame))
    assert [len(runs.short(run, index)) for run in frame.index] == [9, 9, 8]


def test_a_page_of_results_opens_on_a_study_that_has_some(stored):
    (shown,) = runs.default(view.load("run"), stored)
    assert stored.final_ids(shown)
    (newest,) = runs.default(view.load("study"), stored)
    assert newest == stored.studies[0]
