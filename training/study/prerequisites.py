"""Prerequisites: fitted models that other methods and evaluations need, found or fitted on the same train part.

A prerequisite is fitted with its space's DEFAULTS, without the test part, and kept as a run of kind ``need`` that no
leaderboard shows. ``--with NAME=RUN`` uses a final run instead, if it has the same split and settings.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from affect.record import Artifact, Kind, State, digest, to_json
from training import messages, protocols, registry
from training.contract import StudyFailed, UserError
from training.study import evaluating, fitting, provenance, scoring, stopping
from training.study.search import KILLED
from training.study.session import checkpoints, identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.study.plan import Prepared
    from training.study.session import Session
    from training.tracking.store import Store


def load(session: Session, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return name → fitted model of each prerequisite in `wanted` (name → method), fitting those that are missing."""
    loaded = {}
    for need, method in wanted.items():
        folder = session.store.artifacts(run_id(session, need, method)) / Artifact.MODEL
        loaded[need] = registry.method(method).load(folder, session.bench.device)
    return loaded


def tag(session: Session, wanted: Mapping[str, str]) -> str:
    """Return the tag `needs` of a run whose prerequisites are `wanted`."""
    return to_json({need: run_id(session, need, method) for need, method in wanted.items()})


def run_id(session: Session, need: str, method: str) -> str:
    """Return the run that serves as `need` in this study: kept from before, given by ``--with``, found, or fitted.

    It stands as a user attribute of the Optuna study, so that a resumed study keeps its prerequisites. UserError where
    it was deleted in MLflow since.
    """
    attribute = f"need {method} {need}"  # with the method: two prerequisites of prerequisites may bear one name
    kept = session.study.user_attrs.get(attribute)
    if kept is not None:
        if kept not in session.checked:
            session.store.require(kept, f"the fitted {method} that study {session.prepared.name!r} uses as {need}")
            session.checked.add(kept)
        return str(kept)
    with session.store.holding(f"{attribute} {session.label}"):
        kept = session.study.user_attrs.get(attribute)
        if kept is None:
            _close_killed(session, method)
            given = session.prepared.plan.prerequisites.get(need)
            kept = (
                _given(session.prepared, session.store, need, method, given)
                if given
                else _found(session, method) or _fit(session, method)
            )
            session.study.set_user_attr(attribute, kept)
    return str(kept)


def _close_killed(session: Session, method: str) -> None:
    """Close what a killed worker of this study left open while it fitted the need; the lock says that none is at it."""
    mine = {"kind": Kind.NEED, "method": method, **session.selection}
    for info in session.store.find(mine, status="RUNNING"):
        if info.tags["state"] == State.COMPLETE:  # killed after it had written all, before MLflow heard of it
            session.store.end(info.id, State.COMPLETE)
        else:
            session.store.resume(info.id).close(State.FAILED, KILLED)


def check(prepared: Prepared, store: Store) -> None:
    """Raise UserError where ``--with`` names what the study does not need, or a run that does not fit it."""
    wanted = {**prepared.method.prerequisites, **evaluating.prerequisites(prepared.method)}
    for need, text in prepared.plan.prerequisites.items():
        if need not in wanted:
            raise UserError(messages.unknown(need, wanted, f"prerequisite of {prepared.plan.method}"))
        if prepared.protocol.folds:
            raise UserError(
                f"--with {need}={text}: with --test-folds each fold has a {need} of its own, fitted on its train part; "
                "leave --with out"
            )
        _given(prepared, store, need, wanted[need], text)


def _settings(prepared: Prepared, method: str) -> dict[str, Any]:
    """Return the need's settings: the study's where it has the same one, else the default."""
    allowed = registry.choices(registry.method(method).METHOD, registry.reader(prepared.plan.dataset))
    return {name: prepared.settings.get(name, values[0]) for name, values in allowed.items()}


