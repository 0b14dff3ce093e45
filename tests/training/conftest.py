from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import store_template
from training.tracking import Store


@pytest.fixture
def store_folder() -> Path:
    """Return the test's own store (`AFFECTORY_STORE`), empty and migrated."""
    return store_template.copy(Path(os.environ["AFFECTORY_STORE"]))


@pytest.fixture
def store(store_folder: Path) -> Iterator[Store]:
    opened = Store.open()
    yield opened
    opened.close()
