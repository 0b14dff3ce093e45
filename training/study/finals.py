"""The end of a study: the best trial is refitted with several seeds, scored on test once, and summed up.

Each final run is claimed by a lock that dies with its process, so that several workers share them and a killed one's is
done again. The best trial was named when the search ended; no more trials are taken.

A seed whose fit raises (it diverges, say) is a result: its run is failed, keeps its traceback and is counted, and the
study ends with the other seeds. Only where every seed failed is the study failed; the same command then tries again.
A fault of the machine (`faults`) is no result of a seed: the study fails at once, and the same command fits it again.
"""

from __future__ import annotations

import json
import shutil
import time
import traceback
from typing import TYPE_CHECKING, Any

import optuna

from affect.record import Artifact, Kind, State
from training import input_ranges
from training.contract import Fitted, StudyFailed
from training.study import (
    claims,
    evaluating,
    faults,
    fitting,
    prerequisites,
    scoring,
    search,
    selected_on_test,
    stopping,
    summary,
)
from training.study.claims import seed
from training.study.plan import data_summary
from training.study.session import checkpoints
from training.tracking.locks import LockLost
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.contract import Outcome
    from training.data import Split
    from training.study.session import Session
    from training.tracking.run import Run
    from training.tracking.store import RunInfo

STOPPED = "stopped by a person; the study runs it again when it goes on"


class SeedFailed(Exception):
    """The method raised in a final run, or gave predictions that cannot be scored: a result of this seed."""


def finish(session: Session, searches: Sequence[Session]) -> None:
    """Fit and score what final runs are missing, and write the study's summary when all have ended.

    `session` is the study's, `searches` are its one search or one for each fold.
    """
    prepared, name = session.prepared, session.prepared.name
    _close_ended(session, searches)
    info = session.store.get(session.run_id)
    if info.tags.get("frozen") == "true" and info.status != "RUNNING":
        return
    _tag_best(session, searches)
    repeats = prepared.plan.repeats
    session.watch.finals(repeats * len(searches))
    failed_before = _of_failed_attempt(session, searches)
    ended: Mapping[tuple[int, str], RunInfo] = {}
    while True:
        for one in searches:
            for k in range(repeats):
                if (one.fold, seed(session, k)) in ended:
                    continue
                with session.store.lock(f"final-{one.label}-{k}") as free:
                    free = free and claims.free(one, k)
                    ended = ended_finals(session, failed_before)
                    if free and (one.fold, seed(session, k)) not in ended:
                        # evaluations that are computed once belong to the first fold's first seed that came through
                        earlier = all(_failed(ended, one, seed(session, j)) for j in range(k))
                        _final(one, k, first=one.fold <= 1 and earlier)
        ended = ended_finals(session, failed_before)
        if len(ended) >= repeats * len(searches):
            break
        time.sleep(0.3)  # the others are another worker's
    _close_ended(session, searches)
    with session.store.holding(f"summary-{name}"):
        info = session.store.get(session.run_id)
        if info.tags.get("frozen") != "true":
            of_seeds = [[ended.get((one.fold, seed(session, k))) for one in searches] for k in range(repeats)]
            summary.write(session, searches, of_seeds)
            shutil.rmtree(checkpoints(session), ignore_errors=True)
        elif info.status == "RUNNING":  # its worker was killed just before it closed the run
            session.store.resume(info.id).close(State.COMPLETE)


def _failed(ended: Mapping[tuple[int, str], RunInfo], search_: Session, seeded: str) -> bool:
    info = ended.get((search_.fold, seeded))
    return info is not None and info.tags["state"] == State.FAILED


def done(session: Session) -> dict[str, RunInfo]:
    """Return seed → the complete final run of this study, of a study tested by folds that of its last fold."""
    return {seeded: info for (_, seeded), info in ended_finals(session).items() if info.tags["state"] == State.COMPLETE}


def ended_finals(session: Session, without: frozenset[str] = frozenset()) -> dict[tuple[int, str], RunInfo]:
    """Return (fold, seed) → the final run of this study that is complete, or whose method raised.

    `without` are ids of failed runs that do not count.
    """
    ended: dict[tuple[int, str], RunInfo] = {}
    for info in session.store.find({"kind": Kind.FINAL, "study": session.prepared.name}):
        key = int(info.tags.get("fold", "0")), info.tags["seed"]
        # a study of the same name may have been imported from another store
        if info.parent != session.run_id:
            continue
        failed = info.tags["state"] == State.FAILED and "error" in info.tags and info.id not in without
        if info.tags["state"] == State.COMPLETE or (failed and key not in ended):
            ended[key] = info
    return ended


