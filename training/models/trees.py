"""Gradient-boosted trees (XGBoost), one regressor for each target: fitted, stopped on validation, saved and read back.

Chen and Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.models import guarded
from training.models.preparation import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import xgboost as xgb

    from training.contract import Job, Params
    from training.data import Floats
    from training.views import Inputs

PATIENCE = 50
"""Rounds without a better validation error after which a target's regressor stops."""

REPORT_EVERY = 25
"""Rounds between two reports: all targets grow together by so many, so that a poor trial is pruned early."""


@dataclass(frozen=True)
class Trees:
    """Fitted regressors, one for each target.

    Parameters
    ----------
    boosters : one for each target, cut at its best round.
    columns : for each target the input columns that its regressor was given.
    inputs : scaling of the inputs.  outputs : scaling of the targets.
    low, high : predictions are clipped to this range where the target has one by definition.
    """

    boosters: tuple[xgb.Booster, ...]
    columns: tuple[tuple[int, ...], ...]
    inputs: Scaling
    outputs: Scaling
    low: float | None = None
    high: float | None = None

    def predict(self, inputs: Inputs) -> Floats:
        """Map inputs (n, d) to targets (n, t), both in the data's own units."""
        scaled = _single(self.inputs.apply(np.asarray(inputs.x)))
        raw = [b.inplace_predict(scaled[:, list(c)]) for b, c in zip(self.boosters, self.columns, strict=True)]
        pred = self.outputs.undo(np.stack(raw, axis=1).astype(np.float64))
        low, high = -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high
        return pred.clip(low, high)

    def leaves(self) -> int:
        """Return the number of leaves of all trees: what was fitted, as weights are in a network."""
        return sum(tree.count("leaf=") for booster in self.boosters for tree in booster.get_dump())

    def save(self, folder: Path) -> None:
        """Write one UBJ file for each target, and trees.json with columns, scaling and range."""
        files = _files(folder, len(self.boosters))
        for booster, file in zip(self.boosters, files, strict=True):
            booster.save_model(file)
        guarded.written(files)
        state = {
            "columns": self.columns,
            "inputs": self.inputs.state(),
            "outputs": self.outputs.state(),
            "low": self.low,
            "high": self.high,
        }
        (folder / "trees.json").write_text(json.dumps(state), encoding="utf-8")


def _files(folder: Path, count: int) -> list[Path]:
    return [folder / f"{index:03d}.ubj" for index in range(count)]


def load(folder: Path) -> Trees:
    """Read what `Trees.save` wrote; UserError for damaged files."""
    import xgboost as xgb

    state = json.loads((folder / "trees.json").read_text(encoding="utf-8"))
    files = _files(folder, len(state["columns"]))
    guarded.check(files)
    boosters = [xgb.Booster(model_file=file) for file in files]
    return Trees(
        tuple(boosters),
        tuple(tuple(c) for c in state["columns"]),
        Scaling.from_state(state["inputs"]),
        Scaling.from_state(state["outputs"]),
        state["low"],
        state["high"],
    )


def fit(
    train: tuple[Floats, Floats],
    validation: tuple[Floats, Floats],
    params: Params,
    job: Job,
    scalings: tuple[Scaling, Scaling],
    *,
    columns: Sequence[Sequence[int]] | None = None,
    label_range: tuple[float | None, float | None] = (None, None),
    objective: Callable[[Floats], float] | None = None,
) -> Trees:
    """Fit a regressor for each target on `train`, each stopped where its mean absolute error on `validation` is least.

    Parameters
    ----------
    train, validation : inputs (n, d) and targets (n, t), in the data's own units.
    params : ``n_estimators`` (boosting rounds: an upper limit, as `job.epochs` is), ``objective``, ``learning_rate``,
        ``depth``, ``min_child_weight``, ``subsample``, ``colsample``, ``reg_lambda``.
    scalings : of the inputs and of the targets.
    columns : for each target the input columns it is given; all of them where None.
    label_range : low and high by definition, or None.
    objective : maps predictions of validation (m, t) to the score that is reported, where that is another than their
        mean absolute error; the curves train/regression_mae and val/regression_mae then hold the error itself.

    With ``--refit all`` (`job.steps`) each regressor has the number of rounds that validation found best for it in the
    search. Reports every `REPORT_EVERY` rounds, in the data's own units, over the targets' mean.
    """
    inputs, outputs = scalings
    x, y = _single(inputs.apply(train[0])), _single(outputs.apply(train[1]))
    vx, vy = _single(inputs.apply(validation[0])), _single(outputs.apply(validation[1]))
    chosen = tuple(tuple(c) for c in columns) if columns is not None else (tuple(range(x.shape[1])),) * y.shape[1]
    # A regressor of a small table gains nothing from a second thread, two regressors side by side do.
    workers = min(job.threads, y.shape[1])
    options = _options(params, job, threads=max(1, job.threads // workers))
    rounds = min(params["n_estimators"], job.epochs or params["n_estimators"])
    growing = [
        _Growing(
            (x[:, list(c)], y[:, t]), (vx[:, list(c)], vy[:, t]), options, float(outputs.scale[t]), job.steps.fixed()
        )
        for t, c in enumerate(chosen)
    ]
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, rounds, REPORT_EVERY):
            count = min(REPORT_EVERY, rounds - start)
            list(pool.map(lambda g, count=count: g.grow(count), growing))
            train_error, error = (float(np.mean([g.errors(part) for g in growing])) for part in ("train", "validation"))
            if objective is None:
                job.report(start + count, error, train__mae=train_error)
            else:
                pred = outputs.undo(np.stack([g.predict() for g in growing], axis=1).astype(np.float64))
                job.report(start + count, objective(pred), train__regression_mae=train_error, val__regression_mae=error)
            if all(g.stopped for g in growing):
                break
    for g in growing:
        if g.fixed is None:
            job.steps.chose(g.best_round + 1)
    return Trees(tuple(g.best() for g in growing), chosen, inputs, outputs, *label_range)


def _single(values: Floats) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float32)


