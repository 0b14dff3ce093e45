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

PATIENCE = 60_000
LEVEL = "document.querySelector('.js-plotly-plot')?._fullData?.[0]?.intensity?.[17] ?? null"
"""The level of one vertex of the first face."""
TWO_FACES = "document.querySelectorAll('.js-plotly-plot .gl-container canvas').length === 2"
NAMES = [spec.name for spec in fake_meshes.STUDIES]


def test_two_models_are_two_turning_faces_whose_class_is_changed_by_hand(browser: Browser, meshes: Path):
    query = urlencode([("models", NAMES[0]), ("models", NAMES[2]), ("map", "Integrated gradients of the class")])
    with serving(meshes) as base:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        settled(page, f"{base}/activations?{query}")
        page.wait_for_function(TWO_FACES)
        before = page.evaluate(LEVEL)
        assert before is not None
        page.get_by_role("combobox", name="Class").click()
        page.get_by_role("option", name="surprise", exact=True).click()
        page.wait_for_url("**class=surprise**")
        page.wait_for_function(f"before => ![null, before].includes({LEVEL})", arg=before)
        page.wait_for_function(TWO_FACES)  # Streamlit draws new faces before it takes the old ones away
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        context.close()
