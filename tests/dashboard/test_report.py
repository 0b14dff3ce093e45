from __future__ import annotations

import re

import pytest

from dashboard import report
from dashboard.results.index import Index
from dashboard.store import Source, Store
from dashboard.views.document import sizes
from tests import fake_faces, fake_store
from tests import fake_results as made

GRID = [spec.name for spec in made.STUDIES if spec.method == "motion/lma_vae" and "synthetic" in spec.name]
OTHER = fake_faces.STUDIES[1].name


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = fake_store.build(tmp_path_factory.mktemp("report") / "store", (fake_faces.STUDIES[1], *made.STUDIES))
    return Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))


@pytest.fixture(scope="module")
def index(store) -> Index:
    return Index(store.runs())


def test_a_report_of_a_grid_has_all_that_a_reader_asks_for(store, index):
    ids = [str(index.find(name)) for name in GRID]
    text = report.file(index, store, ids)
    assert list(sizes(text)) == ["Overview", "Leaderboard", "Best runs", "Errors", "Data"]
    assert "has the best test MAE" in text.partition("Where they come from")[0]
    assert "SYNTHETIC data" in text
    for run in ids:
        assert run in text
    assert index.record(ids[0]).protocol in text
    assert "uncommitted changes" in text
    assert re.search(r"Affectory, \d+ \w+ 20\d\d", text)
    assert "cannot be shown" not in text
    assert len(text) < 5_000_000


def test_studies_of_two_protocols_are_never_ranked_together(store, index):
    text = report.file(index, store, [str(index.find(GRID[0])), str(index.find(OTHER))])
    boards = [title for title in sizes(text) if title.startswith("Leaderboard")]
    assert len(boards) == 2
    assert "These studies have 2 protocols" in text


def test_more_studies_than_have_cards_are_said(store, index):
    text = report.file(index, store, [str(index.find(name)) for name in (*GRID, "lma-to-pad-synthetic-motion")])
    best = report.best_first(index.protocol_of(str(index.find(GRID[0]))), index.studies)
    assert len(best) == len(GRID)
    assert ("The best 4 of" in text) == (len(GRID) > report.MOST)


def test_a_study_without_final_runs_is_named(store, index):
    running = str(index.find(made.STUDIES[-1].name))
    assert "has no final run yet" in report.file(index, store, [running])
