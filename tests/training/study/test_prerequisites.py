"""Needs are fitted on the train part alone, kept, found again, and refused where they would leak."""

from __future__ import annotations

from typing import Any

import pytest

from affect.record import to_json
from tests.training.study import toys
from training.contract import StudyFailed, UserError
from training.study import prerequisites, provenance, study
from training.study.plan import Plan, prepare
from training.study.progress import Watch
from training.study.session import Session
from training.tracking.store import Store
from training.views import single

NEED = {"judge": "motion/lma_to_pad"}


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "code", lambda: "0123abc")


def generator(**changes: Any) -> Any:
    """Return the toy as a method that needs another: from PAD to features, with a judge."""
    import dataclasses

    method = dataclasses.replace(toys.METHOD, inputs="pad", targets="features", prerequisites=NEED, **changes)
    seen: list[Any] = []

    def fit(params: Any, split: Any, job: Any) -> Any:
        seen.append(job.prerequisites["judge"].predict(single(split.validation.y)).shape)
        return toys.fit(params, split, job)

    toy = toys.module(METHOD=method, fit=fit)
    toy.seen = seen
    return toy


def run(store: Store, **options: Any) -> Session:
    toy = options.pop("toy", None) or generator()
    return study.run(toys.prepared(toy, epochs=5, trials=2, repeats=1, **options), store, Watch())


def fitted(store: Store) -> list[Any]:
    return store.find({"kind": "need"})


def test_need_is_fitted_once_without_test_and_handed_in(store: Store) -> None:
    toy = generator()
    session = run(store, toy=toy)
    [need] = fitted(store)
    assert need.tags["method"] == "motion/lma_to_pad"
    assert need.tags["split"] == session.prepared.protocol.split_id
    assert not [name for name in need.metrics if name.startswith("test")]
    assert toy.seen == [(len(session.prepared.protocol.rows("validation")), 3)] * 3
    final = store.find({"kind": "final"})[0]
    assert need.id in final.tags["needs"]


def test_need_is_found_again_by_another_study(store: Store) -> None:
    run(store, name="one")
    run(store, name="two")
    assert len(fitted(store)) == 1
    run(store, name="other split", split_seed=1)
    assert len(fitted(store)) == 2


def test_need_of_uncommitted_code_is_not_trusted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "code", lambda: "0123abc+")
    run(store, name="one")
    run(store, name="two")
    assert len(fitted(store)) == 2


def test_need_killed_while_it_was_fitted_is_closed_and_fitted_again(store: Store) -> None:
    prepared = toys.prepared(generator(), epochs=5, trials=2, repeats=1)
    experiment = store.experiment(prepared.protocol.name)
    left = store.start(experiment, "need", {"kind": "need", "method": NEED["judge"], "study": prepared.name})
    study.run(prepared, store, Watch())
    assert store.get(left.id).tags["state"] == "failed"
    assert [n.tags["state"] for n in fitted(store) if n.id != left.id] == ["complete"]


def test_need_that_cannot_be_fitted_fails_the_study_with_its_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.methods.motion import lma_to_pad

    def fit(params: Any, split: Any, job: Any) -> Any:
        raise ZeroDivisionError("odd data")

    monkeypatch.setattr(lma_to_pad, "fit", fit)
    with pytest.raises(StudyFailed, match=r"motion/lma_to_pad, needed by motion/toy, failed: .*odd data"):
        run(store)
    assert {found.status for found in store.find({"study": "toy"})} == {"FAILED"}


def test_with_refuses_a_run_that_has_seen_validation(store: Store) -> None:
    prepared = toys.prepared(generator(), prerequisites={"judge": "seen"})
    tags = {
        "kind": "final",
        "study": "seen",
        "method": NEED["judge"],
        "split": prepared.protocol.split_id,
        "data_version": prepared.data.version,
        "settings": to_json(prerequisites._settings(prepared, NEED["judge"])),
        "seed": "1",
        "refit": "train",
    }
    experiment = store.experiment(prepared.protocol.name)
    made = store.start(experiment, "seen", {"kind": "study", "study": "seen"})
    final = store.start(experiment, "final", tags, parent=made.id)
    final.close("complete")
    prerequisites.check(prepared, store)
    store.set_tags(final.id, {"refit": "all"})
    with pytest.raises(UserError, match=r"--with judge=seen: run .* was fitted on train and validation"):
        prerequisites.check(prepared, store)


def test_with_takes_a_run_of_the_same_split_and_nothing_else(store: Store) -> None:
    judge = Plan(method="motion/lma_to_pad", dataset="synthetic_motion", trials=1, fixed=True, repeats=1, epochs=5)
    given = study.run(prepare(judge), store, Watch())
    final = store.final(given.prepared.name)
    session = run(store, name="taken", data=given.prepared.data, prerequisites={"judge": given.prepared.name})
    assert prerequisites.run_id(session, "judge", NEED["judge"]) == final.id
    assert not fitted(store)
    with pytest.raises(UserError, match=r"--with judge=.*has split .*expected"):
        run(store, name="leaks", data=given.prepared.data, prerequisites={"judge": final.id[:8]}, split_seed=1)
    trial = store.find({"kind": "study", "study": "taken"})[0]
    tried = store.find({"kind": "trial", "study": given.prepared.name})[0]
    with pytest.raises(UserError, match="is a trial, which keeps no model"):
        run(store, name="a trial", data=given.prepared.data, prerequisites={"judge": tried.id})
    with pytest.raises(UserError, match="has method 'motion/toy', expected 'motion/lma_to_pad'"):
        run(store, name="another method", data=given.prepared.data, prerequisites={"judge": trial.id})
    with pytest.raises(UserError, match="no run's id begins with 'nothing'"):
        run(store, name="no such run", data=given.prepared.data, prerequisites={"judge": "nothing"})
    with pytest.raises(UserError, match="unknown prerequisite of motion/toy 'juge'; did you mean judge"):
        run(store, name="misspelt", data=given.prepared.data, prerequisites={"juge": final.id})
    assert {s.tags["study"] for s in store.find({"kind": "study"})} == {given.prepared.name, "taken"}