def _options(params: Params, job: Job, threads: int) -> dict[str, Any]:
    """Return XGBoost's own parameters; the device only where this XGBoost was built for it."""
    import xgboost as xgb

    on_gpu = job.device == "cuda" and xgb.build_info()["USE_CUDA"]
    return {
        "objective": params["objective"],
        "eta": params["learning_rate"],
        "max_depth": params["depth"],
        "min_child_weight": params["min_child_weight"],
        "subsample": params["subsample"],
        "colsample_bytree": params["colsample"],
        "lambda": params["reg_lambda"],
        "tree_method": "hist",
        "eval_metric": "mae",
        "device": "cuda" if on_gpu else "cpu",
        "nthread": threads,
        "seed": job.seed,
        # XGBoost draws from a generator of the thread it runs in; seeded anew each round, a draw is the booster's own
        "seed_per_iteration": True,
    }


class _Growing:
    """One target's regressor while it grows, and where its error on validation was least."""

    def __init__(
        self,
        train: tuple[Floats, Floats],
        validation: tuple[Floats, Floats],
        options: dict[str, Any],
        scale: float,
        fixed: int | None,
    ) -> None:
        import xgboost as xgb

        threads = options["nthread"]
        self.train = xgb.QuantileDMatrix(*train, nthread=threads)
        self.validation = xgb.QuantileDMatrix(*validation, ref=self.train, nthread=threads)
        self.booster = xgb.Booster(options, [self.train, self.validation])
        self.scale, self.round, self.best_round, self.stopped = scale, 0, -1, False
        self.fixed = fixed
        self.least, self.last = np.inf, {"train": np.nan, "validation": np.nan}

    def grow(self, count: int) -> None:
        """Add up to `count` rounds; none after `PATIENCE` rounds without a better one, or after the fixed number."""
        for _ in range(count):
            if self.stopped:
                return
            self.booster.update(self.train, self.round)
            error = self._error(self.validation)
            if error < self.least or self.fixed is not None:
                self.least, self.best_round = error, self.round
            self.last["validation"] = error
            self.round += 1
            self.stopped = self.round - self.best_round > PATIENCE or self.round == self.fixed
        self.last["train"] = self._error(self.train)

    def errors(self, part: str) -> float:
        """Return the mean absolute error in the data's own units: of the best round once stopped, else of the last."""
        error = self.least if self.stopped and part == "validation" else self.last[part]
        return error * self.scale

    def predict(self) -> Floats:
        """Return the scaled predictions of validation (m,): of the best round once stopped, else of the last."""
        rounds = self.best_round + 1 if self.stopped else self.round
        return np.asarray(self.booster.predict(self.validation, iteration_range=(0, rounds)), dtype=np.float32)

    def best(self) -> xgb.Booster:
        """Return the regressor as it was at its best round."""
        return self.booster[: self.best_round + 1]

    def _error(self, part: xgb.DMatrix) -> float:
        # "[12]\tpart-mae:0.3512": XGBoost returns its scores as text only
        return float(str(self.booster.eval_set([(part, "part")], self.round)).rpartition(":")[2])