def _given(prepared: Prepared, store: Store, need: str, method: str, text: str) -> str:
    """Check the run that ``--with`` names: the method, the split and the settings must be those of the need."""
    info = store.final(text)
    tags = info.tags
    if tags.get("kind") not in (Kind.FINAL, Kind.NEED):
        raise UserError(
            f"--with {need}={text}: run {info.id[:8]} is a {tags.get('kind')}, which keeps no model; give a final run"
        )
    expected = {
        "method": method,
        "split": prepared.protocol.split_id,
        "data_version": prepared.data.version,
        "settings": to_json(_settings(prepared, method)),
        "state": State.COMPLETE,
    }
    for name, value in expected.items():
        if tags.get(name) != value:
            raise UserError(
                f"--with {need}={text}: run {info.id[:8]} has {name} {tags.get(name)!r}, expected {value!r}"
            )
    return str(info.id)


def _identity(session: Session, method: str) -> dict[str, str]:
    prepared = session.prepared
    return {
        "kind": Kind.NEED,
        "method": method,
        "split": prepared.protocol.split_id,
        "data_version": prepared.data.version,
        "settings": to_json(_settings(prepared, method)),
        "seed": str(prepared.plan.seed),
        "space": digest([dict(registry.space(method).DEFAULTS), prepared.plan.epochs]),
        "code": provenance.code(),
    }


def _found(session: Session, method: str) -> str | None:
    """Return an equal need that another study fitted; none where the code has uncommitted changes."""
    if provenance.code().endswith("+") or provenance.code() == "unknown":
        return None
    found = session.store.find({**_identity(session, method), "state": State.COMPLETE})
    return found[0].id if found else None


def _fit(session: Session, method: str) -> str:
    """Fit a need on the train part, stopped on validation; it is never given the test part."""
    import dataclasses

    prepared, store = session.prepared, session.store
    module, space = registry.method(method), registry.space(method)
    declared = module.METHOD
    data = prepared.data
    settings = _settings(prepared, method)
    plan = prepared.plan
    protocol = protocols.for_method(declared, data, settings, plan.split_seed, prepared.published, plan.test_folds)
    if session.fold:
        protocol = protocol.folds[session.fold - 1]
    if protocol.split_id != prepared.protocol.split_id:
        raise ValueError(f"{method} as a need of {prepared.plan.method} would be fitted on another split")
    bench = dataclasses.replace(session.bench, settings=settings)
    asked = dataclasses.replace(prepared, method=declared, settings=settings, protocol=protocol)
    tags = {**identity(asked, bench), **_identity(session, method), **session.selection}
    session.watch.message(f"fitting {method}, which {prepared.plan.method} needs, with its defaults")
    name = f"{session.prefix}need {method}"
    run = store.start(store.experiment(protocol.name), name, tags, dict(space.DEFAULTS))
    folder = checkpoints(session) / f"need-{method.replace('/', '-')}"
    try:
        models = load(session, declared.prerequisites)
        fit = fitting.fit(
            dataclasses.replace(asked, module=module),
            bench,
            dict(space.DEFAULTS),
            protocol.split(declared, settings, test=False),
            prepared.plan.seed,
            checkpoint=folder,
            listener=fitting.unrecorded(),
            prerequisites=models,
        )
        scoring.check(protocol, fit.outcome, ("train", "validation"))
        scores = scoring.scores(protocol, fit.outcome, declared)
        run.metrics({name: scores[name] for name in scoring.objectives(declared)})
        run.metrics(fit.cost)
        with run.folder(Artifact.MODEL) as model:
            fit.outcome.model.save(model)
    except KeyboardInterrupt:
        with stopping.cleaning_up():
            run.close(State.FAILED, "stopped by a person; the study fits it again when it goes on")
        raise
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        run.close(State.FAILED, f"{type(error).__name__}: {error}")
        if isinstance(error, Exception) and not isinstance(error, StudyFailed):
            raise StudyFailed(
                f"{method}, needed by {prepared.plan.method}, failed: {error!r}; run {run.id[:8]}"
            ) from error
        raise
    shutil.rmtree(folder, ignore_errors=True)
    run.close(State.COMPLETE, tags={"needs": tag(session, declared.prerequisites)})
    return str(run.id)