def _of_failed_attempt(session: Session, searches: Sequence[Session]) -> frozenset[str]:
    """Return the failed finals of earlier attempts in which no seed came through: they are tried again."""
    ended = ended_finals(session)
    wanted = {(one.fold, seed(session, k)) for one in searches for k in range(session.prepared.plan.repeats)}
    failed = {seeded for (_, seeded), info in ended.items() if info.tags["state"] == State.FAILED}
    if not wanted <= set(ended) or len(failed) < session.prepared.plan.repeats:
        return frozenset()
    selection = {"kind": Kind.FINAL, "study": session.prepared.name, "state": State.FAILED}
    return frozenset(info.id for info in session.store.find(selection))


def _close_ended(session: Session, searches: Sequence[Session]) -> None:
    """Close the finals whose worker was killed after it had written their state and before MLflow heard of it."""
    for info in session.store.find({"kind": Kind.FINAL, "study": session.prepared.name}, status="RUNNING"):
        if info.parent != session.run_id or info.tags["state"] == State.RUNNING:
            continue
        k = int(info.tags["seed"]) - session.prepared.plan.seed - 1
        for one in searches:
            if str(one.fold) == info.tags.get("fold", "0"):
                with session.store.lock(f"final-{one.label}-{k}") as free:
                    if free:
                        session.store.end(info.id, info.tags["state"])


def _tag_best(session: Session, searches: Sequence[Session]) -> None:
    """Tag the study with its best trial and its value on validation; with folds, with the mean value of their best."""
    best = [one.study.get_trials(deepcopy=False)[search.chosen(one.study)] for one in searches]
    values = [search.value(trial, session.prepared.weights) for trial in best]
    tags = {"best_value": repr(sum(values) / len(values))}
    if len(best) == 1:
        tags["best_trial"] = str(best[0].number)
    session.store.set_tags(session.run_id, tags)


def _final(session: Session, k: int, *, first: bool) -> None:
    """Fit, score and record the k-th final run; `first` says that evaluations computed once a study are its own."""
    prepared, store = session.prepared, session.store
    best = session.study.get_trials(deepcopy=False)[search.chosen(session.study)]
    params = prepared.space.suggest(optuna.trial.FixedTrial(best.params))
    models = prerequisites.load(session, prepared.method.needed(prepared.settings))
    tags = {
        **session.tags(Kind.FINAL),
        "seed": seed(session, k),
        "trial": str(best.number),
        "refit": prepared.plan.refit,
        "needs": prerequisites.tag(session, prepared.method.needed(prepared.settings)),
    }
    steps: list[int] | None = best.user_attrs[search.STEPS] if prepared.plan.refit == "all" else None
    if steps is not None:
        tags["steps"] = json.dumps(steps)
    name = f"{session.prefix}final seed {seed(session, k)}"
    run = store.start(session.experiment, name, tags, params, parent=session.run_id)
    session.watch.fold(session.fold, session.folds)
    session.watch.final_started(k)
    checkpoint = checkpoints(session) / f"final-{seed(session, k)}"
    try:
        claims.begun(session, run, k)
        with fitting.log_tail() as lines:
            try:
                _fit_and_score(session, run, params, k, models, steps, first=first)
            except Exception:
                lines.extend(traceback.format_exc().splitlines())
                raise
            finally:
                if lines:
                    run.text(Artifact.LOG, "\n".join(lines))
    except KeyboardInterrupt:
        with stopping.cleaning_up():
            run.close(State.FAILED, STOPPED)
        raise
    except StoreAway:  # nothing can be written now: the same command closes the run
        raise
    except (claims.TakenOver, LockLost):
        _taken_over(session, run, name)
        return
    except SeedFailed as failure:
        shutil.rmtree(checkpoint, ignore_errors=True)
        run.close(State.FAILED, str(failure), tags={"error": "true"})
        session.watch.final_failed(k, str(failure))
        return
    except Exception as error:
        shutil.rmtree(checkpoint, ignore_errors=True)
        run.close(State.FAILED, f"{type(error).__name__}: {error}")
        raise StudyFailed(f"the final run {run.id[:8]} failed: {_reason(error)}") from error
    shutil.rmtree(checkpoint, ignore_errors=True)
    try:
        claims.close(session, run, k)
    except claims.TakenOver:
        _taken_over(session, run, name)
        return
    session.watch.final_ended(k)


def _taken_over(session: Session, run: Run, name: str) -> None:
    """Fail a final that another worker scores; one that it took for dead and closed stays as it is."""
    if session.store.get(run.id).tags["state"] == State.RUNNING:
        run.close(State.FAILED, claims.TAKEN_OVER)
    session.watch.message(f"{name}: {claims.TAKEN_OVER}")


