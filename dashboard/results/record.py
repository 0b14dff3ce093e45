"""A run's record decoded: every tag of `affect.record` with its type, and what could not be read, by name.

A store is shared, and a run in it may come from another version, another program or a damaged import. A tag of the
wrong type becomes its default and stands in `Record.problems`; nothing here raises because of what a store holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd

from affect import record as names_of
from affect.record import Kind, State
from dashboard.results import names

STATES = (State.RUNNING, State.COMPLETE, State.PRUNED, State.FAILED, State.STOPPED)
NO_START = "start: expected a time, found none that can be read"

LARGEST_JSON = 100_000
"""Characters of a tag that are decoded; MLflow keeps 8,000."""

_STATUS = {"FINISHED": State.COMPLETE, "RUNNING": State.RUNNING, "SCHEDULED": State.RUNNING, "KILLED": State.STOPPED}
"""MLflow's own status, by which a run without a tag `state` goes."""


class Unreadable(ValueError):
    """A value of the wrong type; the message says what was expected and what was found."""


@dataclass(frozen=True, eq=False)
class Record:
    """One run, decoded. Texts are the store's own and may hold anything; numbers that are missing are None or nan."""

    run_id: str
    kind: str
    """study, trial, final, need; other words where another program wrote the run."""
    state: str
    """running, complete, pruned, failed or stopped."""
    method: str
    """family/method."""
    method_title: str
    """The method in words, "Boosted trees from LMA features to PAD"; empty where the record has none."""
    dataset: str
    data_title: str
    reader: str
    synthetic: bool | None
    """None where the run names no data."""
    data_version: str
    protocol: str
    protocol_id: str
    split: str
    """Hash of sample → part: runs of one split were scored on the same test samples."""
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    inputs: str
    group_kind: str
    groups: Mapping[str, int]
    persons_known: bool
    leaks: Mapping[str, int]
    """Kind → how many of it stand in two parts of the split, and must not."""
    settings: Mapping[str, Any]
    study: str
    name: str
    parent: str
    """Run id of the study that a trial or final belongs to; empty for a study."""
    experiment: str
    seed: int | None
    trial: int | None
    retry_of: int | None
    fold: int | None
    """Number of the fold that is its test part, from 1 to `test_folds`."""
    test_folds: int | None
    search_folds: int | None
    """Number of folds over which each trial's scores are means; None with one validation part."""
    refit: str
    """``all`` where it was fitted on train and validation together: it has no validation scores."""
    failed: bool
    """On a final: its method raised, which is the result of its seed."""
    label_rule: str
    reason: str
    trials_total: int | None
    repeats: int
    deadline: pd.Timestamp | None
    frozen: bool
    archived: bool
    """Whether a person put this run out of the leaderboards; of its study, see `Index.archived`."""
    objective: str
    objectives: tuple[str, ...]
    weights: Mapping[str, float]
    direction: str
    space: str
    sampler: str
    pruner: str
    best_trial: int | None
    best_value: float
    needs: Mapping[str, str]
    artifacts: frozenset[str]
    """Files that the run says it has. `Store.files` lists what is there."""
    code: str
    machine: Mapping[str, Any]
    metric_version: int
    version: int
    command: str
    note: str
    labels: tuple[str, ...]
    user: str
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    problems: tuple[str, ...] = ()
    """What could not be read, a sentence each."""

    @property
    def seconds(self) -> float:
        """How long the run took, nan where it has not ended."""
        return math.nan if self.start is None or self.end is None else (self.end - self.start).total_seconds()

    @property
    def short_method(self) -> str:
        """The method's name without its family."""
        return names.method(self.method)

    @property
    def settings_text(self) -> str:
        """The settings as people read them: ``latent size 2 · features all``."""
        return settings_text(self.settings)

    @property
    def title(self) -> str:
        """Method and settings; the run's own name where it names no method."""
        if not self.method:
            return self.name or f"run {self.run_id[:8]}"
        return " · ".join(part for part in (self.short_method, self.settings_text, self.search_text) if part)

    @property
    def search_text(self) -> str:
        """``search on 5 folds by person``, empty where one validation part scored the trials."""
        return f"search on {self.search_folds} folds by {self.group_kind}" if self.search_folds else ""

    @property
    def what(self) -> str:
        """What the run is, in words: a study, trial 3, the final run with seed 1."""
        return names.kind({"kind": self.kind, "trial": self.trial, "seed": self.seed}) + (
            f", {self.fold_text}" if self.fold_text else ""
        )

    @property
    def fold_text(self) -> str:
        """``fold 3 of 7``, empty where the test part is no fold."""
        if self.fold is None:
            return ""
        return f"fold {self.fold}" + (f" of {self.test_folds}" if self.test_folds else "")

    @property
    def on_test(self) -> bool:
        """Whether the run's headline score is one on test: a study's or a final's."""
        return self.kind in (Kind.STUDY, Kind.FINAL)

    @property
    def transferred(self) -> bool:
        """Whether the labels were computed from emotions instead of annotated; a protocol's name says so."""
        return "transferred" in self.protocol

    @property
    def data_word(self) -> str:
        """REAL or SYNTHETIC; empty where the run names no data."""
        return "" if self.synthetic is None else "SYNTHETIC" if self.synthetic else "REAL"

    @property
    def leak_text(self) -> str:
        """``LEAK: 3 persons in two parts``, empty where the split divides nothing that it must not."""
        told = ", ".join(names.count(count, kind) for kind, count in self.leaks.items())
        return f"LEAK: {told} in two parts" if told else ""

    @property
    def data_mark(self) -> str:
        """The data's word as a list shows it, with a mark where the split leaks."""
        return f"{names.LEAK}, {self.data_word}" if self.leaks else self.data_word

    @property
    def code_text(self) -> str:
        """The commit as people read it."""
        return names.code(self.code)

    @cached_property
    def several_objectives(self) -> bool:
        """Whether the search optimised two metrics at once."""
        return len(self.objectives) > 1


