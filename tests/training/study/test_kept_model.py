"""A run's model is read only where its files are those that the run wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from affect import record
from tests import store_template
from training import registry
from training.contract import UserError
from training.study import kept_model
from training.tracking.store import RunInfo, Store


class Method:
    """A method whose model is a text."""

    @staticmethod
    def load(folder: Path, device: str) -> Any:
        text = (folder / "model.json").read_text()
        if text == "broken":
            raise ValueError("expected a model\nand a long story")
        return text


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(registry, "method", lambda path: Method)
    return Store.open(store_template.copy(tmp_path / "store"))


def kept(store: Store, text: str) -> RunInfo:
    run = store.start(store.experiment("p"), "final", {"kind": "final", "method": "motion/toy"})
    with run.folder(record.Artifact.MODEL) as folder:
        (folder / "model.json").write_text(text)
    run.close(record.State.COMPLETE)
    return store.get(run.id)


def test_the_model_that_the_run_wrote_is_read(store: Store) -> None:
    assert kept_model.load(store, kept(store, "weights"), "cpu") == "weights"


def test_other_files_than_the_run_wrote_are_refused(store: Store) -> None:
    info = kept(store, "weights")
    (store.artifacts(info.id) / record.Artifact.MODEL / "model.json").write_text("other weights")
    with pytest.raises(UserError, match="the files of its model are not those that the run wrote"):
        kept_model.load(store, info, "cpu")


def test_a_model_that_cannot_be_read_is_one_sentence(store: Store) -> None:
    with pytest.raises(UserError, match=r"its model cannot be read \(ValueError: expected a model\); its files are in"):
        kept_model.load(store, kept(store, "broken"), "cpu")


def test_a_run_without_a_model_is_named(store: Store) -> None:
    run = store.start(store.experiment("p"), "trial", {"kind": "trial", "method": "motion/toy"})
    run.close(record.State.COMPLETE)
    with pytest.raises(UserError, match="has no model"):
        kept_model.load(store, store.get(run.id), "cpu")
