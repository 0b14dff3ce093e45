"""What a page is without a mouse: reached by Tab, read by its title, and nothing serious found by axe-core."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dashboard.views import view
from tests import fake_faces, fake_meshes, fake_store
from tests import fake_results as made
from tests.browsing import serving, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PAGES = view.names()
ADDRESS = {"overview": "", "leaderboard": "leaderboard"}
LIVE = made.STUDIES[-1].name


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    studies = (fake_faces.STUDIES[1], fake_meshes.STUDIES[0], made.STUDIES[0], made.STUDIES[-1])
    folder = fake_store.build(tmp_path_factory.mktemp("access") / "store", studies, trials=4, finals=1)
    with serving(Path(folder)) as base:
        yield base


@contextmanager
def opened(browser: Browser, address: str, scheme: str = "light") -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(90_000)
    try:
        yield settled(page, address)
    finally:
        context.close()


def address(base: str, page: str) -> str:
    return f"{base}/{ADDRESS.get(page, page)}"


def test_every_page_has_a_title_of_its_own_in_the_browser(browser, server):
    titles = {}
    with opened(browser, server) as page:
        for name in PAGES:
            settled(page, address(server, name))
            page.wait_for_function("document.title.includes(' – Affectory')")
            titles[name] = page.title()
    assert len(set(titles.values())) == len(PAGES), titles
    assert " on synthetic_" in titles["run"]


@pytest.mark.parametrize("name", ["overview", "leaderboard", "run", "study"])
def test_tab_never_leaves_a_page(browser, server, name):
    """The pages that have tables whose rows open others."""
    query = {"study": "?view=Trials", "run": "?tab=Runs"}.get(name, "")
    with opened(browser, address(server, name) + query) as page:
        page.locator('[class*="st-key-rows_"] canvas').first.wait_for(state="attached")
        grids = set()
        for _ in range(70):
            page.keyboard.press("Tab")
            page.wait_for_timeout(40)
            grids.add(page.evaluate("document.activeElement.closest('[class*=st-key-rows_]')?.className ?? ''"))
        page.wait_for_timeout(1500)
        assert urlsplit(page.url).path == urlsplit(address(server, name) + "/").path.rstrip("/") or name == "overview"
        assert urlsplit(page.url).path in ("/", f"/{name}")
        assert len(grids) > 1  # it has been in a table


def test_enter_opens_the_row_that_has_the_focus(browser, server):
    with opened(browser, server) as page:
        page.locator(".st-key-rows_newest canvas").first.focus()
        page.locator(".st-key-open_newest a").wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/run?**")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(browser, server, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    with opened(browser, address(server, name), scheme) as page:
        page.wait_for_timeout(1500)
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    # what Streamlit's own parts bring along, and no page can change
    ours = {
        one["id"]: [node["html"][:160] for node in one["nodes"] if not streamlits(one["id"], node)] for one in serious
    }
    assert not {rule: nodes for rule, nodes in ours.items() if nodes}


def streamlits(rule: str, node: dict) -> bool:
    """Return whether an offence lies in a part of Streamlit's frame that a page has no hold of."""
    html = node["html"]
    return rule in FRAME and any(mark in html or mark in str(node["target"]) for mark in FRAME[rule])


FRAME: dict[str, tuple[str, ...]] = {}


WORDS = """[...document.querySelectorAll('[data-testid=stMain] :is(h1, h2, p, label, [role=radio][aria-checked=true])')]
.filter(e => e.offsetParent && !/ ago|seconds?\\b|elapsed/.test(e.innerText)).map(e => e.innerText)"""


def choose_last(page: Page, has_views: bool) -> None:
    """Choose what stands last: the page's last view, and of its first box the last option."""
    if has_views:
        page.locator('[data-testid="stMain"] [data-testid="stButtonGroup"] [role="radio"]').last.click()
        settled(page)
    boxes = page.locator('[data-testid="stMain"] [data-testid="stSelectbox"] input')
    if boxes.count():
        boxes.first.focus()
        page.keyboard.press("ArrowDown")  # opens the list
        page.wait_for_timeout(400)
        if page.get_by_role("option").count():  # a box that is being drawn anew has closed it
            page.keyboard.press("ArrowUp")  # from the first to the last
            page.keyboard.press("Enter")
        settled(page)


def test_the_copied_link_of_every_page_opens_what_was_chosen_on_it(browser, server):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["clipboard-read"])
    page, other = context.new_page(), context.new_page()
    page.set_default_timeout(60_000)
    other.set_default_timeout(60_000)
    try:
        for name in PAGES:
            page.bring_to_front()
            settled(page, address(server, name))
            loaded = view.load(name)
            choose_last(page, has_views=len(loaded.views) > 1 and not loaded.stacked)
            before = ""
            while before != page.url:  # what follows from a choice is written into the address after it
                before = page.url
                page.wait_for_timeout(600)
                settled(page)
            page.locator("[data-link-below]").click()
            page.get_by_text("Copied: opens only on this machine").wait_for()
            link = page.evaluate("navigator.clipboard.readText()")
            assert link == page.url
            settled(other, link)
            assert other.url == link
            assert not other.get_by_text("This address asks for").count()
            # what a view before has left on a page goes a moment after the new one has been drawn
            for _ in range(40):
                if other.evaluate(WORDS) == page.evaluate(WORDS):
                    break
                page.wait_for_timeout(250)
            assert other.evaluate(WORDS) == page.evaluate(WORDS), name
    finally:
        context.close()


