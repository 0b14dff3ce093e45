"""The search of a study: Optuna's trials, one after the other, on validation alone.

Two promises shape it. An interrupted study draws what an uninterrupted one would: the sampler is seeded anew for each
trial from the study's seed and the trial's ordinal (its number, not counting re-runs before it). And a dead worker's
trial is run again with the same parameters: a worker holds a lock that dies with it, each running trial names its
worker (see `training.study.workers`), and Optuna's heartbeats serve where a lock cannot be seen.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import statistics
import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState

from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from training.study.workers import Workers

optuna.logging.set_verbosity(optuna.logging.ERROR)

MOST_RETRIES = 3
"""How often a trial whose worker was killed is run again: one that kills its worker each time must come to an end."""
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
RETRY_OF, RETRIES, WORKER, RUN_ID, STEPS = "retry_of", "retries", "worker", "run_id", "steps"
BEST = "winner"
"""User attribute of a study: the number of its best trial. From then on it takes no more trials."""
CONFIRMED = "confirmed"
"""User attribute of a study: the number of the trial that was best when the first ones were fitted again."""
ERROR, RETRY_REASON = "error", "retry_reason"
"""User attributes of a trial. It has an error where its method raised, a retry_reason where it is run again."""

KILLED = "its worker was killed; the study runs it again"
INTERRUPTED = "stopped by a person; the study runs it again when it goes on"
MACHINE_FAILED = "the disk or the store failed; the study runs it again when it goes on"
GIVEN_UP = f"its worker was killed {MOST_RETRIES + 1} times; the study does not run it again"


# ------------------------------------------------------------------------------------------------ search spaces


def distributions(space: ModuleType) -> dict[str, BaseDistribution]:
    """Return the distribution of each parameter that DEFAULTS and fifty random draws of the space ask for."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    of_parameter: dict[str, BaseDistribution] = {}
    for _ in range(50):
        trial = study.ask()
        space.suggest(trial)
        of_parameter.update(trial.distributions)
        study.tell(trial, 0.0)
    return dict(sorted(of_parameter.items()))


def space_json(space: ModuleType) -> dict[str, Any]:
    """Return space.json: DEFAULTS and each parameter's distribution as Optuna writes it."""
    return {
        "defaults": dict(space.DEFAULTS),
        "distributions": {name: json.loads(distribution_to_json(d)) for name, d in distributions(space).items()},
    }


def space_differences(recorded: Mapping[str, Any], space: ModuleType) -> list[str]:
    """Name each parameter whose distribution differs between a study's space.json and the space as it is now."""
    asked = space_json(space)["distributions"]
    return [
        f"parameter {name}: it has {_words(recorded['distributions'].get(name))}, asked for {_words(asked.get(name))}"
        for name in sorted({*recorded["distributions"], *asked})
        if recorded["distributions"].get(name) != asked.get(name)
    ]


def _words(written: Mapping[str, Any] | None) -> str:
    return "no such parameter" if written is None else words(json_to_distribution(json.dumps(written)))


def words(distribution: Any) -> str:
    """Return what can be drawn of a parameter: its values, or its ends."""
    if hasattr(distribution, "choices"):
        return ", ".join(map(str, distribution.choices))
    step = f" in steps of {distribution.step:g}" if distribution.step not in (None, 1) else ""
    return f"{distribution.low:g} to {distribution.high:g}{step}" + (
        ", by order of magnitude" if distribution.log else ""
    )


# ----------------------------------------------------------------------------------------- sampler and pruner


