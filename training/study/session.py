"""One process at work on a study: it makes the study or joins the one of the same name."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import optuna

from affect.record import ALL, METRIC_VERSION, RECORD_VERSION, Artifact, Kind, State, digest, to_json
from training import leaks, registry
from training.contract import UserError
from training.study import annotation_table, kept_plan, provenance, search
from training.study.plan import data_summary
from training.study.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.study.fitting import Bench
    from training.study.plan import Plan, Prepared
    from training.study.progress import Watch
    from training.tracking.store import RunInfo, Store


@dataclass(frozen=True)
class Session:
    """One process at work on a study, or on one fold of it.

    Parameters
    ----------
    prepared : the plan; of a fold its `protocol` is the fold's own.
    study : Optuna's study: the search, of a study tested by folds the search of one fold.
    run_id, experiment : MLflow's ids of the study's run and of its protocol.
    worker : name of this process, by which running trials say whose they are.
    fold, folds : number of the fold, from 1 (0 for the whole study), and how many there are (0 with one split).
    search_fold : of a search fold its number, from 1; its `protocol` is the fold's own.
    workers : tells the dead workers of the store.
    checked : prerequisites that this process has seen in the store.
    """

    prepared: Prepared
    store: Store
    study: optuna.Study
    run_id: str
    experiment: str
    worker: str
    bench: Bench
    watch: Watch
    workers: Workers
    fold: int = 0
    folds: int = 0
    search_fold: int = 0
    checked: set[str] = field(default_factory=set)

    @property
    def label(self) -> str:
        """Return the name by which locks know the study, or the fold."""
        return label(self.prepared.name, self.fold)

    @property
    def prefix(self) -> str:
        """Return what the names of a fold's runs begin with."""
        of_search = f"search fold {self.search_fold} · " if self.search_fold else ""
        return (f"fold {self.fold} · " if self.fold else "") + of_search

    @property
    def selection(self) -> dict[str, str]:
        """Return the tags that tell the runs of this study, or of this fold, from all others."""
        fold = {"fold": str(self.fold)} if self.fold else {}
        search_fold = {"search_fold": str(self.search_fold)} if self.search_fold else {}
        return {"study": self.prepared.name, **fold, **search_fold}

    @property
    def search_folds(self) -> list[Session]:
        """Return a session for each fold on which a trial is scored; itself where there is one validation part."""
        protocols = self.prepared.protocol.search_folds
        return [
            dataclasses.replace(self, prepared=dataclasses.replace(self.prepared, protocol=protocol), search_fold=k)
            for k, protocol in enumerate(protocols, 1)
        ] or [self]

    def tags(self, kind: str) -> dict[str, str]:
        """Return the tags that each run of this study bears."""
        folds = {"test_folds": str(self.folds)} if self.folds else {}
        own = {"worker": self.worker, "kind": kind}
        return {**identity(self.prepared, self.bench), **self.selection, **folds, **own}


def label(study: str, fold: int) -> str:
    """Return the name by which locks know a study, or a fold of it (0: the study)."""
    return f"{study} fold {fold}" if fold else study


def identity(prepared: Prepared, bench: Bench) -> dict[str, str]:
    """Return the tags that say what a run is about and what it was made with."""
    protocol, data, plan = prepared.protocol, prepared.data, prepared.plan
    return {
        "record": str(RECORD_VERSION),
        "method": plan.method,
        "method_title": prepared.method.title,
        "dataset": data.name,
        "reader": plan.dataset,
        "data_title": registry.reader(plan.dataset).title,
        "synthetic": str(data.synthetic).lower(),
        "data_version": data.version,
        "protocol": protocol.name,
        "protocol_id": protocol.id,
        "split": protocol.split_id,
        "targets": to_json(list(protocol.targets)),
        **({"classes": to_json(list(protocol.classes))} if protocol.classes else {}),
        "inputs": ", ".join(prepared.method.blocks(prepared.settings)),
        "group_kind": data.group_kind,
        "groups": to_json(dict(protocol.groups)),
        "persons": "known" if data.persons_known else "unknown",
        **({"leaks": to_json(leaks.counts(protocol.leaks))} if protocol.leaks else {}),
        "settings": to_json(dict(prepared.settings)),
        "seed": str(plan.seed),
        **({} if plan.folds is None else {"search_folds": str(plan.folds)}),
        "objective": prepared.method.objective,
        "objectives": to_json(list(prepared.objectives)),
        **(
            {}
            if prepared.method.objective_target == ALL
            else {"weights": to_json(dict(prepared.method.objective_weights))}
        ),
        "direction": prepared.method.direction,
        "space": str(prepared.signature["space"]),
        "code": provenance.code(),
        "machine": to_json(provenance.machine(bench.device)),
        "metric_version": str(METRIC_VERSION),
        "command": provenance.command(),
        **({} if plan.root is None else {"root": str(plan.root)}),
        **({} if bench.epochs is None else {"epochs": str(bench.epochs)}),
        "threads": str(bench.threads),
    }