def test_a_chart_says_in_words_what_it_shows(browser, server):
    with opened(browser, f"{server}/run") as page:
        page.locator(".js-plotly-plot").first.wait_for()
        labels = page.locator('[data-testid="stPlotlyChart"]').evaluate_all("all => all.map(e => e.ariaLabel)")
        assert labels
        assert all(labels)


def test_a_click_on_a_sample_without_an_image_says_so(browser, server):
    name = fake_faces.STUDIES[1].name
    where = (
        "() => { const p = document.querySelector('.js-plotly-plot'), l = p._fullLayout, t = p._fullData[0];"
        " const r = p.getBoundingClientRect();"
        " return [r.x + l.xaxis._offset + l.xaxis.l2p(t.x[0]), r.y + l.yaxis._offset + l.yaxis.l2p(t.y[0])]; }"
    )
    with opened(browser, f"{server}/latent?runs={name}&code=z_v&colour=valence") as page:
        page.locator(".js-plotly-plot .gl-canvas").first.wait_for(state="attached")
        page.wait_for_timeout(1000)
        x, y = page.evaluate(where)
        page.mouse.move(x, y)
        page.wait_for_timeout(300)
        page.mouse.click(x, y)
        page.wait_for_url("**find=**")
        settled(page)
        page.get_by_text("No image of this sample is stored.").wait_for()
        assert page.locator("h2").filter(has_text=".png").count() == 1
        page.get_by_text("Share as one file").wait_for()


def test_two_chosen_runs_stay_chosen_from_page_to_page(browser, server):
    names = [fake_faces.STUDIES[1].name, made.STUDIES[0].name]
    chips = ".react-aria-ComboBox [data-tag]"
    with opened(browser, f"{server}/errors?runs={names[0]}&runs={names[1]}") as page:
        page.locator(chips).nth(1).wait_for()
        for title in ("Circumplex", "Run"):
            # "Run" stands in "Runs" as well
            page.locator('[data-testid="stSidebarNavLink"]').get_by_text(title, exact=True).click()
            page.wait_for_url(f"**/{title.lower()}?**")
            settled(page)
            page.locator(chips).nth(1).wait_for()
            assert page.locator(chips).all_inner_texts() == names
        link = page.url
    with opened(browser, link) as other:
        other.locator(chips).nth(1).wait_for()
        assert other.locator(chips).all_inner_texts() == names


@pytest.fixture
def running(tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """Return a store with a study that runs, and what adds an epoch to the trial that runs."""
    store = fake_store.build(tmp_path / "live", studies=made.STUDIES[-1:])
    rows = "SELECT m.run_uuid, key, max(step) FROM metrics m JOIN runs r ON r.run_uuid = m.run_uuid "
    rows += "AND r.status = 'RUNNING' WHERE key LIKE 'curve/val/%' GROUP BY 1, 2"
    with sqlite3.connect(store / "mlflow.db") as opened_store:
        run, key, step = opened_store.execute(rows).fetchone()
        opened_store.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", (int(time.time() * 1000), run))

    def add_epoch() -> None:
        with sqlite3.connect(store / "mlflow.db") as opened_store:
            values = (key, int(time.time() * 1000), step + 1, run)
            words = "INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, .3, ?, ?, 0, ?)"
            opened_store.execute(words, values)

    return store, add_epoch


MARK = "document.querySelector('.js-plotly-plot').dataset.mark = 'old'"
DRAWN_ANEW = "!document.querySelector('.js-plotly-plot').dataset.mark"


def test_a_zoom_stays_while_a_study_runs(browser, running):
    store, add_epoch = running
    ranges = "() => document.querySelector('.js-plotly-plot').layout.xaxis.range.map(v => +v.toFixed(2))"
    with serving(store) as base, opened(browser, f"{base}/study?view=Epochs") as page:
        box = page.locator(".js-plotly-plot .nsewdrag").first
        box.wait_for(state="attached")
        page.wait_for_timeout(1000)
        place = box.bounding_box()
        assert place is not None
        page.mouse.move(place["x"] + place["width"] * 0.3, place["y"] + place["height"] * 0.4)
        page.mouse.down()
        page.mouse.move(place["x"] + place["width"] * 0.7, place["y"] + place["height"] * 0.8, steps=8)
        page.mouse.up()
        page.wait_for_url("**zoom=**")
        zoomed = page.evaluate(ranges)
        page.evaluate(MARK)
        add_epoch()
        page.wait_for_function(DRAWN_ANEW)
        page.wait_for_function(f"before => JSON.stringify(({ranges})()) === JSON.stringify(before)", arg=zoomed)


def test_a_trace_hidden_by_the_legend_stays_hidden_while_a_study_runs(browser, running):
    """Field case 18's kind: what a person did in a figure outlives its next drawing."""
    store, add_epoch = running
    hidden = "document.querySelector('.js-plotly-plot').data.filter(t => t.visible === 'legendonly').map(t => t.name)"
    with serving(store) as base, opened(browser, f"{base}/study?view=Epochs") as page:
        page.locator(".legendtoggle").nth(1).click()
        page.wait_for_function(f"{hidden}.length === 1")
        name = page.evaluate(hidden)
        page.evaluate(MARK)
        add_epoch()
        page.wait_for_function(DRAWN_ANEW)
        page.wait_for_function(f"name => JSON.stringify({hidden}) === JSON.stringify(name)", arg=name)
