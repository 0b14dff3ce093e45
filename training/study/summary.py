"""A study's own scores, from those of its final runs; with them the study is closed.

With one split they are means over seeds. A study tested by folds has a model for each fold and seed: the test
predictions of all folds of one seed are scored together, so that every group counts once, and the seeds' scores are
averaged. A seed that failed in one fold has no score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affect import metrics as formulas
from affect.record import BASELINES, N_UNDEFINED, Artifact, State, metric, parse_metric, to_json
from training.contract import StudyFailed, UserError
from training.study import scoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from training.study.session import Session
    from training.tracking.store import RunInfo, Store


def write(session: Session, searches: Sequence[Session], finals: Sequence[Sequence[RunInfo | None]]) -> None:
    """Write the study's own scores and close it: from here on it is frozen.

    `finals` holds for each seed the ended final run of each search. Raises StudyFailed where no seed is complete.
    """
    seeds = [of_seed for of_seed in finals if all(_complete(info) for info in of_seed)]
    if not seeds:
        failed = next(info for of_seed in finals for info in of_seed if info is not None and not _complete(info))
        many = f"all {len(finals)} final runs failed" if len(finals) > 1 else "the final run failed"
        raise StudyFailed(f"{many}; seed {failed.tags['seed']} (run {failed.id[:8]}): {failed.tags.get('reason')}")
    complete = [[info for info in of_seed if info is not None] for of_seed in seeds]
    store, run = session.store, session.store.resume(session.run_id)
    plan = session.prepared.plan
    if session.prepared.protocol.folds:
        run.metrics(_of_folds(session, searches, complete))
    else:
        protocol = session.prepared.protocol
        on_test = [_test(store, infos[0], protocol.targets, bool(protocol.classes))[1] for infos in complete]
        run.metrics(scoring.summary(protocol, [infos[0].metrics for infos in complete], on_test))
    run.tags(
        {
            "frozen": "true",
            "seeds": str(len(complete)),
            "refit": plan.refit,
            "needs": complete[0][0].tags.get("needs", to_json({})),
        }
    )
    run.close(State.COMPLETE)


def _of_folds(session: Session, searches: Sequence[Session], finals: Sequence[Sequence[RunInfo]]) -> dict[str, float]:
    """Return the scores of the test predictions of all folds together.

    `finals` holds for each seed the final run of each fold.
    """
    method, whole = session.prepared.method, session.prepared.protocol
    protocols = [one.prepared.protocol for one in searches]
    of_seeds: list[dict[str, float]] = []
    on_test: list[Any] = []
    for infos in finals:
        tables = [_test(session.store, info, whole.targets, bool(whole.classes)) for info in infos]
        true, pred, groups = (np.concatenate(columns) for columns in zip(*tables, strict=True))
        scores = _means(infos, [len(table[0]) for table in tables])
        of_target = formulas.score(true, pred, whole.targets, whole.metrics)
        scores |= {metric("test", name, target): value for (name, target), value in of_target.items()}
        if len(method.objective_weights) > 1:
            of_targets = {
                target: scores[metric("test", method.objective, target)] for target in method.objective_weights
            }
            scores[metric("test", method.objective, method.objective_target)] = method.objective_value(of_targets)
        of_seeds.append(scores)
        on_test.append(pred)
    pooled = scoring.over_seeds(of_seeds)
    rows = [scoring.baseline_rows(protocol, "test") for protocol in protocols]
    for aspect in set.intersection(*(set(of_fold) for of_fold in rows)):
        row = np.concatenate([of_fold[aspect] for of_fold in rows])
        pooled |= scoring.baseline_scores(whole, "test", aspect, true, row)
    return {**pooled, **scoring.intervals_of(whole, true, on_test, groups)}


def _means(infos: Sequence[RunInfo], n_test: Sequence[int]) -> dict[str, float]:
    """Return the means over folds of what each fold's final has, on test weighted by its rows there; of counts sums."""
    means: dict[str, float] = {}
    for name in infos[0].metrics:
        parsed = parse_metric(name)
        if not all(name in info.metrics for info in infos):
            continue
        if parsed is None and not name.startswith("cost/"):  # a curve
            continue
        if parsed is not None and parsed.aspect not in ("", *BASELINES, N_UNDEFINED):
            continue
        if parsed is not None and parsed.aspect == N_UNDEFINED:  # a count
            means[name] = float(sum(info.metrics[name] for info in infos))
            continue
        weights = n_test if parsed is not None and parsed.part == "test" else None
        means[name] = float(np.average([info.metrics[name] for info in infos], weights=weights))
    return means


def _complete(info: RunInfo | None) -> bool:
    return info is not None and info.tags["state"] == State.COMPLETE


def _test(store: Store, info: RunInfo, targets: Sequence[str], classes: bool) -> tuple[Any, Any, Any]:
    """Return true and predicted targets (n, t) and groups (n,) of the test rows of a final's predictions."""
    import pandas as pd

    file = store.artifacts(info.id) / Artifact.PREDICTIONS
    try:
        table: pd.DataFrame = pd.read_parquet(file)
    except (OSError, ValueError) as error:  # Arrow's errors are among them
        raise UserError(
            f"{file}: the predictions of {info.name} cannot be read ({str(error)[:200]}); restore the file from a "
            "copy, then the same command goes on. `python -m training doctor` names all such files"
        ) from error
    test = table[table["part"] == "test"]
    kind: Any = str if classes else float
    true, pred = (test[[f"{which}_{target}" for target in targets]].to_numpy(kind) for which in ("true", "pred"))
    return true, pred, test["group"].to_numpy(str)