class SeededTPE(BaseSampler):
    """TPE whose draws for a trial depend on the study's seed, the trial's ordinal and the finished trials alone.

    Parameters in `hold` are not drawn: they have that value in every trial.
    """

    def __init__(self, seed: int, hold: Mapping[str, Any] | None = None) -> None:
        self._seed, self._hold = seed, hold or {}
        self._ordinals: dict[int, int] = {}

    def _tpe(self, study: Study, trial: FrozenTrial, name: str = "") -> TPESampler:
        if trial.number not in self._ordinals:
            self._ordinals[trial.number] = ordinal(study, trial)
        text = f"{self._seed}/{self._ordinals[trial.number]}/{name}"
        return TPESampler(seed=int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big"))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that TPE draws together."""
        drawn = self._tpe(study, trial).infer_relative_search_space(study, trial)
        return {name: distribution for name, distribution in drawn.items() if name not in self._hold}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the parameters of `search_space` together."""
        return self._tpe(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one parameter that is not always asked for, or that no finished trial has yet; give what is held."""
        if param_name in self._hold:
            return self._hold[param_name]
        # its own seed for each parameter: a re-run that has some of its parameters already draws the others the same
        tpe = self._tpe(study, trial, param_name)
        return tpe.sample_independent(study, trial, param_name, param_distribution)


def ordinal(study: Study, trial: FrozenTrial) -> int:
    """Return the trial's place among those that an uninterrupted study would have: re-runs do not count."""
    number = trial.user_attrs.get(RETRY_OF, trial.number)
    # of the study itself: Hyperband shows the sampler the trials of one bracket alone
    before = study._storage.get_all_trials(study._study_id, deepcopy=False)[:number]
    return int(number) - sum(RETRY_OF in t.user_attrs for t in before)


STARTUP = 5
"""Complete trials before the median prunes."""


def pruner(name: str, *, folds: bool = False) -> optuna.pruners.BasePruner:
    """Return the pruner of that name, one of `training.study.plan.PRUNERS`.

    It is asked after reports of a fit, or after `folds`, of which there are few.
    """
    pruners: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
        "median": MedianOfFolds
        if folds
        else lambda: optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=4),
        "hyperband": lambda: OrdinalHyperband(min_resource=1 if folds else 4),
        "none": optuna.pruners.NopPruner,
    }
    return pruners[name]()


class MedianOfFolds(optuna.pruners.BasePruner):
    """Prunes a trial whose mean over the folds so far is worse than the median of complete trials on the same folds.

    Optuna's own compares the best mean so far, which is that of an easy first fold for ever.
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether the trial, which has reported its mean after a fold, is to end."""
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        step = trial.last_step
        if step is None or len(complete) < STARTUP:
            return False
        usual = statistics.median(t.intermediate_values[step] for t in complete if step in t.intermediate_values)
        value = trial.intermediate_values[step]
        return value > usual if study.direction == optuna.study.StudyDirection.MINIMIZE else value < usual


class OrdinalHyperband(optuna.pruners.HyperbandPruner):
    """Hyperband that does in a study that goes on what it would have done in one that was never stopped.

    Optuna's draws a trial's bracket from its number, which re-runs shift, and takes for the most reports what the
    trials complete so far have at the process's first pruning. Here it is the ordinal, and the first complete trial.
    """

    def _try_initialization(self, study: Study) -> None:
        if self._max_resource == "auto":
            complete = study._storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.COMPLETE,))
            steps = [t.last_step for t in complete if t.last_step is not None]
            if not steps:
                return
            self._max_resource = max(steps[0] + 1, self._min_resource)
        super()._try_initialization(study)

    def _get_bracket_id(self, study: Study, trial: FrozenTrial) -> int:
        if not self._pruners:
            self._try_initialization(study)
        counted = copy.copy(trial)
        counted.number = ordinal(study, trial)
        return super()._get_bracket_id(study, counted)


def is_pruning_step(n: int) -> bool:
    """Return whether Optuna hears of a trial's `n`-th report: 1, 2, 3, 4, 6, 9, 13, 19, 28 …, the same for every trial.

    Steps are counted in reports, because boosted trees report only every 25 rounds.

    Each report is a write to Optuna's storage (about 15 ms); the run's curve has every step all the same.
    """
    at = 1
    while at < n:
        at = max(at + 1, at * 3 // 2)
    return at == n


# ---------------------------------------------------------------------------------------------- dead workers


def retry(study: Study, trial: FrozenTrial, *, killed: bool = True) -> None:
    """Add a failed trial again with the same parameters.

    One whose worker was `killed` is added `MOST_RETRIES` times and then given up; being stopped by a person does not
    count.
    """
    retries = int(trial.user_attrs.get(RETRIES, 0)) + killed
    if killed and retries > MOST_RETRIES:
        return
    # the parameters stand in the trial itself, so that suggest() finds them; DEFAULTS come as fixed_params
    attributes = {key: value for key, value in trial.system_attrs.items() if key == "fixed_params"}
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=attributes,
            user_attrs={RETRY_OF: origin(trial), RETRIES: retries},
        )
    )


def origin(trial: FrozenTrial) -> int:
    """Return the number of the trial that this one runs again; its own where it is the first."""
    return int(trial.user_attrs.get(RETRY_OF, trial.number))


