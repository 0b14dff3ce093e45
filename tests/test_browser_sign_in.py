"""Signing in to the dashboard, in a real Chromium and against a provider of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import fake_results as made
from tests import fake_store
from tests.browsing import free_port, serving, settled
from tests.oidc_stub import providing, secrets

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_a_link_survives_signing_in_and_a_stranger_sees_nothing(browser: Browser, tmp_path, monkeypatch):
    pytest.importorskip("authlib", reason="Authlib is not installed")
    pytest.importorskip("httpx", reason="httpx is not installed")
    folder = fake_store.build(tmp_path / "store", made.STUDIES[:1], trials=2, finals=1)
    run = fake_store.ids("study", made.STUDIES[0].name, 0)
    home, port = tmp_path / "home", free_port()
    (home / ".streamlit").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with providing("eve@elsewhere.org") as provider:
        text = secrets(provider, f"http://localhost:{port}", ["ann@example.org", "@lab.example.org"])
        (home / ".streamlit" / "secrets.toml").write_text(text, "utf-8")
        with serving(folder, port) as base:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.set_default_timeout(60_000)
            try:
                settled(page, f"{base}/run?runs={run[:8]}&tab=Parameters")
                assert page.locator("h1").inner_text() == "Sign in"
                assert not page.get_by_text("Leaderboard").count()
                page.get_by_role("button", name="Sign in").click()
                page.get_by_text("may not look at this dashboard").wait_for()
                assert made.STUDIES[0].name not in page.content()

                provider.email = "Bob@Lab.Example.org"
                page.get_by_role("button", name="Sign in as somebody else").click()
                page.get_by_role("button", name="Sign in", exact=True).click()
                page.wait_for_url(f"{base}/run?*tab=Parameters*")
                settled(page)
                page.get_by_text("Signed in as Bob@").wait_for()
                page.get_by_role("radio", name="Parameters", checked=True).wait_for()
                assert f"runs={run[:8]}" in page.url

                page.get_by_role("button", name="Sign out").click()
                page.get_by_role("button", name="Sign in", exact=True).wait_for()
            finally:
                context.close()
