"""Optuna's storage in a database, whose calls wait for a database that is away."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import optuna

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.tracking.patience import Patience

WAITING = (
    *("create_new_study", "set_study_user_attr", "set_study_system_attr", "get_study_id_from_name"),
    *("get_study_directions", "get_study_user_attrs", "get_study_system_attrs", "get_all_studies"),
    *("create_new_trial", "set_trial_param", "set_trial_intermediate_value"),
    *("set_trial_user_attr", "set_trial_system_attr", "get_trial", "get_all_trials", "get_n_trials"),
    *("record_heartbeat", "_get_stale_trial_ids"),
)
"""Methods that can be called again as they are."""


class PatientStorage(optuna.storages.RDBStorage):
    """Optuna's storage; `patience` says how long a call waits, the rest is as Optuna's class has it."""

    def __init__(self, patience: Patience, *args: Any, **kwargs: Any) -> None:
        self._patience = patience
        super().__init__(*args, **kwargs)

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> bool:
        """Set a trial's state; a call that was cut off after it had reached the database is no error when repeated."""
        calls = 0

        def attempt() -> bool:
            nonlocal calls
            calls += 1
            try:
                return bool(super(PatientStorage, self).set_trial_state_values(*args, **kwargs))
            except optuna.exceptions.UpdateFinishedTrialError:
                if calls == 1:
                    raise
                return True

        return bool(self._patience.call(attempt))


def _waiting(name: str) -> Callable[..., Any]:
    method = getattr(optuna.storages.RDBStorage, name)

    @functools.wraps(method)
    def call(self: PatientStorage, *args: Any, **kwargs: Any) -> Any:
        return self._patience.call(method, self, *args, **kwargs)

    return call


for _name in WAITING:
    setattr(PatientStorage, _name, _waiting(_name))
