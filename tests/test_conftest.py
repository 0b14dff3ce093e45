"""The ground that other tests stand on: nothing of the user's is touched, and threads are capped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT, find_postgres


def test_no_test_sees_the_users_store_or_caches():
    for variable in ("AFFECTORY_STORE", "AFFECTORY_CACHE", "XDG_CACHE_HOME"):
        folder = Path(os.environ[variable]).resolve()
        assert not folder.is_relative_to(ROOT / "mlruns")
        assert not folder.is_relative_to(Path.home() / ".cache")


def test_no_server_of_the_user_is_written_to():
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert "OPTUNA_STORAGE" not in os.environ


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_store_of_its_own(turn):
    store = Path(os.environ["AFFECTORY_STORE"])
    assert not store.exists()
    store.mkdir()


def test_torch_uses_one_thread():
    import torch

    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])


@pytest.mark.realdata
def test_real_data_holds_the_motion_table(real_data):
    assert (real_data / "motion").is_dir()


@pytest.mark.postgres
def test_postgres_programs_lie_together(postgres_programs):
    assert postgres_programs == find_postgres()
    assert (postgres_programs / "pg_ctl").exists()


@pytest.mark.browser
def test_the_browser_draws_a_page(browser):
    page = browser.new_page()
    page.set_content("<h1>Affectory</h1>")
    assert page.locator("h1").bounding_box()["height"] > 0
    page.close()
