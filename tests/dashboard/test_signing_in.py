from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dashboard import signing_in
from dashboard.__main__ import app
from tests import browsing

AUTH = '[auth]\nclient_id = "a"\n'


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Return what writes the secrets that the dashboard reads."""
    import streamlit as st
    from streamlit import config

    file = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    st.secrets._reset()
    signing_in.allowed.cache_clear()
    monkeypatch.setattr(signing_in, "find_spec", lambda name: name)
    yield lambda text: file.write_text(text, "utf-8")
    config.set_option("secrets.files", before)
    st.secrets._reset()
    signing_in.allowed.cache_clear()


LISTED = ("ann@example.org", "@lab.example.org")


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ({"email": "ann@example.org"}, True),
        ({"email": "Ann@Example.org", "email_verified": True}, True),
        ({"email": "bob@lab.example.org"}, True),
        ({"email": "bob@example.org"}, False),
        ({"email": "eve@not-lab.example.org"}, False),
        ({"email": "eve@lab.example.org.evil.net"}, False),
        ({"email": "ann@example.org", "email_verified": False}, False),
        ({"email": "ann@example.org", "email_verified": "false"}, False),
        ({"email": "@lab.example.org"}, False),
        ({"email": None}, False),
        ({}, False),
    ],
)
def test_only_who_is_on_the_list_may_look(who, may):
    assert signing_in.may_look(who, LISTED) is may


def test_without_secrets_nobody_has_to_sign_in(secrets):
    assert signing_in.allowed() is None


def test_the_list_is_read_once_and_stays_when_the_file_goes(secrets, tmp_path):
    secrets(f'{AUTH}[sign_in]\nallowed = ["Ann@example.org", "@lab.example.org"]\n')
    assert signing_in.allowed() == LISTED
    (tmp_path / "secrets.toml").unlink()
    assert signing_in.allowed() == LISTED


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (AUTH, "found nothing"),
        (f"{AUTH}[sign_in]\nallowed = []\n", "found nothing"),
        (f'{AUTH}[sign_in]\nallowed = ["ann"]\n', "found ['ann']"),
        ("[auth\n", "is no TOML file that can be read"),
    ],
)
def test_where_it_is_unclear_who_may_look_nothing_is_served(secrets, text, says):
    secrets(text)
    found = CliRunner().invoke(app, ["serve", "--port", str(browsing.free_port())])
    assert found.exit_code == 2
    assert says in found.stderr
    assert "Affectory is at" not in found.output


def test_missing_packages_are_named(secrets, monkeypatch):
    monkeypatch.setattr(signing_in, "find_spec", lambda name: None)
    secrets(f'{AUTH}[sign_in]\nallowed = ["ann@example.org"]\n')
    with pytest.raises(ValueError, match="missing: authlib, httpx"):
        signing_in.allowed()


def test_beyond_this_machine_is_served_only_with_sign_in(secrets, monkeypatch):
    from streamlit.web import cli

    monkeypatch.setattr(cli, "main", lambda: None)
    monkeypatch.chdir(".")
    beyond = ["serve", "--host", "0.0.0.0", "--port", str(browsing.free_port())]
    refused = CliRunner().invoke(app, beyond)
    assert refused.exit_code == 2
    assert "everyone who reaches this machine could read the whole store" in refused.stderr
    assert "Affectory is at" not in refused.output
    signing_in.allowed.cache_clear()
    secrets(f'{AUTH}[sign_in]\nallowed = ["ann@example.org"]\n')
    served = CliRunner().invoke(app, beyond)
    assert served.exit_code == 0, served.output
    assert "Affectory is at http://0.0.0.0" in served.output
