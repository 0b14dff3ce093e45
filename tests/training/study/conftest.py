"""What tests of whole studies share."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import registry
from training.tracking.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def no_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the evaluations that apply to the toy: they fit it again."""
    monkeypatch.setattr(registry, "evaluations", list)
