"""The Errors page in a real Chromium: what a person sorted is what the copied address shows to somebody else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

FEATURE_NAMES = """() => [...document.querySelectorAll('.js-plotly-plot')[0].querySelectorAll('.ytick text')]
    .map(t => [t.getBoundingClientRect().y, t.textContent]).sort((a, b) => a[0] - b[0]).map(pair => pair[1])"""


def shown(page: Page) -> list[str]:
    """Return the features as they stand from top to bottom in the first figure."""
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .ytick text').length > 20")
    names = page.evaluate(FEATURE_NAMES)
    assert len(names) == 27
    return names


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def wait_for_order_other_than(page: Page, before: list[str]) -> list[str]:
    page.wait_for_function(
        f"before => JSON.stringify(({FEATURE_NAMES})()) !== JSON.stringify(before)", arg=before, timeout=20_000
    )
    return shown(page)


def test_a_sorted_view_is_the_same_in_a_new_context(browser: Browser, address: str):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/errors?runs=lma-vae-latent_size-1-lma&sort=name")
    by_name = shown(page)
    assert by_name == sorted(by_name)

    choose(page, "Sort by", "MAE over range")
    by_range = wait_for_order_other_than(page, by_name)
    page.wait_for_url("**sort=MAE+over+range**")
    assert by_range[-1] == "avg_chest_pelvis_distance"
    link = page.url
    context.close()

    other = browser.new_context(viewport={"width": 390, "height": 844})
    elsewhere = other.new_page()
    elsewhere.goto(link)
    assert shown(elsewhere) == by_range
    assert elsewhere.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    other.close()


def test_an_address_of_a_run_that_is_not_there_says_so_and_becomes_one_that_can_be_shared(
    browser: Browser, address: str
):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/errors?runs=no-such-run")
    page.get_by_text("This address asks for").wait_for()
    shown(page)
    assert re.search(r"runs=[0-9a-f]{8}", page.url)
    context.close()
