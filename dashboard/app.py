"""The router: page configuration and navigation, nothing else. ``python -m dashboard`` serves it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent

st.set_page_config(page_title="Affectory", page_icon=str(HERE / "assets/mark.svg"), layout="wide")
st.logo(str(HERE / "assets/wordmark.svg"), icon_image=str(HERE / "assets/mark.svg"), size="large")


def page(name: str, title: str, default: bool = False) -> st.Page:
    """Return the page in ``pages_/<name>.py``, whose address is ``/<name>`` (or ``/`` where it is the default)."""
    return st.Page(HERE / "pages_" / f"{name}.py", title=title, url_path=name, default=default)


current = st.navigation(
    {
        "Results": [
            page("overview", "Overview", default=True),
            page("leaderboard", "Leaderboard"),
            page("study", "Study"),
            page("run", "Run"),
        ],
        "Look inside": [
            page("latent", "Latent space"),
            page("circumplex", "Circumplex"),
            page("activations", "Activation maps"),
            page("errors", "Errors"),
        ],
    }
)
st.session_state["current page"] = current.url_path
current.run()