def settings_text(settings: Mapping[str, Any], hide: frozenset[str] | set[str] = frozenset()) -> str:
    """Return settings as people read them, ``latent size 2 · features all``, without those in `hide`."""
    return " · ".join(f"{k.replace('_', ' ')} {settings[k]}" for k in sorted(settings) if k not in hide)


# ------------------------------------------------------------------------------------------------------ decoding


def _json(text: str) -> Any:
    if len(text) > LARGEST_JSON:
        raise Unreadable(f"expected at most {LARGEST_JSON:,} characters, found {len(text):,}")
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # half a character can be shown nowhere
        return value
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"expected JSON, found {_short(text)}") from error


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "…"


@lru_cache(maxsize=4096)
def _mapping(text: str) -> dict[str, Any]:
    found = _json(text)
    if not isinstance(found, dict):
        raise Unreadable(f"expected a JSON object, found {_short(text)}")
    return found


@lru_cache(maxsize=4096)
def _texts(text: str) -> tuple[str, ...]:
    found = _json(text)
    if not isinstance(found, list):
        raise Unreadable(f"expected a JSON list, found {_short(text)}")
    return tuple(str(value) for value in found)


def _counts(text: str) -> dict[str, int]:
    found = _mapping(text)
    return {str(part): _whole(count) for part, count in found.items()}


def _weights(text: str) -> dict[str, float]:
    found = _mapping(text)
    return {str(target): _real(weight) for target, weight in found.items()}


def _settings(text: str) -> dict[str, Any]:
    found = _mapping(text)
    if deep := [key for key, value in found.items() if isinstance(value, dict | list)]:
        raise Unreadable(f"expected one value a setting, found several for {', '.join(deep[:3])}")
    return found


def _strings(text: str) -> dict[str, str]:
    return {str(key): str(value) for key, value in _mapping(text).items()}


def _objectives(text: str) -> tuple[str, ...]:
    found = _texts(text)
    if not found or not all(names_of.parse_metric(full) for full in found):
        raise Unreadable(f"expected full names of metrics, found {_short(text)}")
    return found


def _whole(value: Any) -> int:
    number = _real(value)
    if number != math.floor(number) or abs(number) >= 2**53:
        raise Unreadable(f"expected a whole number, found {_short(value)}")
    return int(number)