def without_successor(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that were stopped or killed, and that no later trial runs again.

    A kill between Optuna's failing a trial and its being added again leaves such a one.
    """
    latest = {origin(trial): trial.number for trial in trials}
    return [t for t in trials if t.state == TrialState.FAIL and error(t) is None and latest[origin(t)] == t.number]


def error(trial: FrozenTrial) -> str | None:
    """Return why a failed trial is not run again: what its method raised, or that it was given up; else None."""
    if ERROR in trial.user_attrs:
        return str(trial.user_attrs[ERROR])
    killed = trial.state == TrialState.FAIL and trial.user_attrs.get(RETRY_REASON) not in (INTERRUPTED, MACHINE_FAILED)
    return GIVEN_UP if killed and int(trial.user_attrs.get(RETRIES, 0)) >= MOST_RETRIES else None


def fail_trials_of_dead_workers(study: Study, workers: Workers) -> list[FrozenTrial]:
    """Fail the running trials whose workers are gone, add them again with the same parameters; return all trials.

    Call it while holding the lock under which workers ask for a trial and name themselves: a running trial without a
    worker was then asked for by one that is dead. Trials whose heartbeat stopped were failed by Optuna before it began
    the last one (with `retry` as its callback).
    """
    trials = study.get_trials(deepcopy=False)
    running = [t for t in trials if t.state == TrialState.RUNNING]
    for trial in running:
        worker = trial.user_attrs.get(WORKER)
        if worker is None:
            _fail(study, trial)
            continue
        # held until it is failed: of two that found it dead at once each would add it again
        with workers.dead(worker) as dead:
            if dead:
                _fail(study, trial)
    return study.get_trials(deepcopy=False) if running else trials


def _fail(study: Study, trial: FrozenTrial) -> None:
    with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):  # another worker was faster
        study._storage.set_trial_user_attr(trial._trial_id, RETRY_REASON, KILLED)
        study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
        retry(study, study._storage.get_trial(trial._trial_id))


def fail_stale_trials(study: Study) -> None:
    """Fail the trials whose heartbeat stopped and add them again: for a worker that waits and begins no trial."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)  # its callback is `retry`


# ------------------------------------------------------------------------------------------------ the study


def counted(trials: Sequence[FrozenTrial]) -> int:
    """Return how many of the trials `--trials` counts: complete and pruned ones."""
    return sum(t.state in COUNTED for t in trials)


def best(study: Study) -> FrozenTrial:
    """Return the best trial on validation, of two objectives the compromise; UserError where no trial is complete."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        raise UserError(f"study {study.study_name!r} has no complete trial; give it more --trials or --timeout")
    if len(study.directions) == 1:
        return study.best_trial
    return compromise(study.best_trials, complete, study.directions)


def chosen(study: Study) -> int:
    """Return the number of the trial that is refitted: the search's best, or the one that was confirmed."""
    return int(study.user_attrs.get(CONFIRMED, study.user_attrs[BEST]))


def compromise(
    front: Sequence[FrozenTrial], complete: Sequence[FrozenTrial], directions: Sequence[optuna.study.StudyDirection]
) -> FrozenTrial:
    """Return the trial of a Pareto front with the smallest sum of ranks; of equals the one that came first.

    Ranks are those among all complete trials: within a front of two objectives one order is the other's reverse, and
    all sums are equal.
    """
    from scipy.stats import rankdata

    signs = [1 if direction == optuna.study.StudyDirection.MINIMIZE else -1 for direction in directions]
    ranks = sum(rankdata([sign * t.values[i] for t in complete], method="min") for i, sign in enumerate(signs))
    of_trial = dict(zip((t.number for t in complete), ranks, strict=True))
    return min(front, key=lambda trial: (of_trial[trial.number], trial.number))


def weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return a search's values as one: the value itself, or the weighted sum of two."""
    return values[0] if len(values) == 1 else float(sum(w * v for w, v in zip(weights, values, strict=True)))


def value(trial: FrozenTrial, weights: Sequence[float]) -> float:
    """Return a complete trial's value on validation as one number."""
    return weighted(trial.values, weights)


def differences(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Name what an existing study of the same name was made with, where it differs from what is asked for now."""
    return [
        f"{key}: it has {recorded.get(key)!r}, asked for {asked.get(key)!r}"
        for key in sorted({*recorded, *asked})
        if recorded.get(key) != asked.get(key)
    ]
