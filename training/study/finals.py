"""The end of a study: the winner is refitted with several seeds, scored on test once, and summed up.

Each final is claimed by a lock that dies with its process, so that several workers share them and a killed one's is
done again. The winner was named when the search ended; no more trials are taken.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna

from affect.record import Artifact, Kind, State, to_json
from training.contract import Fitted, StudyFailed
from training.study import evaluating, fitting, prerequisites, scoring, search
from training.study.plan import data_summary
from training.study.session import checkpoints, holding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from training.contract import Outcome, Split
    from training.study.session import Session
    from training.tracking.run import Run
    from training.tracking.store import RunInfo


def finish(session: Session) -> None:
    """Fit and score what finals of the winner are missing, and write the study's summary when all are there."""
    study, prepared, name = session.study, session.prepared, session.prepared.name
    info = session.store.get(session.run_id)
    if info.tags.get("frozen") == "true" and info.status != "RUNNING":
        return
    best = study.get_trials(deepcopy=False)[study.user_attrs[search.WINNER]]
    value = search.value(best, prepared.weights)
    session.store.set_tags(session.run_id, {"best_trial": str(best.number), "best_value": repr(value)})
    repeats = prepared.plan.repeats
    session.watch.finals(repeats)
    while len(done(session)) < repeats:
        for k in range(repeats):
            with session.store.lock(f"final-{name}-{k}") as mine:
                if mine and seed(session, k) not in done(session):
                    _final(session, k)
        if len(done(session)) < repeats:  # the others are another worker's
            time.sleep(0.3)
    with holding(session.store, f"summary-{name}"):
        info = session.store.get(session.run_id)
        if info.tags.get("frozen") != "true":
            _sum_up(session)
        elif info.status == "RUNNING":  # its worker was killed just before it closed the run
            session.store.resume(info.id).close(State.COMPLETE)


def seed(session: Session, k: int) -> str:
    """Return the tag `seed` of the k-th final: seeds that no trial had."""
    return str(session.prepared.plan.seed + 1 + k)


def done(session: Session) -> dict[str, RunInfo]:
    """Return seed → the complete final run of this study."""
    mine = {"kind": Kind.FINAL, "study": session.prepared.name, "state": State.COMPLETE}
    # a study of the same name may have been imported from another store
    return {info.tags["seed"]: info for info in session.store.find(mine) if info.parent == session.run_id}


def _final(session: Session, k: int) -> None:
    prepared, store = session.prepared, session.store
    killed = {"kind": Kind.FINAL, "study": prepared.name, "seed": seed(session, k)}
    for info in store.find(killed, status="RUNNING"):  # this final's lock was free: nobody is at it
        store.resume(info.id).close(State.FAILED, search.KILLED)
    winner = session.study.get_trials(deepcopy=False)[session.study.user_attrs[search.WINNER]]
    params = prepared.space.suggest(optuna.trial.FixedTrial(winner.params))
    models = prerequisites.load(session, prepared.method.prerequisites)
    tags = {
        **session.tags(Kind.FINAL),
        "seed": seed(session, k),
        "trial": str(winner.number),
        "needs": prerequisites.tag(session, prepared.method.prerequisites),
    }
    run = store.start(session.experiment, f"final seed {seed(session, k)}", tags, params, parent=session.run_id)
    session.watch.final_started(k)
    try:
        with fitting.log_tail() as lines:
            try:
                _fit_and_score(session, run, params, int(seed(session, k)), models, first=k == 0)
            except Exception:
                lines.extend(traceback.format_exc().splitlines())
                raise
            finally:
                if lines:
                    run.text(Artifact.LOG, "\n".join(lines))
    except KeyboardInterrupt:
        run.close(State.FAILED, "stopped by a person; the study runs it again when it goes on")
        raise
    except Exception as error:
        run.close(State.FAILED, f"{type(error).__name__}: {error}")
        raise StudyFailed(f"the final run {run.id[:8]} failed: {type(error).__name__}: {error}") from error
    run.close(State.COMPLETE)
    session.watch.final_ended(k)


