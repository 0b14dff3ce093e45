"""Optuna's half of a store against MLflow's: trials and their runs, searches and their studies.

One half may have been restored from a copy without the other, or a run deleted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

from affect.record import Kind, State
from training.doctor.problem import Problem
from training.doctor.runs import named
from training.study import search, session, trials
from training.study.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from optuna.study import Study

    from training.tracking.store import RunInfo, Store

FOLD = re.compile(r"(?P<study>.+) · fold (?P<fold>\d+) of \d+")
NO_TRIAL = "no trial of the search has this run"


def problems(store: Store, infos: Sequence[RunInfo], deleted: Sequence[RunInfo]) -> Iterator[Problem]:
    """Yield what does not fit between the two halves.

    infos, deleted : all runs of MLflow, and those that were deleted there and can be brought back.
    """
    storage = store.optuna_storage(search.retry)
    names = optuna.get_all_study_names(storage)
    studies = {name: optuna.load_study(study_name=name, storage=storage) for name in names}
    known, gone = {info.id: info for info in infos}, {info.id for info in deleted}
    children: dict[str, list[RunInfo]] = defaultdict(list)
    for info in infos:
        if info.tags.get("kind") == Kind.TRIAL and info.parent:
            children[info.parent].append(info)
    searched = set()
    for name, study in studies.items():
        fold = FOLD.fullmatch(name)
        whole = studies.get(fold["study"]) if fold else study
        run_id = "" if whole is None else whole.user_attrs.get("run_id", "")
        if run_id not in known:
            if run_id and not fold:
                yield _without_study(store, studies, name, run_id, deleted=run_id in gone)
            continue  # its maker was killed before it had a run: the same command makes one
        searched.add(run_id)
        yield from _trials(store, study, known, gone)
        number = fold["fold"] if fold else ""
        runs = [info for info in children[run_id] if info.tags.get("fold", "") == number]
        yield from _runs_of_trials(store, study, runs)
    for info in infos:
        if info.tags.get("kind") == Kind.STUDY and info.tags.get("frozen") != "true" and info.id not in searched:
            yield Problem(
                "study without search",
                f"{named(info)} is unfinished, and its search is not in Optuna's storage",
                "it was imported, OPTUNA_STORAGE differs, or optuna.db was not restored with mlflow.db: bring the "
                "search back from a copy, or archive the study",
            )


def _without_study(store: Store, studies: Mapping[str, Study], name: str, run_id: str, *, deleted: bool) -> Problem:
    text = f"search {name}: its study is run {run_id[:8]}, which is {'deleted' if deleted else 'not'} in MLflow"
    if deleted:
        return Problem("search without study", text, "bring the run back (see below), or leave the search")
    folds = [other for other in studies if (m := FOLD.fullmatch(other)) and m["study"] == name]
    return Problem(
        "search without study",
        text,
        f"delete the search with its {len(studies[name].get_trials(deepcopy=False))} trials, so that its name is free",
        partial(_delete, store, [name, *folds]),
        deletes=True,
    )


def _delete(store: Store, names: Sequence[str]) -> None:
    storage = store.optuna_storage(search.retry)
    for name in names:
        optuna.delete_study(study_name=name, storage=storage)


def _trials(store: Store, study: Study, known: Mapping[str, RunInfo], gone: set[str]) -> Iterator[Problem]:
    workers = Workers(store)
    for trial in study.get_trials(deepcopy=False):
        run_id = trial.user_attrs.get(search.RUN_ID, "")
        if trial.state in search.COUNTED and run_id not in known:
            where = "deleted in MLflow" if run_id in gone else "not in MLflow"
            remedy = "bring it back" if run_id in gone else "restore MLflow's half; the search keeps the trial's value"
            text = f"trial {trial.number} of {study.study_name}: its run {run_id[:8] or '(none)'} is {where}"
            yield Problem("trial without run", text, remedy)
        if trial.state == TrialState.RUNNING:
            worker = trial.user_attrs.get(search.WORKER, "")
            with workers.dead(worker) as dead:
                left = dead or not worker
            if left:
                yield Problem(
                    "worker gone",
                    f"trial {trial.number} of {study.study_name} is running, and its worker is gone",
                    "fail it and add it again with the same parameters",
                    partial(_fail, store, study),
                )


def _fail(store: Store, study: Study) -> None:
    fold = FOLD.fullmatch(study.study_name)
    label = session.label(fold["study"], int(fold["fold"])) if fold else study.study_name
    with store.holding(trials.asking(label)):
        search.fail_trials_of_dead_workers(study, Workers(store))


def _runs_of_trials(store: Store, study: Study, runs: Sequence[RunInfo]) -> Iterator[Problem]:
    searched = study.get_trials(deepcopy=False)
    for info in runs:
        number = int(info.tags.get("trial", "-1"))
        own = searched[number].user_attrs.get(search.RUN_ID) if 0 <= number < len(searched) else None
        ended = info.tags.get("state") in (State.COMPLETE, State.PRUNED)
        if own != info.id and ended:
            yield Problem(
                "run without trial",
                f"{named(info)}: trial {number} of the search "
                + ("is not there" if own is None else f"has run {str(own)[:8]}"),
                "close it as failed, with the reason",
                partial(_close, store, info.id),
            )


def _close(store: Store, run_id: str) -> None:
    store.resume(run_id).close(State.FAILED, NO_TRIAL)
