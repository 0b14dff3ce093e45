from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres, store_template
from training.tracking.store import Store


@pytest.fixture
def store_folder() -> Path:
    """Return the test's own store (`AFFECTORY_STORE`), empty and migrated."""
    return store_template.copy(Path(os.environ["AFFECTORY_STORE"]))


@pytest.fixture
def store(store_folder: Path) -> Iterator[Store]:
    opened = Store.open()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a PostgreSQL server with a database `migrated`, which MLflow's migrations made."""
    with postgres.serve(postgres_programs) as server:
        # the environment is only set for as long as the migrations run: the tests of this session set their own
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", postgres.create(server, "migrated"))
            patch.setenv("AFFECTORY_STORE", str(tmp_path_factory.mktemp("migrating")))
            Store.open().close()
        yield server


@pytest.fixture
def postgres_store(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return a store of the test's own with both halves on PostgreSQL, which the environment names too."""
    url = postgres.create(postgres_server, f"t{uuid.uuid4().hex}", "migrated")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("OPTUNA_STORAGE", postgres.create(postgres_server, f"o{uuid.uuid4().hex}"))
    opened = Store.open()
    yield opened
    opened.close()
