"""The runs of a store, found by study, by protocol and by name: made once per snapshot, so a page costs what it shows.

An index and all that it returns are shared by all sessions: nobody changes its frames.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect.record import Kind, State
from dashboard.reading.table import UNREADABLE
from dashboard.results import asking
from dashboard.results import record as records
from dashboard.results.columns import Columns
from dashboard.results.protocol import Protocol
from dashboard.results.record import Record
from dashboard.results.study import Study

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from dashboard.reading.table import Runs

CHILDREN = (Kind.TRIAL, Kind.CONFIRMATION, Kind.FINAL, Kind.NEED)


def _numbers(texts: NDArray[Any]) -> NDArray[np.float64]:
    return pd.to_numeric(pd.Series(texts), errors="coerce").to_numpy(float)


class Index(Columns):
    """The runs of `dashboard.store.Store.runs`, with what pages ask of them."""

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs)
        self._records: dict[str, Record] = {}
        self._studies: dict[str, Study] = {}

    # -------------------------------------------------------------------------------------------------- records

    def __contains__(self, run_id: object) -> bool:
        return run_id in self.runs.index

    def record(self, run_id: str) -> Record:
        """Return a run's record. KeyError where the store has no such run."""
        if run_id not in self._records:
            if run_id not in self.runs.index:
                raise KeyError(f"no run {run_id!r} in this store")
            self._decode([run_id])
        return self._records[run_id]

    def records(self, run_ids: Iterable[str]) -> list[Record]:
        """Return the records of several runs, in their order."""
        wanted = list(run_ids)
        self._decode([run for run in wanted if run not in self._records])
        return [self._records[run] for run in wanted]

    def _decode(self, run_ids: Sequence[str]) -> None:
        if not run_ids:
            return
        places = self.runs.index.get_indexer(pd.Index(run_ids))
        known = [column for column in records.COLUMNS if column in self.runs]
        values = [self.taken(column, places) for column in known]
        for run_id, *row in zip(run_ids, *values, strict=True):
            self._records[run_id] = records.decode(run_id, dict(zip(known, row, strict=True)))

    # -------------------------------------------------------------------------------------------------- studies

    @cached_property
    def studies(self) -> tuple[str, ...]:
        """Run ids of the studies, newest first, archived ones too."""
        places = np.flatnonzero(self.kinds == Kind.STUDY)
        start = self.runs["start"].iloc[places]
        ordered = start.sort_values(ascending=False, kind="stable").index
        found = tuple(str(run_id) for run_id in ordered)
        self._decode([run for run in found if run not in self._records])
        return found

    @cached_property
    def _study_ids(self) -> frozenset[str]:
        return frozenset(self.studies)

    def study(self, run_id: str) -> Study:
        """Return a study by the id of its run. KeyError where that is no study."""
        if run_id not in self._studies:
            if self.record(run_id).kind != Kind.STUDY:
                raise KeyError(f"run {run_id!r} is no study")
            self._studies[run_id] = Study(self, run_id)
        return self._studies[run_id]

    @cached_property
    def _children(self) -> dict[str, NDArray[np.int64]]:
        """Study → the places of its trials, finals and prerequisites.

        A child goes by its parent; one whose parent is not in the store by its study's name, where one study has it.
        """
        places = np.flatnonzero(np.isin(self.kinds, CHILDREN))
        parent = self.texts("parent")[places]
        known = self._study_ids
        named: dict[str, list[str]] = {}
        for run_id in self.studies:
            named.setdefault(self._records[run_id].study, []).append(run_id)
        orphans = np.flatnonzero([one not in known for one in parent])
        if len(orphans):
            study = self.texts("study")[places[orphans]]
            for orphan, name in zip(orphans, study, strict=True):
                candidates = named.get(name, []) if name else []
                parent[orphan] = candidates[0] if len(candidates) == 1 else ""
        codes, of = pd.factorize(parent)
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(of)))
        pieces = np.split(places[order], ends[:-1]) if len(of) else []
        return {str(study): piece for study, piece in zip(of, pieces, strict=True) if study}

    def children(self, study: str, kind: str | None = None, fold: int = 0) -> NDArray[np.int64]:
        """Return the places in the run table of a study's trials, finals and prerequisites, oldest first.

        With `fold`, only those of that test fold.
        """
        places = self._children.get(study, np.array([], np.int64))
        if kind is not None:
            places = places[self.kinds[places] == kind]
        return places[self._fold_numbers[places] == fold] if fold else places

    def study_of(self, run_id: str) -> str | None:
        """Return the id of the study that a run belongs to (itself, for a study), None where it has none."""
        run = self.record(run_id)
        if run.kind == Kind.STUDY:
            return run_id
        if run.parent in self._study_ids:
            return run.parent
        return self._owner.get(run_id)

    @cached_property
    def _owner(self) -> dict[str, str]:
        return {str(self.ids[place]): study for study, places in self._children.items() for place in places}

    def archived(self, run_id: str) -> bool:
        """Return whether a person put a run or its study out of the leaderboards."""
        study = self.study_of(run_id)
        return self.record(run_id).archived or (study is not None and self.record(study).archived)

    # --------------------------------------------------------------------------------------------------- finals

    @cached_property
    def _complete(self) -> dict[str, list[str]]:
        """Study → run ids of its complete finals that nobody archived, by seed and fold."""
        usable = (self.states == State.COMPLETE) & ~self.put_aside
        numbers = [_numbers(self._seeds), self._fold_numbers]
        found = {}
        for study, places in self._children.items():
            mine = places[(self.kinds[places] == Kind.FINAL) & usable[places]]
            if len(mine):
                found[study] = [str(run) for run in self.ids[mine[np.lexsort((numbers[1][mine], numbers[0][mine]))]]]
        return found

    def final_ids(self, run_id: str) -> list[str]:
        """Return the ids of a study's complete finals that are not archived, lowest seed first; of a final, its own."""
        if run_id in self._complete:
            return list(self._complete[run_id])
        run = self.record(run_id)
        return [run_id] if run.kind == Kind.FINAL and run.state == State.COMPLETE else []

    def finals(self, run_id: str) -> list[Record]:
        """Return the records of `final_ids`: the one notion of what stands for a study on every page."""
        return self.records(self.final_ids(run_id))

    def seeds(self, study: str) -> tuple[int, int]:
        """Return how many of a study's seeds are complete, and how many there are to be.

        A study that is tested by folds has a final of each seed in each fold: a seed is complete where all are.
        """
        complete = len(self.by_seed(study))
        return complete, max(self.record(study).repeats, complete)

    def by_seed(self, run_id: str) -> list[list[str]]:
        """Return a study's `final_ids` by seed: one each, or one a fold; a seed that lacks a fold is left out."""
        folds = self.record(run_id).test_folds or 1
        if self.record(run_id).kind != Kind.STUDY:
            return [[final] for final in self.final_ids(run_id)]
        found: dict[str, dict[str, str]] = {}
        for final in self.final_ids(run_id):
            place = self.place(final)
            own = found.setdefault(str(self._seeds[place] or final), {})
            own.setdefault(str(self._folds[place] or (final if folds == 1 else "")), final)
        if folds == 1:
            return [[final] for of in found.values() for final in of.values()]
        return [list(of.values()) for of in found.values() if len(of) >= folds]

    @cached_property
    def _seeds(self) -> NDArray[Any]:
        return self.texts("seed")

    @cached_property
    def _folds(self) -> NDArray[Any]:
        return self.texts("fold")

    @cached_property
    def _fold_numbers(self) -> NDArray[np.float64]:
        return _numbers(self._folds)

    # ------------------------------------------------------------------------------------------------ protocols

    @cached_property
    def protocols(self) -> dict[str, Protocol]:
        """Label → protocol of those that have a study, the most recently used first.

        Two protocols may have the same readable name, for instance when the data changed. The one that came first keeps
        the plain name, so that its links stay true; later ones have the first letters of their hash after it.
        """
        members: dict[tuple[str, str], list[str]] = {}
        for run_id in reversed(self.studies):
            run = self._records[run_id]
            if run.protocol:
                members.setdefault((run.protocol, run.protocol_id), []).append(run_id)
        taken: set[str] = set()
        found = {}
        for (name, identity), studies in members.items():
            label = name if name not in taken else f"{name} · {identity[:6]}"
            taken.add(name)
            found[label] = Protocol(self, label, name, identity, tuple(reversed(studies)))
        last = {label: self.studies.index(protocol.studies[0]) for label, protocol in found.items()}
        return {label: found[label] for label in sorted(found, key=last.__getitem__)}

    def protocol_of(self, run_id: str) -> Protocol | None:
        """Return a run's protocol; None where no study of this store has it."""
        run = self.record(run_id)
        return self._by_protocol.get((run.protocol, run.protocol_id))

    @cached_property
    def _by_protocol(self) -> dict[tuple[str, str], Protocol]:
        return {(protocol.name, protocol.protocol_id): protocol for protocol in self.protocols.values()}

    @cached_property
    def times_scored(self) -> dict[str, int]:
        """Split → how many studies have scored its test samples, in whatever protocol, archived ones included.

        A record that names no split goes by its protocol.
        """
        found: dict[str, int] = {}
        scored = self.states == State.COMPLETE
        for study, places in self._children.items():
            split = self._records[study].split or self._records[study].protocol_id
            if split and (scored[places] & (self.kinds[places] == Kind.FINAL)).any():
                found[split] = found.get(split, 0) + 1
        return found

    # ---------------------------------------------------------------------------------------------------- names

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Paths of the methods of the store's studies, in the order in which they first came into it."""
        return tuple(dict.fromkeys(self._records[s].method for s in reversed(self.studies) if self._records[s].method))

    @cached_property
    def titles(self) -> dict[str, str]:
        """Run id → unique name of each study; the first study of a name keeps it, so that its links stay true."""
        taken: set[str] = set()
        found = {}
        for run_id in reversed(self.studies):
            run = self._records[run_id]
            name = run.study or run.name or f"run {run_id[:8]}"
            found[run_id] = name if name not in taken else f"{name} · {run_id[:8]}"
            taken.add(name)
        return found

    def title(self, run_id: str) -> str:
        """Return the name of a run that no other run of the store has."""
        if run_id in self.titles:
            return self.titles[run_id]
        if run_id in self._final_titles:
            return self._final_titles[run_id]
        run = self.record(run_id)
        study = self.study_of(run_id)
        return f"{self.titles[study]} · {run.what}" if study else f"{run.name or 'run'} · {run_id[:8]}"

    @cached_property
    def _final_titles(self) -> dict[str, str]:
        """Complete finals' names: their study's and their seed."""
        found: dict[str, str] = {}
        taken: set[str] = set()
        for study in self.studies:
            for run_id in self._complete.get(study, ()):
                place = self.place(run_id)
                fold = f" · fold {self._folds[place]}" if self._folds[place] else ""
                name = f"{self.titles[study]}{fold} · seed {self._seeds[place] or '?'}"
                found[run_id] = name if name not in taken else f"{name} · {run_id[:8]}"
                taken.add(name)
        return found

    def having(self, run_ids: Iterable[str], artifacts: Collection[str]) -> list[str]:
        """Return those runs that say they have one of these artifact files; all of them where none is named."""
        if not artifacts:
            return list(run_ids)
        wanted = frozenset(artifacts)
        return [run_id for run_id in run_ids if wanted & self._listed(run_id)]

    def _listed(self, run_id: str) -> frozenset[str]:
        if run_id in self._records:
            return self._records[run_id].artifacts
        value = self._artifacts[self.place(run_id)]
        read, default = records.TYPES["artifacts"]
        return default if records.unreadable("artifacts", value) else read(value) if value else default

    @cached_property
    def _artifacts(self) -> NDArray[Any]:
        return self.texts("artifacts")

    def choices(self, having: Collection[str] = ()) -> dict[str, str]:
        """Return run id → title of what can be looked at: studies, newest first, and then finals one by one.

        Archived runs are left out, and runs of which no final has one of the artifacts `having`.
        """
        shown = [study for study in self.studies if not self._records[study].archived]
        finals = {study: self.having(self._complete.get(study, ()), having) for study in shown}
        found = {study: self.titles[study] for study in shown if finals[study] or not having}
        return found | {run: self._final_titles[run] for of in finals.values() for run in of}

    def asked(self, values: Iterable[str], having: Collection[str] = ()) -> tuple[list[str], list[str]]:
        """Return the run ids that an address or a command names, and what no run is called; see `asking.asked`."""
        return asking.asked(self, values, having)

    def find(self, text: str) -> str | None:
        """Return the run that a text names: its id or the first letters, a study's name, a final's title."""
        return asking.find(self, text)

    def nearest(self, text: str, count: int = 3) -> list[str]:
        """Return names and ids that resemble a text that names no run, the most alike first."""
        return asking.nearest(self, text, count)

    # -------------------------------------------------------------------------------------------------- problems

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What could not be read in the records, a sentence a run; those values are left out."""
        found = {run_id: list(why) for run_id, why in self.runs.attrs.get(UNREADABLE, {}).items()}
        for column in (c for c in records.CHECKED if c in self.runs):
            values = self.runs[column]
            bad = {value: why for value in values.dropna().unique() if (why := records.unreadable(column, value))}
            if bad:
                for run_id in values.index[values.isin(list(bad))]:
                    found.setdefault(str(run_id), []).append(bad[values[run_id]])
        for run_id in self.runs.index[self.runs["start"].isna()]:
            found.setdefault(str(run_id), []).append(records.NO_START)
        return tuple(f"run {run_id[:8]}: {'; '.join(why)}" for run_id, why in found.items())
