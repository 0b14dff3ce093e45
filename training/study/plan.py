"""What a person asks for, and what it comes to: every name looked up, the data read and split, a name given.

Everything that a person can get wrong is found here, before any store is touched.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from affect.record import PARTS, digest, settings_text, to_json
from training import leaks, messages, protocols, registry, search_folds, splits
from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from training.contract import Method, Params, Settings
    from training.data import Dataset
    from training.protocols import Protocol


PRUNERS = ("median", "hyperband", "none")
OBJECTIVES = ("one", "two")
REFITS = ("train", "all")

FEW_GROUPS = 100
"""Below so many groups one validation part has fewer than fifteen."""

GAP_STEPS = 1.5
"""Samples of a recording that are more than so many of its usual steps apart do not follow each other."""


@dataclass(frozen=True)
class Plan:
    """A study as a person asks for it; the fields are the options of ``python -m training study``.

    `first` are the parameters of trial 0 (the space's DEFAULTS where None); with `fixed` there is no other trial.
    `hold` are parameters that every trial has, trial 0 too: they are not searched.
    `test_folds` is the number of folds in which every group is tested once, or `training.splits.LOSO`; None for one
    split. `trials` and `timeout` are those of each fold.
    `confirm_top` is how many of the best trials are fitted again with new seeds before one is chosen; 0 for none.
    `allow_leak` lets a split divide what it must not, and marks the study.
    `folds` is the number of folds of train and validation on which each trial is scored; None for one validation part.
    `also_selected_on_test` fits each final run once more to show what selection on test would have scored.
    `refit` says on what the best trial is fitted again: "train", or "all" for train and validation, as `folds` ask for.
    """

    method: str
    dataset: str
    known_as: str | None = None
    root: Path | None = None
    split_file: Path | None = None
    split_seed: int = 0
    test_folds: int | str | None = None
    folds: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    prerequisites: Mapping[str, str] = field(default_factory=dict)
    trials: int = 20
    timeout: float | None = None
    repeats: int = 5
    refit: str = "train"
    seed: int = 0
    epochs: int | None = None
    pruner: str = "median"
    objectives: str = "one"
    name: str | None = None
    device: str = "auto"
    threads: int = 1
    hold: Params = field(default_factory=dict)
    first: Params | None = None
    fixed: bool = False
    allow_leak: bool = False
    confirm_top: int = 0
    also_selected_on_test: bool = False


@dataclass(frozen=True)
class Prepared:
    """A plan whose every name was found and whose data was read and split."""

    plan: Plan
    name: str
    module: ModuleType
    space: ModuleType
    method: Method
    settings: Settings
    data: Dataset
    protocol: Protocol
    published: Mapping[str, str] | None
    first: Params
    signature: Mapping[str, Any]

    @property
    def hold(self) -> Params:
        """Return the parameters that are not searched."""
        return {key: self.first[key] for key in self.plan.hold}

    @property
    def multi_objective(self) -> bool:
        """Return whether each target that the method's objective weighs is an objective of its own."""
        return self.plan.objectives == "two"

    @property
    def objectives(self) -> list[str]:
        """Return the full names of the metrics whose values are the search's."""
        from training.study import scoring

        return scoring.objectives(self.method, multi_objective=self.multi_objective)

    @property
    def weights(self) -> tuple[float, ...]:
        """Return the weight of each objective in the one number that a progress bar shows."""
        return tuple(self.method.objective_weights.values())

    @property
    def pruner(self) -> str:
        """Return the search's pruner: a trial with two objectives cannot be pruned."""
        return "none" if self.multi_objective else self.plan.pruner


class DataSets:
    """Reads each data set once for each combination of its own settings, however many studies of it are prepared."""

    def __init__(self) -> None:
        self._read: dict[str, Dataset] = {}

    def read(self, name: str, root: Path | None, settings: Settings) -> Dataset:
        """Return the data set `name`; of the settings only the reader's own decide what is read."""
        own = {key: settings[key] for key in registry.reader(name).settings}
        key = digest([name, str(root), {key: str(value) for key, value in own.items()}])
        if key not in self._read:
            self._read[key] = registry.dataset(name).read(root, own)
        return self._read[key]


def prepare(plan: Plan, datasets: DataSets | None = None) -> Prepared:
    """Look up every name, read and split the data; UserError for whatever is wrong.

    Plans that are prepared with the same `datasets` share what is read.
    """
    if plan.pruner not in PRUNERS:
        raise UserError(messages.unknown(plan.pruner, PRUNERS, "pruner"))
    if plan.refit not in REFITS:
        raise UserError(messages.unknown(plan.refit, REFITS, "value of --refit"))
    if plan.folds is not None and plan.refit != "all":
        raise UserError(
            f"--folds {plan.folds} refits the best trial on train and validation, which its folds were; "
            "leave --refit out, or give --refit all"
        )
    if plan.objectives not in OBJECTIVES:
        raise UserError(messages.unknown(plan.objectives, OBJECTIVES, "number of --objectives"))
    module, space = registry.method(plan.method), registry.space(plan.method)
    if plan.objectives == "two" and len(module.METHOD.objective_weights) != 2:
        raise UserError(f"--objectives two: {plan.method} has one objective, {module.METHOD.objective}")
    reader, method = registry.reader(plan.dataset), module.METHOD
    if lacking := reader.lacks(method):
        fitting = [name for name in registry.datasets() if not registry.reader(name).lacks(method)]
        raise UserError(
            f"{plan.method} needs {' and '.join(lacking)}, which {plan.dataset} does not have; "
            f"take one of {', '.join(fitting)}"
        )
    allowed = registry.choices(method, reader)
    settings = registry.settings(plan.settings, allowed)
    if hasattr(module, "check"):
        module.check(settings)
    if plan.test_folds is not None and plan.split_file is not None:
        raise UserError("--test-folds and --split are two ways of testing; give one of them")
    data = named((datasets or DataSets()).read(plan.dataset, plan.root, settings), plan.known_as)
    if plan.split_file:
        data = leaks.regrouped(data, splits.names(plan.split_file))
    published = splits.read(plan.split_file, data) if plan.split_file else data.published_split
    protocol = protocols.for_method(method, data, settings, plan.split_seed, published, plan.test_folds)
    if protocol.leaks and not plan.allow_leak:
        raise UserError(leaks.refusal(protocol.leaks))
    for one in protocol.folds or (protocol,):
        one.split(method, settings, test=False)  # what the data lacks for it is said now
    protocol = search_folds.divide(protocol, plan.folds, plan.split_seed)
    first = parameters({**(plan.first or {}), **plan.hold}, space)
    name = plan.name or default_name(plan, {k: v for k, v in settings.items() if v != allowed[k][0]}, first, space)
    if not name.strip() or any(not c.isprintable() for c in name) or len(name) > 200:
        raise UserError(f"--name {name!r}: a study's name has 1 to 200 printable characters")
    made_with = signature(plan, protocol, settings, space, first)
    return Prepared(plan, name, module, space, method, settings, data, protocol, published, first, made_with)


def signature(
    plan: Plan, protocol: Protocol, settings: Settings, space: ModuleType, first: Params
) -> Mapping[str, Any]:
    """Return all that must be the same for two commands to be the same study, in words a refusal can show."""
    from training.study.search import space_json

    return {
        "method": plan.method,
        "dataset": protocol.data.name,
        "data version": protocol.data.version,
        "split seed": plan.split_seed,
        "split file": plan.split_file.name if plan.split_file else "none",
        "protocol": protocol.id,
        "settings": settings_text(settings),
        "space": digest(space_json(space)),
        "trial 0": to_json(dict(first)),
        "search": "none" if plan.fixed else "tpe",
        "pruner": plan.pruner,
        "seed": plan.seed,
        "epochs": plan.epochs,
        "with": to_json(dict(plan.prerequisites)),
        **({} if plan.test_folds is None else {"test folds": plan.test_folds}),
        **({} if plan.objectives == "one" else {"objectives": plan.objectives}),
        **({} if plan.folds is None else {"folds": plan.folds}),
        **({} if plan.refit == "train" else {"refit": plan.refit}),
        **({"held": to_json({key: first[key] for key in plan.hold})} if plan.hold else {}),
    }


def named(data: Dataset, known_as: str | None) -> Dataset:
    """Return the data under the name that ``--as`` gives it; a synthetic set never takes a real one's name."""
    if known_as is None:
        return data
    if data.synthetic and not known_as.startswith("synthetic"):
        raise UserError(f"--as {known_as}: the data is synthetic, and its name must begin with 'synthetic'")
    return dataclasses.replace(data, name=known_as)


def parameters(values: Params, space: ModuleType) -> Params:
    """Return DEFAULTS with the given values in their place, each one that the space can draw.

    What a space asks for in some cases alone must be given in those, and only in those: nothing is drawn or ignored.
    """
    from optuna.trial import FixedTrial

    from training.study.search import distributions

    if not values:
        return dict(space.DEFAULTS)
    known = distributions(space)
    for key in values:
        if key not in known:
            raise UserError(messages.unknown(key, known, "parameter"))
    chosen = {**space.DEFAULTS, **{key: _value(key, value, known[key]) for key, value in values.items()}}
    trial = FixedTrial(chosen)
    try:
        space.suggest(trial)
    except ValueError as error:
        missing = [key for key in known if key not in chosen and repr(key) in str(error)]
        if not missing:
            raise
        raise UserError(
            f"with these values the space asks for {missing[0]} as well: give --param {missing[0]}=…"
        ) from None
    if idle := [key for key in values if key not in trial.distributions]:
        raise UserError(f"parameter {idle[0]} does nothing with these values of the others")
    return {key: value for key, value in chosen.items() if key in trial.distributions}


def _value(key: str, value: Any, distribution: Any) -> Any:
    """Return a value, or its text, as the distribution has it."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        by_text = {str(choice).lower(): choice for choice in distribution.choices}
        if str(value).lower() not in by_text:
            raise UserError(messages.unknown(str(value), by_text, f"value of parameter {key}"))
        return by_text[str(value).lower()]
    kind = int if isinstance(distribution, IntDistribution) else float
    try:
        number = kind(value)
    except (ValueError, OverflowError):  # too large for a whole number, or infinite
        raise UserError(f"parameter {key}: expected {kind.__name__}, found {_shown(value)}") from None
    if not distribution.low <= number <= distribution.high:
        raise UserError(f"parameter {key}: expected {distribution.low} to {distribution.high}, found {_shown(value)}")
    return number


def _shown(value: Any) -> str:
    try:
        return messages.short(repr(value))
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"


def default_name(plan: Plan, settings: Settings, first: Params, space: ModuleType) -> str:
    """Name a study after what makes it different: the same command gives the same name, and so goes on."""
    file = [plan.root.name.partition(".")[0]] if plan.root else []
    parts = [plan.method, plan.known_as or plan.dataset, *file, *(f"{k}={v}" for k, v in sorted(settings.items()))]
    if plan.split_file:
        parts.append(plan.split_file.stem)
    if plan.split_seed:
        parts.append(f"split-seed={plan.split_seed}")
    if plan.test_folds is not None:
        parts.append(f"test-folds={plan.test_folds}")
    if plan.seed:
        parts.append(f"seed={plan.seed}")
    parts += [f"{key}={first[key]}" for key in sorted(plan.hold)]
    if plan.folds is not None:
        parts.append(f"folds={plan.folds}")
    elif plan.refit != "train":
        parts.append(f"refit={plan.refit}")
    if plan.objectives != "one":
        parts.append(f"objectives={plan.objectives}")
    if plan.fixed:
        changed = {k: v for k, v in first.items() if v != space.DEFAULTS.get(k)}
        parts += ["train", *(f"{k}={v}" for k, v in sorted(changed.items()))]
    return " ".join(parts)


def hints(prepared: Prepared) -> list[str]:
    """Return what would make the study better, in sentences: a search on folds where there are few groups."""
    plan, protocol, kind = prepared.plan, prepared.protocol, prepared.data.group_kind
    total = protocol.groups["test"] if protocol.folds else sum(protocol.groups.values())
    if plan.fixed or plan.folds is not None or plan.trials < 2 or total >= FEW_GROUPS:
        return []
    return [
        f"{messages.counted(total, kind)} in all: trials are chosen by {protocol.groups['validation']} of them; "
        f"--folds 5 scores each trial on every {kind} of train and validation"
    ]


def data_summary(prepared: Prepared) -> dict[str, Any]:
    """Return data_summary.json: the reader's counts, and the split's."""
    import numpy as np

    protocol, data = prepared.protocol, prepared.data
    parts = {part: int((protocol.part == part).sum()) for part in PARTS}
    if unlabelled := int((protocol.part == protocols.UNLABELLED).sum()):
        parts[protocols.UNLABELLED] = unlabelled
    classes: dict[str, dict[str, int]] = {}
    if data.label is not None:
        for label in np.unique(data.label[data.label != ""]):
            of_class = data.label == label
            classes[str(label)] = {
                part: len(np.unique(data.group[of_class & (protocol.part == part)])) for part in parts
            }
    timed = data.sequence is not None and data.time is not None
    times = {"unlabelled_times": unlabelled_times(protocol)} if timed else {}
    summary: dict[str, Any] = json.loads(
        to_json(
            {
                **data.summary,
                "samples": parts,
                "groups": dict(protocol.groups),
                "group_kind": data.group_kind,
                "persons": "known" if data.persons_known else "unknown",
                "groups_of_class": classes,
                "groups_left_out": protocol.groups_left_out(),
                **times,
                "notes": [*data.summary.get("notes", ()), *protocol.notes],
            }
        )
    )
    return summary


def unlabelled_times(protocol: Protocol) -> dict[str, list[list[float]]]:
    """Return recording → first and last second of each run of samples that have no label, of recordings that have some.

    Predictions are of labelled samples alone: with these times a gap among them can be told from one in the data.
    """
    import numpy as np

    data, labelled = protocol.data, np.isin(protocol.part, PARTS)
    assert data.sequence is not None
    assert data.time is not None
    found: dict[str, list[list[float]]] = {}
    for recording in np.unique(data.sequence[~labelled]):
        rows = np.flatnonzero(data.sequence == recording)
        rows = rows[np.argsort(data.time[rows], kind="stable")]
        time, known = data.time[rows], labelled[rows]
        if not known.any():
            continue
        step = float(np.median(np.diff(time)))
        begins = np.r_[True, known[:-1] | (np.diff(time) > GAP_STEPS * step)] & ~known
        ends = np.r_[begins[1:] | known[1:], True] & ~known
        found[str(recording)] = [
            [round(float(first), 3), round(float(last), 3)]
            for first, last in zip(time[begins], time[ends], strict=True)
        ]
    return found