def _real(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"expected a number, found {_short(value)}") from error
    if not math.isfinite(number):
        raise Unreadable(f"expected a finite number, found {_short(value)}")
    return number


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _time(value: Any) -> pd.Timestamp | None:
    try:
        found: Any = pd.Timestamp(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unreadable(f"expected a time, found {_short(value)}") from error
    if pd.isna(found):
        return None
    return found.tz_localize("UTC") if found.tzinfo is None else found


def _deadline(value: Any) -> pd.Timestamp:
    seconds = _real(value)
    try:
        return pd.Timestamp(seconds, unit="s", tz="UTC")
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"expected seconds since 1970, found {_short(value)}") from error


TYPES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "targets": (_texts, ()),
    "classes": (_texts, ()),
    "groups": (_counts, {}),
    "leaks": (_counts, {}),
    "settings": (_settings, {}),
    "weights": (_weights, {}),
    "needs": (_strings, {}),
    "artifacts": (lambda text: frozenset(_texts(text)), frozenset()),
    "machine": (_mapping, {}),
    "labels": (_texts, ()),
    "objectives": (_objectives, ()),
    **dict.fromkeys(
        ("seed", "trial", "retry_of", "fold", "test_folds", "search_folds", "trials_total", "best_trial"),
        (_whole, None),
    ),
    "repeats": (_whole, 0),
    "metric_version": (_whole, 1),
    "version": (_whole, 1),
    "best_value": (_real, math.nan),
    "deadline": (_deadline, None),
    "synthetic": (_flag, None),
    "failed": (_flag, False),
    "frozen": (_flag, False),
    "archived": (_flag, False),
    "start": (_time, None),
    "end": (_time, None),
}
"""Field → what reads it and its default; all other fields are text. A missing value is the default and no problem."""

COLUMN = {"version": "record", "persons_known": "persons", "failed": "error"}
"""Fields whose tag has another name."""

_FIELDS = tuple(f.name for f in fields(Record) if f.name not in ("run_id", "problems"))
COLUMNS = (*dict.fromkeys([COLUMN.get(name, name) for name in _FIELDS]), "status")
"""Columns of the run table that a record is made of."""


def decode(run_id: str, row: Mapping[str, Any]) -> Record:
    """Return the record of one row of the run table (`COLUMNS`, of which any may be missing)."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for field in _FIELDS:
        value = row.get(COLUMN.get(field, field))
        read, default = TYPES.get(field, (str, ""))
        if not _present(value):
            found[field] = default
            continue
        try:
            found[field] = read(value)
        except Unreadable as error:
            found[field] = default
            problems.append(f"{COLUMN.get(field, field)}: {error}")
    found["persons_known"] = found["persons_known"] == "known"
    found["group_kind"] = found["group_kind"] or "group"
    found["synthetic"] = found["synthetic"] if found["dataset"] else None
    if found["state"] not in ("", *STATES):
        problems.append(f"state: expected one of {', '.join(STATES)}, found {_short(found['state'])}")
        found["state"] = ""
    found["state"] = state(found["state"], str(row.get("status")) if _present(row.get("status")) else "")
    if found["start"] is None:
        problems.append(NO_START)
    return Record(run_id=run_id, problems=tuple(problems), **_objective(found))


def state(tag: str, status: str) -> str:
    """Return a run's state by its tag; a run without one (killed before it could write it) by MLflow's status."""
    return tag or _STATUS.get(status, State.FAILED)


def unreadable(column: str, value: Any) -> str:
    """Return why a value of the run table's column cannot be read; empty where it can, or the column is text."""
    read = _READERS.get(column)
    if read is None or not _present(value):
        return ""
    try:
        read(value)
    except Unreadable as error:
        return f"{column}: {error}"
    return ""


_READERS = {COLUMN.get(field, field): read for field, (read, _) in TYPES.items() if field not in ("start", "end")}
CHECKED = tuple(_READERS)
"""Columns of which a value can be unreadable."""


def _objective(found: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a record of an earlier version says by `objective` alone."""
    named = str(found["objective"]).split(",")[0]
    objectives = found["objectives"] or (names_of.metric("validation", named or "mae"),)
    direction = "maximize" if str(found["direction"]).startswith("max") else "minimize"
    return found | {"objectives": objectives, "direction": direction}


def _present(value: Any) -> bool:
    return not (value is None or value is pd.NA or value is pd.NaT or value == "" or value != value)
