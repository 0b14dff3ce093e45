"""A study keeps its plan whole, and `work` joins it with that plan."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.training.study import toys
from training import cli
from training.contract import UserError
from training.study import kept_plan, study
from training.study.plan import Plan
from training.study.progress import Watch
from training.tracking.store import Store

pytestmark = pytest.mark.usefixtures("no_evaluations")


def test_every_field_of_a_plan_is_kept_but_what_a_worker_has_of_its_own(store: Store, tmp_path: Path) -> None:
    options = {"root": tmp_path / "data.csv", "split_seed": 3, "hold": {"unused": 2}, "trials": 1, "repeats": 1}
    asked = toys.prepared(name="mine", **options, first={"alpha": 2.0}, threads=3, device="cpu")
    study.run(asked, store, Watch())
    found = kept_plan.read(store, "mine")
    assert found == dataclasses.replace(asked.plan, threads=Plan.threads, device=Plan.device)
    assert json.loads(json.dumps(kept_plan.written(asked.plan)))["root"] == str(tmp_path / "data.csv")


def test_a_study_that_is_not_there_is_named_with_the_nearest(store: Store) -> None:
    study.run(toys.prepared(name="mine", trials=1, repeats=1), store, Watch())
    with pytest.raises(UserError, match="unknown study 'mien'; did you mean mine"):
        kept_plan.read(store, "mien")


def test_the_plan_of_a_later_version_is_refused(store: Store) -> None:
    session = study.run(toys.prepared(trials=1, repeats=1), store, Watch())
    storage, number = session.study._storage, session.study._study_id
    storage.set_study_user_attr(number, kept_plan.ATTRIBUTE, {"later": 1, **kept_plan.written(session.prepared.plan)})
    with pytest.raises(UserError, match="made by a later Affectory, whose plans have later"):
        kept_plan.read(store, "toy")


def test_work_takes_over_a_study_that_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan is the study's own: no option of it is given again."""
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))
    asked = ["study", "motion/lma_to_pad", "--dataset", "synthetic_motion", "--name", "s", "--epochs", "3"]
    for args in ([*asked, "--trials", "1", "--repeats", "1", "--hold", "depth=3"], ["work", "s"]):
        cli.app(args, standalone_mode=False)
    assert capsys.readouterr().out.count("s: SYNTHETIC data") == 2
    trials = Store.open().find({"kind": "trial"})
    assert [run.params["depth"] for run in trials] == ["3"]
