"""The latent page in a real Chromium: a view is reopened by its address, a dot clicked, an area circled."""

from __future__ import annotations

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

PLACE = """(row) => {
  const plot = document.querySelectorAll('.js-plotly-plot')[1], box = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  const dots = plot._fullData.find(trace => Array.from(trace.customdata || []).some(about => about[0] === row));
  const at = Array.from(dots.customdata).findIndex(about => about[0] === row);
  return [box.left + xaxis._offset + xaxis.d2p(dots.x[at]), box.top + yaxis._offset + yaxis.d2p(dots.y[at])];
}"""
"""Where the dot of a row is on the screen, in the second figure."""


@pytest.fixture(scope="module")
def server(faces) -> Iterator[str]:
    with serving(faces) as base:
        yield base


@contextmanager
def opened(browser: Browser, address: str, width: int = 1440, height: int = 1100) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(120_000)  # a busy machine takes its time for t-SNE
    try:
        settled(page, address)
        page.locator(".js-plotly-plot .gl-canvas").first.wait_for(state="attached")
        yield settled(page)
    finally:
        context.close()


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_view_with_its_clicked_and_circled_samples_is_reopened_by_its_address(browser, server):
    asked = {
        "spaces": [VANILLA, REGULARISED],
        "code": ["z_a"],
        "colour": ["arousal"],
        "projection": ["t-SNE"],
        "perplexity": ["5"],
    }
    with opened(browser, f"{server}/latent?{urlencode(asked, doseq=True)}") as page:
        page.get_by_text("t-SNE, perplexity 5").nth(1).wait_for()  # PCA is shown until it is there
        settled(page)
        page.wait_for_timeout(700)
        x, y = page.evaluate(PLACE, 30)
        page.mouse.move(x - 2, y)
        page.mouse.move(x, y)
        page.locator(".hoverlayer .hovertext").get_by_text("predicted arousal").wait_for()
        page.mouse.click(x, y)
        page.wait_for_url("**find=*")
        settled(page)
        name = query(page)["find"][0]
        page.locator("h3").get_by_text(name).wait_for()
        plot = page.locator(".js-plotly-plot").nth(1)
        plot.hover()
        plot.locator('.modebar-btn[data-title="Box Select"]').click()
        x, y = page.evaluate(PLACE, 30)
        page.mouse.move(x - 40, y - 40)
        page.mouse.down()
        page.mouse.move(x + 40, y + 40, steps=8)
        page.mouse.up()
        page.wait_for_url("**area=*")
        settled(page)
        said = page.get_by_text("samples lie inside the outline").inner_text()
        address, state = page.url, query(page)
    del asked["projection"]  # the first is the default, of which the address needs no word
    assert {key: state[key] for key in asked} == asked
    with opened(browser, address) as other:
        assert query(other) == state
        assert other.get_by_text("samples lie inside the outline").inner_text() == said
        assert other.get_by_text("t-SNE, perplexity 5").count() == 2
        other.locator("h3").get_by_text(name).wait_for()


def test_on_a_telephone_figures_stand_under_each_other_and_fit(browser, server):
    asked = urlencode({"spaces": [VANILLA, REGULARISED], "find": "person40/0.png"}, doseq=True)
    with opened(browser, f"{server}/latent?{asked}", 390, 844) as page:
        boxes = [page.locator(".js-plotly-plot").nth(i).bounding_box() for i in (0, 1)]
        assert boxes[0]["x"] == boxes[1]["x"]
        assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
        whole = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        assert all(wide <= seen for wide, seen in page.evaluate(f"{whole}.map(e => [e.scrollWidth, e.clientWidth])"))
