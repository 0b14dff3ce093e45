"""The plan of a study as the study keeps it, so that `work STUDY` can join it from any machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.contract import UserError
from training.messages import unknown
from training.study.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.tracking.store import Store

ATTRIBUTE = "plan"
PATHS = ("root", "split_file")
OWN = ("device", "threads", "name")
"""What each worker has of its own, and the study's name, which stands elsewhere."""


def written(plan: Plan) -> dict[str, Any]:
    """Return a plan as Optuna keeps it, paths as absolute texts."""
    kept = {key: value for key, value in dataclasses.asdict(plan).items() if key not in OWN}
    return kept | {key: str(kept[key].absolute()) for key in PATHS if kept[key] is not None}


def read(store: Store, name: str) -> Plan:
    """Return the plan of the study `name`; UserError where there is none, naming the nearest."""
    import optuna

    from training.study import search

    storage = store.optuna_storage(search.retry)
    try:
        attributes: Mapping[str, Any] = optuna.load_study(study_name=name, storage=storage).user_attrs
    except KeyError:
        known = [info.tags["study"] for info in store.find({"kind": "study"})]
        raise UserError(unknown(name, known, "study")) from None
    if ATTRIBUTE not in attributes:
        raise UserError(
            f"study {name!r} does not keep its plan (an earlier Affectory made it): give the command that began it, "
            "which the study's page shows"
        )
    kept = attributes[ATTRIBUTE]
    fields = {field.name for field in dataclasses.fields(Plan)}
    if odd := sorted(set(kept) - fields):
        raise UserError(
            f"study {name!r} was made by a later Affectory, whose plans have {', '.join(odd)}: update this one"
        )
    return Plan(**{**kept, **{key: Path(kept[key]) for key in PATHS if kept.get(key)}, "name": name})
