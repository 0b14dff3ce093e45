"""Who may look: sign-in by OpenID Connect with a list of those who may. Off unless the secrets name a provider.

Streamlit's own secrets (``.streamlit/secrets.toml`` here or in the home folder) hold both::

    [auth]                                   # as Streamlit documents it
    redirect_uri = "https://lab.example.org/oauth2callback"
    cookie_secret = "…"
    client_id = "…"
    client_secret = "…"
    server_metadata_url = "https://login.example.org/.well-known/openid-configuration"

    [sign_in]
    allowed = ["ann@example.org", "@lab.example.org"]   # persons, and all of a domain

They are read once: after a change the dashboard is started again, and a file that is damaged meanwhile opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.widgets import escape

AUTH, SECTION, ALLOWED = "auth", "sign_in", "allowed"
HOW = "README says how under Sharing results."


@lru_cache(maxsize=1)
def allowed() -> tuple[str, ...] | None:
    """Return who may look, None where nobody has to sign in. ValueError, with the reason, where that is unclear."""
    files = [Path(file) for file in st.get_option("secrets.files") or ()]
    there = [file for file in files if file.exists()]
    if not st.secrets.load_if_toml_exists():
        if there:
            raise ValueError(f"{there[0]} is no TOML file that can be read, so nobody can tell whether to sign in")
        return None
    if AUTH not in st.secrets:
        return None
    found = st.secrets[SECTION].get(ALLOWED, ()) if SECTION in st.secrets else ()
    words = [found] if isinstance(found, str) else list(found)
    if not words or any("@" not in str(word) for word in words):
        raise ValueError(
            f"the secrets have [{AUTH}] but no list of those who may look: expected [{SECTION}] with "
            f'{ALLOWED} = ["ann@example.org", "@lab.example.org"], found {words or "nothing"}'
        )
    if missing := [name for name in ("authlib", "httpx") if find_spec(name) is None]:
        raise ValueError(f"sign-in needs the packages of requirements.txt; missing: {', '.join(missing)}")
    return tuple(str(word).casefold() for word in words)


def may_look(who: Mapping[str, Any], listed: Sequence[str]) -> bool:
    """Return whether a person who has signed in is on the list. An address that is not verified never is."""
    mail = str(who.get("email") or "").casefold()
    name, _, domain = mail.rpartition("@")
    if not name or unverified(who):
        return False
    return mail in listed or f"@{domain}" in listed


def unverified(who: Mapping[str, Any]) -> bool:
    """Return whether the provider says that a person's address is not verified; some say so in text."""
    return str(who.get("email_verified", True)).casefold() == "false"


def passed() -> bool:
    """Return whether the person in front of the browser may look."""
    listed = allowed()
    return listed is None or (bool(st.user.is_logged_in) and may_look(st.user, listed))


def ask() -> None:
    """Show the page that asks to sign in, or says who is not on the list. The address is kept (assets/sign_in.js)."""
    st.set_page_config(page_title="Sign in – Affectory")
    st.html("<span data-sign-in></span>")
    if not st.user.is_logged_in:
        st.title("Sign in", anchor=False)
        st.caption("This dashboard is for people on its list. After signing in you see the page that you asked for.")
        st.button("Sign in", on_click=st.login, type="primary")
        return
    who = escape(st.user.get("email") or "This account, which has no e-mail address,")
    st.title("Not on the list", anchor=False)
    why = " Its address is not verified." if unverified(st.user) else ""
    st.error(f"{who} may not look at this dashboard.{why} Ask the person who runs it.")
    st.button("Sign in as somebody else", on_click=st.logout)


def say_who() -> None:
    """Say in the sidebar who is signed in, and offer to sign out; nothing where nobody has to sign in."""
    if allowed() is None:
        return
    with st.sidebar:
        st.html("<span data-signed-in></span>")
        st.caption(f"Signed in as {escape(st.user.get('email'))}")
        st.button("Sign out", on_click=st.logout)