def _reason(error: Exception) -> str:
    """Return what a final run that is no result raised, and what the same command does about it."""
    text = f"{type(error).__name__}: {error}"
    if faults.out_of_memory(error):
        text += (
            "; the machine had no memory left, which is no result of the seed: the same command fits it again, best "
            "with more memory or with fewer workers at once"
        )
    elif faults.recording(error):
        text += "; this is no result of the seed: the same command fits it again"
    return text


def _fit(
    session: Session, run: Run, params: Any, seeded: int, models: Mapping[str, Any], steps: Sequence[int] | None
) -> tuple[Split, fitting.Fit]:
    """Fit on train, stopped on validation, or on both (``--refit all``); predict every part of the split.

    Raises SeedFailed where the method raises or its predictions cannot be scored.
    """
    prepared, protocol = session.prepared, session.prepared.protocol

    def report(step: int, value: float, **scores: float) -> None:
        run.epoch_scores(step, fitting.curves(prepared.method, value, scores))
        session.watch.epoch(step, value)

    split = protocol.split(prepared.method, prepared.settings, test=True)
    try:
        fitted = fitting.refit(
            prepared,
            session.bench,
            params,
            split,
            seeded,
            steps=steps,
            checkpoint=checkpoints(session) / f"final-{seeded}",
            listener=fitting.Listener(run, report),
            prerequisites=models,
        )
        scoring.check(protocol, fitted.outcome, ("train", "validation", "test"))
    except Exception as error:
        if faults.recording(error) or faults.out_of_memory(error):
            raise
        raise SeedFailed(f"{type(error).__name__}: {error}") from error
    return split, fitted


def _fit_and_score(
    session: Session,
    run: Run,
    params: Any,
    k: int,
    models: Mapping[str, Any],
    steps: Sequence[int] | None,
    *,
    first: bool,
) -> None:
    """Fit, predict the test inputs, and only then, if the k-th final is still this worker's, join the test targets."""
    prepared, seeded = session.prepared, int(seed(session, k))
    protocol = prepared.protocol
    split, fitted = _fit(session, run, params, seeded, models, steps)
    claims.check(session, run, k)
    outcome = fitted.outcome
    on_test = scoring.predicted(protocol, outcome.predictions["test"])
    scores = scoring.scores(protocol, outcome, prepared.method)
    if steps is not None:  # the fit has seen validation: a score on it would say nothing
        scores = {name: value for name, value in scores.items() if not name.startswith("val/")}
    run.metrics(
        {
            **scores,
            **scoring.baselines(protocol, images=bool(outcome.images)),
            **scoring.intervals(protocol, [on_test]),
            **fitted.cost,
        }
    )
    with run.folder(Artifact.MODEL) as folder:
        outcome.model.save(folder)
        input_ranges.write(folder, split)
    tables = evaluating.Tables()
    tables.add("the study", {Artifact.SPLIT: protocol.table(), **scoring.tables(protocol, outcome)})
    if fitted.shown is not None:
        tables.add("the images that the method showed", {Artifact.SAMPLES: fitted.shown})
    tables.add("the method", outcome.tables)
    for name, table in tables.items():
        run.table(name, table)
    run.json(Artifact.DATA_SUMMARY, data_summary(prepared))
    if prepared.plan.also_selected_on_test:
        selected_on_test.record(
            session,
            run,
            params,
            split,
            seeded,
            refit=prepared.plan.refit,
            models=models,
            checkpoint=checkpoints(session) / f"final-{seeded}" / "selected-on-test",
        )

    used = dict(prepared.method.needed(prepared.settings))

    def load(wanted: Mapping[str, str]) -> dict[str, Any]:
        models = prerequisites.load(session, wanted)
        used.update(wanted)
        return models

    def refit(other: Split) -> Outcome:
        return fitting.refit(
            prepared,
            session.bench,
            params,
            other,
            seeded,
            steps=steps,
            checkpoint=checkpoints(session) / f"final-{seeded}" / "refit",
            listener=fitting.unrecorded(),
            prerequisites=models,
        ).outcome

    findings = evaluating.evaluate(
        Fitted(
            method=prepared.method,
            data=prepared.data,
            split=split,
            truth=protocol.truth(),
            labels=protocol.labels(),
            test_sample=prepared.data.sample[protocol.rows("test")],
            job=fitted.job,
            outcome=outcome,
            refit=refit,
        ),
        tables,
        first=first,
        load=load,
        say=session.watch.message,
    )
    run.tags({"needs": prerequisites.tag(session, used)})
    if findings.embeddings:
        run.table(Artifact.EMBEDDINGS, scoring.embeddings_table(protocol, findings.embeddings))
    for name in findings.tables:
        run.table(name, tables[name])
    run.metrics(findings.metrics)
