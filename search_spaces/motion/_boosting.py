"""What every method that boosts trees searches; the bounds are the method's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna


def suggest(trial: optuna.Trial, n_estimators: tuple[int, int], depth: tuple[int, int]) -> dict[str, Any]:
    """Return the parameters that `training.models.trees.fit` takes."""
    return {
        # absolute error is what is scored; the others are smoother and find finer splits in small leaves
        "objective": trial.suggest_categorical(
            "objective", ["reg:absoluteerror", "reg:squarederror", "reg:pseudohubererror"]
        ),
        "n_estimators": trial.suggest_int("n_estimators", *n_estimators, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.5, log=True),
        "depth": trial.suggest_int("depth", *depth),
        "min_child_weight": trial.suggest_float("min_child_weight", 1.0, 100.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.3, 1.0),
        "colsample": trial.suggest_float("colsample", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
    }
