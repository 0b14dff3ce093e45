"""Prerequisites: fitted models that other methods and evaluations need, found or fitted on the same train part.

A prerequisite is fitted with its space's DEFAULTS, without the test part, and kept as a run of kind ``need`` that no
leaderboard shows. ``--with NAME=RUN`` uses a final run instead, if it has the same split and settings.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from affect.record import Artifact, Kind, State, digest, to_json
from training import messages, protocols, registry, search_folds
from training.contract import StudyFailed, UserError
from training.study import evaluating, fitting, kept_model, provenance, scoring, stopping
from training.study.search import KILLED
from training.study.session import checkpoints, identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.study.plan import Prepared
    from training.study.session import Session
    from training.tracking.store import Store


def load(session: Session, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return name → fitted model of each prerequisite in `wanted` (name → method), fitting those that are missing."""
    store, device = session.store, session.bench.device
    return {
        name: kept_model.load(store, store.get(run_id(session, name, method)), device)
        for name, method in wanted.items()
    }


def tag(session: Session, wanted: Mapping[str, str]) -> str:
    """Return the tag `needs` of a run whose prerequisites are `wanted`."""
    return to_json({name: run_id(session, name, method) for name, method in wanted.items()})


def run_id(session: Session, name: str, method: str) -> str:
    """Return the run that serves as the prerequisite `name`: the study's, that of ``--with``, an equal or a new one.

    It stands as a user attribute of the Optuna study, so that a resumed study keeps its prerequisites. UserError where
    it was deleted in MLflow since.
    """
    # with the method: two prerequisites of prerequisites may bear one name
    attribute = f"need {method} {name}" + (f" search fold {session.search_fold}" if session.search_fold else "")
    recorded = session.study.user_attrs.get(attribute)
    if recorded is not None:
        if recorded not in session.checked:
            session.store.require(recorded, f"the fitted {method} that study {session.prepared.name!r} uses as {name}")
            session.checked.add(recorded)
        return str(recorded)
    with session.store.holding(f"{attribute} {session.label}"):
        recorded = session.study.user_attrs.get(attribute)
        if recorded is None:
            _close_killed(session, method)
            named = session.prepared.plan.prerequisites.get(name)
            recorded = (
                _named(session.prepared, session.store, name, method, named)
                if named
                else _equal(session, method) or _fit(session, method)
            )
            session.study.set_user_attr(attribute, recorded)
    return str(recorded)


def _close_killed(session: Session, method: str) -> None:
    """Close what a killed worker left open while it fitted the prerequisite; the lock says that none is at it."""
    selection = {"kind": Kind.NEED, "method": method, **session.selection}
    for info in session.store.find(selection, status="RUNNING"):
        if info.tags["state"] == State.COMPLETE:  # killed after it had written all, before MLflow heard of it
            session.store.end(info.id, State.COMPLETE)
        else:
            session.store.resume(info.id).close(State.FAILED, KILLED)


def check(prepared: Prepared, store: Store) -> None:
    """Raise UserError where ``--with`` names what the study does not need, or a run that does not fit it."""
    wanted = {**prepared.method.needed(prepared.settings), **evaluating.prerequisites(prepared.method)}
    for name, text in prepared.plan.prerequisites.items():
        if name not in wanted:
            raise UserError(messages.unknown(name, wanted, f"prerequisite of {prepared.plan.method}"))
        if prepared.protocol.folds or prepared.plan.folds is not None:
            option = "--test-folds" if prepared.protocol.folds else "--folds"
            raise UserError(
                f"--with {name}={text}: with {option} each fold has a {name} of its own, fitted on its train part; "
                "leave --with out"
            )
        _named(prepared, store, name, wanted[name], text)


def _settings(prepared: Prepared, method: str) -> dict[str, Any]:
    """Return the prerequisite's settings: the study's where it has the same one, else the default."""
    allowed = registry.choices(registry.method(method).METHOD, registry.reader(prepared.plan.dataset))
    return {name: prepared.settings.get(name, values[0]) for name, values in allowed.items()}


def _named(prepared: Prepared, store: Store, name: str, method: str, text: str) -> str:
    """Check the run that ``--with`` names: method, split and settings must be those of the prerequisite `name`."""
    info = store.final(text)
    tags = info.tags
    if tags.get("kind") not in (Kind.FINAL, Kind.NEED):
        raise UserError(
            f"--with {name}={text}: run {info.id[:8]} is a {tags.get('kind')}, which keeps no model; give a final run"
        )
    expected = {
        "method": method,
        "split": prepared.protocol.split_id,
        "data_version": prepared.data.version,
        "settings": to_json(_settings(prepared, method)),
        "state": State.COMPLETE,
    }
    for tag_name, value in expected.items():
        if tags.get(tag_name) != value:
            raise UserError(
                f"--with {name}={text}: run {info.id[:8]} has {tag_name} {tags.get(tag_name)!r}, expected {value!r}"
            )
    if tags.get("refit") == "all":
        raise UserError(
            f"--with {name}={text}: run {info.id[:8]} was fitted on train and validation (--refit all), and a search "
            "on validation needs one that has not seen it; give a final run of a study with --refit train"
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


def _equal(session: Session, method: str) -> str | None:
    """Return an equal prerequisite that another study fitted; none where the code has uncommitted changes."""
    if provenance.code().endswith("+") or provenance.code() == "unknown":
        return None
    runs = session.store.find({**_identity(session, method), "state": State.COMPLETE})
    return runs[0].id if runs else None


def _fit(session: Session, method: str) -> str:
    """Fit a prerequisite on the train part, stopped on validation; it is never given the test part."""
    import dataclasses

    prepared, store = session.prepared, session.store
    module, space = registry.method(method), registry.space(method)
    declared = module.METHOD
    data = prepared.data
    settings = _settings(prepared, method)
    plan = prepared.plan
    protocol = protocols.for_method(declared, data, settings, plan.split_seed, prepared.published, plan.test_folds)
    protocol = search_folds.divide(protocol, plan.folds, plan.split_seed)
    if session.fold:
        protocol = protocol.folds[session.fold - 1]
    if session.search_fold:
        protocol = protocol.search_folds[session.search_fold - 1]
    if protocol.split_id != prepared.protocol.split_id:
        raise ValueError(f"{method} as a prerequisite of {prepared.plan.method} would be fitted on another split")
    bench = dataclasses.replace(session.bench, settings=settings)
    asked = dataclasses.replace(prepared, method=declared, settings=settings, protocol=protocol)
    tags = {**identity(asked, bench), **_identity(session, method), **session.selection, "worker": session.worker}
    session.watch.message(f"fitting {method}, which {prepared.plan.method} needs, with its defaults")
    name = f"{session.prefix}need {method}"
    run = store.start(store.experiment(protocol.name), name, tags, dict(space.DEFAULTS))
    folder = checkpoints(session) / f"need-{method.replace('/', '-')}-{session.search_fold}"
    try:
        models = load(session, declared.needed(settings))
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
    run.close(State.COMPLETE, tags={"needs": tag(session, declared.needed(settings))})
    return str(run.id)
