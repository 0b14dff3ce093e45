"""The runs that a page is about: studies (all their finals) and single finals, whose names stand in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from affect import record
from dashboard import widgets
from dashboard.results import selection
from dashboard.results import study_table as studies


@dataclass(frozen=True)
class Chosen:
    """What a person chose: name → run ids (a study's finals, or one final), the run table and all finals."""

    runs: pd.DataFrame
    finals: pd.DataFrame
    rows: dict[str, list[str]]

    def having(self, artifact: str) -> dict[str, str]:
        """Return the chosen finals that have an artifact: title → run id."""
        ids = dict.fromkeys(i for of in self.rows.values() for i in of)
        titles, files = self.finals["title"].to_dict(), self.finals["artifacts"].to_dict()
        return {titles[i]: i for i in ids if artifact in files[i]}

    def first(self, artifact: str) -> dict[str, str]:
        """Return for each chosen name the final with its lowest seed that has an artifact: name → run id."""
        files, seeds = self.finals["artifacts"].to_dict(), pd.to_numeric(self.finals["seed"], errors="coerce").to_dict()
        ordered = {name: sorted(of, key=lambda i: seeds[i]) for name, of in self.rows.items()}
        found = {name: next((i for i in of if artifact in files[i]), None) for name, of in ordered.items()}
        return {name: run_id for name, run_id in found.items() if run_id is not None}

    def say(self) -> None:
        """Say whether the data is REAL or SYNTHETIC, and where the runs are of several protocols."""
        rows = self.runs.loc[[i for of in self.rows.values() for i in of]]
        widgets.data_badge([studies.flag(row, "synthetic") for _, row in rows.iterrows()])
        if rows["protocol"].nunique() > 1:
            st.caption("These runs are of different protocols: their figures stand side by side and are no ranking.")


def choose_runs(runs: pd.DataFrame, finals: pd.DataFrame, key: str) -> Chosen:
    """Let a person choose studies and single finals under `key`; the newest study where nobody chose.

    `finals` is what `selection.finals` returns and has a row. The choice may be empty.
    """
    options = selection.options(finals)
    if warning := st.session_state.pop(f"{key} warning", None):
        st.warning(warning)
    if key not in st.session_state:
        wanted = st.query_params.get_all(key)
        names, unknown = selection.asked(wanted, options, runs)
        names = names or [next(iter(options))]
        if wanted != names:
            st.query_params[key] = names
            if unknown:
                words = f"This address asks for {', '.join(unknown)}, which is not in this store."
                st.session_state[f"{key} warning"] = widgets.escape(words)
            if wanted:
                st.rerun()  # else the widget would read the old address and clear it
            st.session_state[key] = names
    picked = widgets.choose_many("Runs", list(options), key, placeholder="choose studies or single runs")
    return Chosen(runs, finals, {name: options[name] for name in picked})


def choose_part(tables: Mapping[str, pd.DataFrame] | pd.DataFrame, key: str) -> str:
    """Let a person choose a part of the split that the tables have, test first."""
    frames = [tables] if isinstance(tables, pd.DataFrame) else list(tables.values())
    parts = [p for p in reversed(record.PARTS) if any((frame["part"] == p).any() for frame in frames)]
    return widgets.choose("Part", parts, key) or "test"
