"""The store as plain functions, read once for all sessions: the only way by which a page reads.

The run table is made again when the store's probe changes, never by the clock. What is returned is the caller's own:
changing it changes nobody else's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.keeping import Kept
from dashboard.results.index import Index
from dashboard.store import Source, Store, locate


@lru_cache(maxsize=4)
def _store(source: Source) -> Store:
    return Store(source)


def store() -> Store:
    """Return the store that the environment names."""
    return _store(locate())


def where() -> str:
    """Return where the store is, in words."""
    return store().where()


def why_empty() -> str:
    """Return `Store.why_empty`."""
    return store().why_empty()


def named_by() -> str:
    """Return `Store.named_by`."""
    return store().named_by()


def probe() -> Hashable:
    """Return a value that changes whenever the store does."""
    return store().probe()


def notice() -> str:
    """Return `Store.notice`: a sentence that a page should show, or nothing."""
    return store().notice


def index() -> Index:
    """Return the runs by study and protocol, made once per snapshot of the store and shared: change nothing in it."""
    found = store()
    return _index(found, found.source, found.probe())


@st.cache_resource(show_spinner=False, max_entries=2)
def _index(_from: Store, source: Source, probed: Hashable) -> Index:
    return Index(_from.runs())


def curves(run_ids: Iterable[str]) -> pd.DataFrame:
    """Return `Store.curves`; those of ended runs are read once."""
    return store().curves(run_ids)


def files(run_id: str) -> list[str]:
    """Return `Store.files`."""
    return store().files(run_id)


_tables: Kept[pd.DataFrame] = Kept(512 * 2**20)
"""Tables of artifacts, by what names them and their content."""


def table(run_id: str, name: str) -> pd.DataFrame:
    """Return `Store.table`; Damaged where it cannot be read."""
    found = store()
    key = (found.source, run_id, name, found.stamp(run_id, name))
    size = lambda made: int(made.memory_usage(deep=True).sum())  # noqa: E731
    return _tables.get(key, lambda: found.table(run_id, name), size).copy(deep=False)


def stamp(run_id: str, name: str) -> Hashable:
    """Return `Store.stamp`; Damaged where there is no such file."""
    return store().stamp(run_id, name)


def json(run_id: str, name: str) -> Any:
    """Return `Store.json`; Damaged where it cannot be read."""
    return store().json(run_id, name)


def text(run_id: str, name: str) -> str:
    """Return `Store.text`; Damaged where it cannot be read."""
    return store().text(run_id, name)
