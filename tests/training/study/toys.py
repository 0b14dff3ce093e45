"""A method so small that a study of it takes a second: ridge regression by its normal equations."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from training import protocols, search_folds
from training.contract import Method, Outcome
from training.datasets import synthetic_motion
from training.study.plan import Plan, Prepared, parameters, signature
from training.views import Inputs

METHOD = Method(title="toy ridge", source="tests", data="motion", inputs="features", targets="pad")


class Ridge:
    def __init__(self, mean: np.ndarray, scale: np.ndarray, weights: np.ndarray) -> None:
        self.mean, self.scale, self.weights = mean, scale, weights

    def predict(self, inputs: Inputs) -> np.ndarray:
        x = np.asarray(inputs.x)
        return np.c_[(x - self.mean) / self.scale, np.ones(len(x))] @ self.weights

    def save(self, folder: Path) -> None:
        kept = {name: getattr(self, name).tolist() for name in ("mean", "scale", "weights")}
        (folder / "ridge.json").write_text(json.dumps(kept))


def fit(params: Any, split: Any, job: Any) -> Outcome:
    x = np.asarray(split.train.x)
    mean, scale = x.mean(0), x.std(0) + 1e-9
    design = np.c_[(x - mean) / scale, np.ones(len(x))]
    noise = np.random.default_rng(job.seed).normal(0, 1e-3, split.train.y.shape)
    penalty = params["alpha"] * np.eye(design.shape[1])
    model = Ridge(mean, scale, np.linalg.solve(design.T @ design + penalty, design.T @ (split.train.y + noise)))
    for step in range(1, 4):
        job.report(
            step,
            float(np.abs(model.predict(split.validation.inputs) - split.validation.y).mean()),
            train__loss=1 / step,
        )
    predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    return Outcome(model, predictions, parameters=model.weights.size)


def load(folder: Path, device: str) -> Ridge:
    kept = json.loads((folder / "ridge.json").read_text())
    return Ridge(*(np.array(kept[name]) for name in ("mean", "scale", "weights")))


SPACE = SimpleNamespace(
    DEFAULTS={"alpha": 1.0, "unused": 3},
    TINY={"alpha": 1.0, "unused": 3},
    suggest=lambda trial: {
        "alpha": trial.suggest_float("alpha", 1e-3, 1e4, log=True),
        "unused": trial.suggest_int("unused", 1, 9),
    },
)


def module(**changes: Any) -> Any:
    """Return the toy as a module, with some of its names changed."""
    return SimpleNamespace(**{"METHOD": METHOD, "fit": fit, "load": load, **changes})


def prepared(toy: Any = None, data: Any = None, space: Any = SPACE, **options: Any) -> Prepared:
    """Return what `training.study.prepare` would, for the toy on a small synthetic set."""
    plan = Plan(**{"method": "motion/toy", "dataset": "synthetic_motion", "trials": 4, "repeats": 2, **options})
    data = data or synthetic_motion.generate(recordings=dict.fromkeys(("happy", "sad", "afraid", "angry"), 20))
    toy = toy or module()
    method = toy.METHOD
    protocol = protocols.for_method(method, data, {}, plan.split_seed, test_folds=plan.test_folds)
    protocol = search_folds.divide(protocol, plan.folds, plan.split_seed)
    first = parameters({**(plan.first or {}), **plan.hold}, space)
    name = plan.name or "toy"
    made_with = signature(plan, protocol, {}, space, first)
    return Prepared(plan, name, toy, space, method, {}, data, protocol, None, first, made_with)