def checkpoints(session: Session) -> Path:
    """Return the folder for the study's checkpoints; each trial has one of its own, removed when it is done."""
    folder = session.store.folder / "checkpoints" / digest([session.prepared.name])
    return folder / f"fold-{session.fold}" if session.fold else folder


def join(prepared: Prepared, store: Store, bench: Bench, worker: str, watch: Watch) -> tuple[Session, list[Session]]:
    """Load the study of this name or make it; refuse one that was made with something else, naming the difference.

    Returns the study's session, and that of its one search (itself), or those of the searches of its folds.
    """
    storage = store.optuna_storage(search.retry)
    try:
        study = optuna.load_study(study_name=prepared.name, storage=storage)
    except KeyError:
        if store.find({"kind": Kind.STUDY, "study": prepared.name}):
            raise UserError(
                f"study {prepared.name!r} is in the tracking store but its search is not in Optuna's storage "
                "(it was imported, or OPTUNA_STORAGE differs); choose another --name"
            ) from None
        study = _optuna_study(prepared, storage, prepared.name)
    _equip(study, prepared)
    attributes = study.user_attrs
    if run_id := attributes.get("run_id"):
        info = store.require(run_id, f"study {prepared.name!r}", "or choose another --name")
        _refuse_earlier_record(prepared.name, info)
    if "signature" in attributes and attributes["signature"] != prepared.signature:
        raise UserError(
            f"study {prepared.name!r} exists and was made otherwise; choose another --name. "
            + "; ".join(_differences(prepared, store, attributes))
        )
    experiment = store.experiment(prepared.protocol.name)
    folds = len(prepared.protocol.folds)
    session = Session(
        *(prepared, store, study, attributes.get("run_id", ""), experiment, worker, bench, watch),
        workers=Workers(store),
        folds=folds,
    )
    if not session.run_id:
        session = _make(session)
        return session, _searches(session, storage)
    searches = _searches(session, storage)
    _extend(session, searches)
    return session, searches


def _searches(session: Session, storage: optuna.storages.RDBStorage) -> list[Session]:
    """Return a session for each fold, whose search is an Optuna study of its own; without folds the session itself."""
    prepared, folds = session.prepared, session.prepared.protocol.folds
    if not folds:
        return [session]
    searches = []
    for number, protocol in enumerate(folds, 1):
        study = _optuna_study(prepared, storage, f"{prepared.name} · fold {number} of {len(folds)}")
        _equip(study, prepared)
        study.enqueue_trial(dict(prepared.first), skip_if_exists=True)
        of_fold = dataclasses.replace(prepared, protocol=protocol)
        searches.append(
            dataclasses.replace(session, prepared=of_fold, study=study, fold=number, folds=len(folds), checked=set())
        )
    return searches


def _equip(study: optuna.Study, prepared: Prepared) -> None:
    study.sampler = search.SeededTPE(prepared.plan.seed, prepared.hold)
    study.pruner = search.pruner(prepared.pruner, folds=prepared.plan.folds is not None)


def _optuna_study(prepared: Prepared, storage: optuna.storages.RDBStorage, name: str) -> optuna.Study:
    """Return Optuna's study `name`, made where it is missing."""
    return optuna.create_study(
        study_name=name,
        storage=storage,
        directions=[optuna.study.StudyDirection[prepared.method.direction.upper()]] * len(prepared.objectives),
        load_if_exists=True,
    )


def _refuse_earlier_record(name: str, info: RunInfo) -> None:
    """Raise UserError for a study that an earlier version of the record describes: its protocol has another meaning."""
    version = info.tags.get("record", "1")
    if int(version) >= RECORD_VERSION:
        return
    if info.tags.get("frozen") == "true":
        raise UserError(
            f"study {name!r} is finished and was recorded by an earlier Affectory (record {version}, now "
            f"{RECORD_VERSION}); it stays as it is, and a new study needs another --name"
        )
    raise UserError(
        f"study {name!r} cannot go on: it was begun by an earlier Affectory, which drew and named its split otherwise "
        f"(record {version}, now {RECORD_VERSION}); start it anew with another --name"
    )


