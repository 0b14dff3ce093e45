from __future__ import annotations

import json

import pytest

from tests.training.tracking.test_transport import add_study
from training.contract import UserError
from training.tracking import annotations
from training.tracking.store import Store


def test_a_note_is_put_on_replaced_and_removed(store: Store):
    ids = add_study(store)
    annotations.note(store, "latent sizes", "  the good one ")
    annotations.note(store, ids["study"][:8], "the best one")
    assert store.get(ids["study"]).tags["note"] == "the best one"
    assert store.client.get_run(ids["study"]).data.tags["mlflow.note.content"] == "the best one"  # for mlflow ui
    annotations.note(store, "latent sizes", "")
    assert "note" not in store.get(ids["study"]).tags
    annotations.note(store, "latent sizes", "")  # nothing to remove is no error
    with pytest.raises(UserError, match="tag note: 9000 characters"):
        annotations.note(store, "latent sizes", "x" * 9000)


def test_labels_are_added_once_and_removed(store: Store):
    ids = add_study(store)
    annotations.label(store, ids["final"], ["thesis", "figure 3", "thesis"])
    annotations.label(store, ids["final"], ["old"])
    assert json.loads(store.get(ids["final"]).tags["labels"]) == ["figure 3", "old", "thesis"]
    annotations.label(store, ids["final"], ["old"], remove=True)
    assert json.loads(store.get(ids["final"]).tags["labels"]) == ["figure 3", "thesis"]
    with pytest.raises(UserError, match="'thesi'; did you mean thesis"):
        annotations.label(store, ids["final"], ["thesi"], remove=True)
    with pytest.raises(UserError, match="at least one character"):
        annotations.label(store, ids["final"], [" "])


def test_a_study_is_archived_with_its_runs_and_brought_back(store: Store):
    ids = add_study(store)
    annotations.archive(store, "latent sizes")
    archived = {info.id for info in store.find({"archived": "true"})}
    assert archived == {ids["study"], ids["trial"], ids["final"]}  # a need may serve others
    annotations.archive(store, ids["trial"], undo=True)
    assert "archived" not in store.get(ids["trial"]).tags
    annotations.archive(store, "latent sizes", undo=True)
    assert store.find({"archived": "true"}) == []
    assert store.get(ids["study"]).status == "FINISHED"
