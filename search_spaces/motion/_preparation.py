"""What every motion method searches before its own parameters: outliers and scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {"outliers": "none", "scaling": "standard"}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Return the parameters of `training.models.preparation`; fences and contamination only where they are used."""
    params: dict[str, Any] = {
        "outliers": trial.suggest_categorical("outliers", ["none", "iqr", "isolation_forest"]),
        "scaling": trial.suggest_categorical("scaling", ["none", "standard", "robust"]),
    }
    if params["outliers"] == "iqr":
        # Tukey's own 1.5 takes a third of the rows where 27 skewed features are judged at once
        params["iqr_factor"] = trial.suggest_float("iqr_factor", 1.5, 6.0)
    elif params["outliers"] == "isolation_forest":
        params["contamination"] = trial.suggest_float("contamination", 0.005, 0.2, log=True)
    return params
