"""The latent page in a real Chromium: a view is reopened by its address, and fits a telephone."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests import fake_faces
from tests.browsing import serving, settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
VANILLA, REGULARISED = (spec.name for spec in fake_faces.STUDIES)


@pytest.fixture(scope="module")
def server(faces) -> Iterator[str]:
    with serving(faces) as base:
        yield base


@contextmanager
def opened(browser: Browser, address: str, width: int = 1440, height: int = 1100) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        settled(page, address)
        page.locator(".js-plotly-plot .gl-canvas").first.wait_for(state="attached")
        yield settled(page)
    finally:
        context.close()


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_view_is_reopened_by_its_address(browser, server):
    asked = {
        "spaces": [VANILLA, REGULARISED],
        "code": ["z_a"],
        "colour": ["arousal"],
        "projection": ["UMAP"],
        "find": ["person40/0.png"],
    }
    with opened(browser, f"{server}/latent?{urlencode(asked, doseq=True)}") as page:
        assert {key: value for key, value in query(page).items() if key != "runs"} == {
            key: value for key, value in asked.items() if key != "spaces"
        }
        assert len(query(page)["runs"]) == 2
        page.locator("h2").get_by_text("person40/0.png").wait_for()
        assert page.get_by_text("UMAP, neighbours 15").count() == 2


def test_a_perplexity_that_was_not_kept_is_asked_for_by_the_address_and_pca_shown_meanwhile(browser, server):
    asked = urlencode({"spaces": REGULARISED, "code": "z_v", "colour": "valence", "perplexity": "5"})
    with opened(browser, f"{server}/latent?{asked}") as page:
        box = page.locator('[data-testid="stSelectbox"]').filter(has_text="Perplexity").locator("input")
        assert box.input_value() == "5"
        assert query(page)["perplexity"] == ["5"]
        page.get_by_text(re.compile("PCA · 288 samples|t-SNE, perplexity 5")).wait_for()


def test_on_a_telephone_figures_stand_under_each_other_and_fit(browser, server):
    asked = urlencode({"spaces": [VANILLA, REGULARISED], "find": "person40/0.png"}, doseq=True)
    with opened(browser, f"{server}/latent?{asked}", 390, 844) as page:
        boxes = [page.locator(".js-plotly-plot").nth(i).bounding_box() for i in (0, 1)]
        assert boxes[0]["x"] == boxes[1]["x"]
        assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
        whole = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        assert all(wide <= seen for wide, seen in page.evaluate(f"{whole}.map(e => [e.scrollWidth, e.clientWidth])"))
