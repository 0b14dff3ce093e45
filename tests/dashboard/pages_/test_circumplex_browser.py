"""The Circumplex page in a real Chromium: the address that was copied opens the same view on a telephone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browsing import serving, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

REGULARISED, VANILLA = "face-vae-continuous-synthetic-faces", "face-vae-synthetic-faces"


def test_a_latent_circumplex_is_the_same_on_a_telephone(browser: Browser, faces):
    with serving(faces) as base:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = settled(context.new_page(), f"{base}/circumplex?fits={REGULARISED}&fits={VANILLA}")
        page.get_by_role("radio", name="Codes").or_(page.get_by_role("button", name="Codes")).first.click()
        page.get_by_role("combobox", name="Reading of the codes").click()
        page.get_by_role("option", name="linear probe of z_v and of z_a").click()
        page.wait_for_url("**reading=linear+probe*")
        settled(page)
        texts = "() => [...document.querySelectorAll('.js-plotly-plot .annotation-text')].map(t => t.textContent)"
        page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 3")
        said, link = page.evaluate(texts), page.url
        assert "happiness" in said
        context.close()

        other = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
        elsewhere = settled(other.new_page(), link)
        elsewhere.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 3")
        assert elsewhere.evaluate(texts) == said
        assert elsewhere.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        assert elsewhere.url == link
        other.close()