def _differences(prepared: Prepared, store: Store, attributes: Mapping[str, Any]) -> list[str]:
    """Name what an existing study was made with, where it differs; of a search space each parameter that differs."""
    differences = search.differences(attributes["signature"], prepared.signature)
    if attributes["signature"].get("space") == prepared.signature["space"] or "run_id" not in attributes:
        return differences
    file = store.artifacts(attributes["run_id"]) / Artifact.SPACE
    try:
        parameters = search.space_differences(json.loads(file.read_text(encoding="utf-8")), prepared.space)
    except (OSError, ValueError, LookupError):  # the file is not there or damaged: the hashes still differ
        return differences
    others = [text for text in differences if not text.startswith("space: ")]
    return [*parameters, *others] or differences


def _make(session: Session) -> Session:
    """Write a new study's run and its attributes; `run_id` comes last and says that the study is whole."""
    prepared, store, study, plan = session.prepared, session.store, session.study, session.prepared.plan
    study.set_user_attr("signature", dict(prepared.signature))
    study.set_user_attr(kept_plan.ATTRIBUTE, kept_plan.written(plan))
    if not prepared.protocol.folds:
        study.enqueue_trial(dict(prepared.first), skip_if_exists=True)
    orphans = store.find({"kind": Kind.STUDY, "study": prepared.name})  # its maker was killed just here
    if orphans:
        run = store.resume(orphans[0].id)
    else:
        tags = {
            **session.tags(Kind.STUDY),
            "sampler": "none" if plan.fixed else "TPE, seeded for each trial",
            "pruner": prepared.pruner,
            "trials_total": str(_total(prepared)),
            "repeats": str(plan.repeats),
            "confirm_top": str(plan.confirm_top),
            "deadline": _deadline(plan),
        }
        run = store.start(session.experiment, prepared.name, tags)
    run.json(Artifact.SPACE, search.space_json(prepared.space))
    run.json(Artifact.DATA_SUMMARY, data_summary(prepared))
    protocol = prepared.protocol
    tables = {Artifact.SPLIT: protocol.table(), **annotation_table.tables(protocol)}
    if protocol.leaks:
        tables[Artifact.LEAKS] = leaks.table(protocol.leaks)
    for name, table in tables.items():
        run.table(name, table)
    run.tags({"artifacts": to_json([Artifact.DATA_SUMMARY, Artifact.SPACE, *tables])})
    study.set_user_attr("run_id", run.id)
    return dataclasses.replace(session, run_id=run.id)


def _deadline(plan: Plan) -> str:
    return "" if plan.timeout is None else str(int(time.time() + plan.timeout))


def _total(prepared: Prepared) -> int:
    """Return how many trials the study is to reach, those of all folds together."""
    return prepared.plan.trials * max(1, len(prepared.protocol.folds))


def _extend(session: Session, searches: Sequence[Session]) -> None:
    """Take over the numbers of trials and repeats that are asked for now; UserError where it is too late for them.

    A search that has ended takes no more trials, and a study of which a seed was scored on test no more repeats.
    """
    prepared, plan = session.prepared, session.prepared.plan
    run = session.store.get(session.run_id)
    ended = sum(search.BEST in one.study.user_attrs for one in searches)
    total, before = _total(prepared), int(run.tags["trials_total"])
    n = sum(search.counted(one.study.get_trials(deepcopy=False)) for one in searches)
    selection = {"kind": Kind.FINAL, "study": prepared.name, "state": State.COMPLETE}
    scored = any(final.parent == session.run_id for final in session.store.find(selection)) if ended else False
    if scored and (total > max(n, before) or plan.repeats != int(run.tags["repeats"])):
        raise UserError(
            f"study {prepared.name!r} was scored on test after {n} trials with {run.tags['repeats']} repeats and is "
            "closed: more trials or repeats would choose by the test part. Give another --name for a new study"
        )
    confirmed = run.tags.get("confirm_top") or "0"
    if scored and plan.confirm_top and confirmed == "0":
        raise UserError(
            f"study {prepared.name!r} was scored on test: to fit its best trials again and choose anew would choose by "
            "the test part. Give another --name for a new study"
        )
    if ended and total > max(n, before):
        which = f"{ended} of its {len(searches)} folds" if session.folds else "it"
        raise UserError(
            f"study {prepared.name!r} takes no more trials: the search of {which} has ended, after {n} trials in all, "
            "and named its best trial. Give another --name for a new study"
        )
    if 0 < ended < len(searches) and total < before:
        raise UserError(
            f"study {prepared.name!r} keeps its {before // len(searches)} trials a fold: {ended} of its "
            f"{len(searches)} folds were searched with so many, and the others must be too. Give another --name for a "
            "new study"
        )
    if run.tags.get("frozen") != "true":
        session.store.resume(session.run_id).tags(
            {
                "trials_total": str(total),
                "repeats": str(plan.repeats),
                "confirm_top": str(plan.confirm_top or confirmed),
                "deadline": _deadline(plan),
            }
        )
