"""Activation maps in a real Chromium: few WebGL contexts, and a class chosen by hand stands in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests import fake_meshes
from tests.browsing import serving, settled

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

NAMES = [spec.name for spec in fake_meshes.STUDIES]


def test_two_models_are_two_turning_faces_whose_class_is_changed_by_hand(browser: Browser, meshes: Path):
    query = urlencode([("models", NAMES[0]), ("models", NAMES[2]), ("map", "Integrated gradients of the class")])
    with serving(meshes) as base:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = settled(context.new_page(), f"{base}/activations?{query}")
        page.wait_for_function("document.querySelectorAll('.js-plotly-plot .gl-container canvas').length == 2")
        levels = "[...document.querySelectorAll('.js-plotly-plot')].map(p => p.data[0].intensity?.[17])[0]"
        before = page.evaluate(levels)
        page.get_by_role("combobox", name="Class").click()
        page.get_by_role("option", name="surprise", exact=True).click()
        page.wait_for_url("**class=surprise**")
        page.wait_for_function(f"before => {levels} !== before", arg=before)
        assert page.locator(".js-plotly-plot .gl-container canvas").count() == 2
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        context.close()