def _fit_and_score(
    session: Session, run: Run, params: Any, seeded: int, models: Mapping[str, Any], *, first: bool
) -> None:
    """Fit on train, stop on validation, predict the test inputs, and only then join the test targets."""
    prepared = session.prepared
    protocol = prepared.protocol
    checkpoint = checkpoints(session) / f"final-{seeded}"

    def fit(split: Split, report: Any, folder: Path) -> fitting.Fit:
        return fitting.fit(
            prepared.module,
            session.bench,
            params,
            split,
            seeded,
            checkpoint=folder,
            report=report,
            prerequisites=models,
        )

    def report(step: int, value: float, **figures: float) -> None:
        run.figures(step, fitting.curves(prepared.method, value, figures))
        session.watch.epoch(step, value)

    split = protocol.split(prepared.method, prepared.settings, test=True)
    fitted = fit(split, report, checkpoint)
    outcome = fitted.outcome
    scoring.check(protocol, outcome, ("train", "validation", "test"))
    on_test = scoring.predicted(protocol, outcome.predictions["test"])
    run.metrics(
        {
            **scoring.scores(protocol, outcome, prepared.method),
            **scoring.baselines(protocol, images=bool(outcome.images)),
            **scoring.intervals(protocol, [on_test], prepared.plan.seed),
            **fitted.cost,
        }
    )
    with run.folder(Artifact.MODEL) as folder:
        outcome.model.save(folder)
    tables: dict[str, pd.DataFrame] = {
        Artifact.SPLIT: protocol.table(),
        **scoring.tables(protocol, outcome),
        **outcome.tables,
    }
    for name, table in tables.items():
        run.table(name, table)
    run.json(Artifact.DATA_SUMMARY, data_summary(prepared))

    lent = dict(prepared.method.prerequisites)

    def lend(wanted: Mapping[str, str]) -> dict[str, Any]:
        models = prerequisites.load(session, wanted)
        lent.update(wanted)
        return models

    def refit(other: Split) -> Outcome:
        return fit(other, fitting.quiet, checkpoint / "refit").outcome

    found = evaluating.evaluate(
        Fitted(
            method=prepared.method,
            data=prepared.data,
            split=split,
            truth=protocol.truth(),
            labels=protocol.labels(),
            test_sample=prepared.data.sample[protocol.rows("test")],
            params=params,
            job=fitted.job,
            outcome=outcome,
            refit=refit,
        ),
        first=first,
        lend=lend,
        say=session.watch.message,
    )
    run.tags({"needs": prerequisites.tag(session, lent)})
    if found.embeddings:
        run.table(Artifact.EMBEDDINGS, scoring.embeddings_table(protocol, found.embeddings))
    for name, table in found.tables.items():
        run.table(name, table)
    run.metrics(found.metrics)


def _sum_up(session: Session) -> None:
    """Write the study's own figures and close it: from here on it is frozen."""
    import shutil

    prepared, store = session.prepared, session.store
    infos = [info for _, info in sorted(done(session).items(), key=lambda item: int(item[0]))]
    on_test = []
    for info in infos:
        table = _read(store.artifacts(info.id) / Artifact.PREDICTIONS)
        test = table[table["part"] == "test"]
        columns = [f"pred_{target}" for target in prepared.protocol.targets]
        on_test.append(test[columns].to_numpy(str if prepared.protocol.classes else float))
    run = store.resume(session.run_id)
    run.metrics(scoring.summary(prepared.protocol, [info.metrics for info in infos], on_test, prepared.plan.seed))
    run.tags({"frozen": "true", "needs": infos[0].tags.get("needs", to_json({}))})
    run.close(State.COMPLETE)
    shutil.rmtree(checkpoints(session), ignore_errors=True)


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(path)
