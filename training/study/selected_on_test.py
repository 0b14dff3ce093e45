"""What a final run would have scored had its best epoch been chosen on the test part, as some sources did.

A diagnostic (`--also-selected-on-test`, decision 0032): it is shown beside the honest score and never ranked. The same
configuration is fitted once more with the test part in place of validation, after the final run's scores are recorded.
Nothing of it goes back: not into the model, the predictions, a score or a choice.
"""

from __future__ import annotations

import logging
import math
import shutil
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from affect.record import SELECTED_ON_TEST, objective_curve
from training.study import faults, fitting, scoring, stopping
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.data import Split
    from training.protocols import Protocol
    from training.study.session import Session
    from training.tracking.run import Run

log = logging.getLogger(__name__)

EPOCH = f"{SELECTED_ON_TEST}epoch"
"""The metric that holds the epoch which was best on test."""


def record(
    session: Session,
    run: Run,
    params: Mapping[str, Any],
    split: Split,
    seed: int,
    *,
    refit: str,
    models: Mapping[str, Any],
    checkpoint: Path,
) -> None:
    """Fit once more, and record the test score of every epoch and that of the best one.

    split : that of the final run.  refit : "all" where it was fitted on train and validation, and so is this.

    A method that reports one step has no epoch to choose: nothing is recorded, and the log says so. A fit that raises
    must not cost the run, whose scores are already taken.
    """
    prepared = session.prepared
    points: list[tuple[int, float]] = []

    def report(step: int, value: float, **scores: float) -> None:
        del scores
        if math.isfinite(value):
            points.append((step, value))
        session.watch.epoch(step, value)

    session.watch.message("fitting once more to show what selection on test would have scored")
    try:
        fitting.fit(
            prepared,
            session.bench,
            params,
            on_test(prepared.protocol, split.joined() if refit == "all" else split),
            seed,
            checkpoint=checkpoint,
            listener=fitting.Listener(None, report),
            prerequisites=models,
        )
    except StoreAway:
        raise
    except Exception as error:
        stopping.check()
        if faults.recording(error) or faults.out_of_memory(error):
            raise
        session.watch.message(f"selection on test cannot be shown: {type(error).__name__}: {error}")
        log.error("selection on test cannot be shown\n%s", traceback.format_exc())
        return
    finally:
        shutil.rmtree(checkpoint, ignore_errors=True)
    if len(points) < 2:
        log.info("selection on test: this method reports one step, so there is no epoch to choose")
        return
    curve = objective_curve(scoring.objectives(prepared.method)).partition("/")[2]
    for step, value in points:
        run.epoch_scores(step, {SELECTED_ON_TEST + curve: value})
    better = min if prepared.method.direction == "minimize" else max
    step, value = better(points, key=lambda point: point[1])
    run.metrics({f"{SELECTED_ON_TEST}{prepared.method.objective}": value, EPOCH: float(step)})


def on_test(protocol: Protocol, split: Split) -> Split:
    """Return the split with the test part, its targets known, in place of validation, and without a test part."""
    import numpy as np

    if split.test is None:
        raise ValueError("the split has no test part")
    truth = protocol.truth()["test"]
    y = np.searchsorted(np.array(split.classes), truth[:, 0]) if split.classes else truth
    return replace(split, validation=replace(split.test, y=y), test=None)
