"""The synthetic data of a method's kind, and a job for it: for the tests of methods and evaluations."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from training import protocols, registry
from training.contract import Fitted, Job, Method, Outcome, Params
from training.data import Dataset, Part, Split
from training.study import evaluating, scoring
from training.views import View


def reported(log: list[tuple[int, float, dict[str, float]]]):
    """Return a report that appends step, value and scores to `log`."""
    return lambda step, value, **scores: log.append((step, value, scores))


def job(settings: dict[str, Any] | None = None, *, seed: int = 0, log: list | None = None, **rest: Any) -> Job:
    folder = Path(tempfile.mkdtemp(prefix="affectory-job-"))
    made: dict[str, Any] = {
        "settings": settings or {},
        "seed": seed,
        "device": "cpu",
        "report": reported([] if log is None else log),
        "cache": folder,
        "checkpoint": folder,
    }
    return Job(**{**made, **rest})


def scored(declared: Method, handed: Split) -> dict[str, Any]:
    """Return what a job says of the objective: its direction, and the score of predictions for validation."""
    return {"direction": declared.direction, "score": functools.partial(scoring.on_validation, declared, handed)}


def default_settings(declared: Method) -> dict[str, Any]:
    """Return the default of each setting of the method and of the synthetic data of its kind, or what TINY names."""
    chosen = registry.settings({}, registry.choices(declared, registry.reader(registry.synthetic(declared.data))))
    named = [registry.tiny(name)[1] for name in registry.methods() if registry.method(name).METHOD is declared]
    return {**chosen, **(named[0] if named else {})}


@cache
def data(kind: str) -> Dataset:
    name = registry.synthetic(kind)
    return registry.dataset(name).read(None, {k: values[0] for k, values in registry.reader(name).settings.items()})


@cache
def _protocol(kind: str, targets: str, reconstructed: bool) -> protocols.Protocol:
    return protocols.make(data(kind), targets, reconstructed=reconstructed)


def protocol(declared: Method, settings: dict[str, Any] | None = None) -> protocols.Protocol:
    chosen = settings or default_settings(declared)
    return _protocol(declared.data, declared.targets, declared.targets in declared.blocks(chosen))


def split(declared: Method, settings: dict[str, Any] | None = None, *, test: bool = True) -> Split:
    """Return the synthetic data of the method's kind as the method is given it."""
    chosen = {**default_settings(declared), **(settings or {})}
    return protocol(declared, chosen).split(declared, chosen, test=test)


def needs(wanted: dict[str, str], settings: dict[str, Any]) -> dict[str, Any]:
    """Fit what is needed with its TINY, as the bench does with its DEFAULTS: without the test part."""
    return {need: _need(name, tuple(sorted(settings.items()))) for need, name in wanted.items()}


def without_test_rows(split: Split) -> Split:
    """Return the split with other values behind its views in all rows that none of its parts has.

    Numbers are NaN there and images black: a method that looked at them would predict something else.
    """
    parts = {name: getattr(split, name) for name in ("train", "validation", "unlabelled")}
    parts = {name: part for name, part in parts.items() if part is not None}
    values: dict[str, Any] = {}
    for block, view in split.train.inputs.items():
        rows = np.unique(np.concatenate([np.asarray(part.inputs[block].rows[:]).ravel() for part in parts.values()]))
        blank = np.nan if np.issubdtype(view.dtype, np.floating) else 0
        values[block] = np.full(view.values.shape, blank, view.dtype)
        values[block][rows[rows >= 0]] = view.values[rows[rows >= 0]]

    def blanked(part: Part) -> Part:
        views = {block: View(values[block], view.rows) for block, view in part.inputs.items()}
        return replace(part, inputs=replace(part.inputs, views=views))

    return replace(split, **{name: blanked(part) for name, part in parts.items()})


@cache
def _need(name: str, settings: tuple[tuple[str, Any], ...]) -> Any:
    module = registry.method(name)
    chosen = {**default_settings(module.METHOD), **dict(settings)}
    handed = split(module.METHOD, chosen, test=False)
    task = job(chosen, prerequisites=needs(module.METHOD.needed(chosen), chosen), **scored(module.METHOD, handed))
    return module.fit(registry.tiny(name)[0], handed, task).model


def lent(name: str, settings: dict[str, Any] | None = None, **rest: Any) -> Job:
    """Return a job for the method `name` with its needs fitted."""
    module = registry.method(name)
    chosen = {**default_settings(module.METHOD), **(settings or {})}
    objective = scored(module.METHOD, split(module.METHOD, chosen, test=False))
    return job(chosen, **{"prerequisites": needs(module.METHOD.needed(chosen), chosen), **objective, **rest})


def fitted(name: str, settings: dict[str, Any] | None = None, params: Params | None = None) -> Fitted:
    """Return what an evaluation of a final of the method `name` is handed: all needs are there, the judge too."""
    module = registry.method(name)
    made = protocol(module.METHOD)
    chosen = {**default_settings(module.METHOD), **(settings or {})}
    wanted = {**module.METHOD.needed(chosen), **evaluating.prerequisites(module.METHOD)}
    handed = made.split(module.METHOD, chosen, test=True)
    task = job(chosen, prerequisites=needs(wanted, chosen), **scored(module.METHOD, handed))
    used = params or registry.tiny(name)[0]

    def refit(split: Split) -> Outcome:
        return module.fit(used, split, task)

    return Fitted(
        method=module.METHOD,
        data=made.data,
        split=handed,
        truth=made.truth(),
        labels=made.labels(),
        test_sample=made.data.sample[made.rows("test")],
        job=task,
        outcome=module.fit(used, handed, task),
        refit=refit,
    )
