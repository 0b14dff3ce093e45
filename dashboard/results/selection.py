"""Which runs can be looked at, what they are called, and what files they have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Artifact, Kind
from dashboard.results import study_table as studies

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SHOWABLE = {
    Artifact.PREDICTIONS,
    Artifact.FEATURE_ERRORS,
    Artifact.ROUND_TRIP,
    Artifact.SENSITIVITY,
    Artifact.CORRELATIONS,
    Artifact.DIAGNOSTICS,
}
"""Artifacts that the page Errors can draw."""


def listed(tag: object) -> set[str]:
    """Read the tag `artifacts`; empty where there is none or it is unreadable."""
    try:
        names = json.loads(tag) if isinstance(tag, str) else []
    except json.JSONDecodeError:
        return set()
    return {str(name) for name in names} if isinstance(names, list) else set()


def final_name(study: object, seed: object, run_id: str) -> str:
    """Return what a final run is called: its study's name and its seed."""
    known = isinstance(study, str) and study
    return f"{study} · seed {seed}" if known else f"run {run_id[:8]}"


def finals(runs: pd.DataFrame, showable: Collection[str] = SHOWABLE) -> pd.DataFrame:
    """Return the finals that have one of `showable`, newest first: run id → study, seed, title, artifacts (a set)."""
    found = studies.of_kind(runs, Kind.FINAL).sort_values("start", ascending=False, kind="stable")
    columns = [found[c] if c in found else pd.Series(None, index=found.index) for c in ("study", "seed", "artifacts")]
    table = pd.DataFrame(dict(zip(("study", "seed", "artifacts"), columns, strict=True)), index=found.index)
    table = table.astype(object)  # categories would bring along studies that are not there
    table["artifacts"] = table["artifacts"].map(listed)
    table = table[table["artifacts"].map(lambda names: bool(names.intersection(showable))).astype(bool)]
    titles = [final_name(s, n, str(i)) for i, s, n in zip(table.index, table["study"], table["seed"], strict=True)]
    table.insert(2, "title", pd.Series(titles, index=table.index, dtype=object))
    twice = table["title"].duplicated()
    table.loc[twice, "title"] += " · " + table.index[twice].str[:8]
    return table


def options(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return what can be chosen: each study (all its finals), then each final alone: name → run ids.

    `table` is what `finals` returns.
    """
    by_study = {str(name): [str(i) for i in of.index] for name, of in table.groupby("study", sort=False)}
    return by_study | {title: [str(run_id)] for run_id, title in table["title"].items()}


def asked(values: Sequence[str], known: dict[str, list[str]], runs: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Translate what an address asks for into names of `known`, and return beside them what there is not.

    An address may name an option, a final by its run id (or eight or more of its letters), or a study by its run id;
    several may stand in one value with commas between them.
    """
    names: list[str] = []
    unknown: list[str] = []
    singles = {ids[0]: name for name, ids in known.items() if len(ids) == 1 and name not in set(_study_names(runs))}
    for value in values:
        for part in [value] if value in known else [p.strip() for p in value.split(",") if p.strip()]:
            found = part if part in known else None
            if found is None and len(part) >= 8:
                found = next((name for run_id, name in singles.items() if run_id.startswith(part)), None)
            if found is None and part in runs.index:
                study = studies.text(studies.run(runs, part), "study")
                found = study if study in known else None
            (unknown if found is None else names).append(found or part)
    return list(dict.fromkeys(names)), unknown


def _study_names(runs: pd.DataFrame) -> list[str]:
    return [str(n) for n in runs["study"].dropna().unique()] if "study" in runs.columns else []
