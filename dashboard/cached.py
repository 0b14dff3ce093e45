"""The store as plain functions, read once for all sessions. The only way by which a page reads."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.store import Source, Store, locate


@st.cache_resource(show_spinner=False, max_entries=4)
def _store(source: Source) -> Store:
    return Store(source)


def store() -> Store:
    """Return the store that the environment names."""
    return _store(locate())


def probe() -> Hashable:
    """Return a value that changes whenever the store does."""
    return store().probe()


def runs() -> pd.DataFrame:
    """Return `Store.runs`: read again only where the store has changed."""
    return store().runs()


def curves(run_ids: Iterable[str]) -> pd.DataFrame:
    """Return `Store.curves`."""
    return store().curves(run_ids)


def files(run_id: str) -> list[str]:
    """Return `Store.files`."""
    return store().files(run_id)


def table(run_id: str, name: str) -> pd.DataFrame:
    """Return `Store.table`; Damaged where it cannot be read."""
    return store().table(run_id, name)


def json(run_id: str, name: str) -> Any:
    """Return `Store.json`; Damaged where it cannot be read."""
    return store().json(run_id, name)


def text(run_id: str, name: str) -> str:
    """Return `Store.text`; Damaged where it cannot be read."""
    return store().text(run_id, name)
