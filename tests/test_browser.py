"""The dashboard in a real Chromium: clicks, addresses, widths, and what the browser asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from affect import record
from tests import fake_results as made
from tests import fake_store
from tests.browsing import serving, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30_000
RECONSTRUCTED = "synthetic_motion · by clip · 27 features reconstructed"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_store.build(tmp_path_factory.mktemp("browser") / "store")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with serving(folder) as base:
        yield base


@contextmanager
def fresh(browser: Browser, width: int = 1440, height: int = 900) -> Iterator[Page]:
    """Yield a page of a browser that has never been here; fail where it logged an error or asked another host."""
    context = browser.new_context(viewport={"width": width, "height": height}, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    asked: set[str] = set()

    def note(message: object) -> None:
        where = str(getattr(message, "location", {}).get("url", ""))
        # below a deep address Streamlit looks for itself in the wrong place first, and goes on
        if getattr(message, "type", "") == "error" and "/_stcore/" not in where:
            errors.append(f"{getattr(message, 'text', '')} {where}")

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or ""))
    try:
        yield page
    finally:
        context.close()
    assert not errors
    assert asked <= {"localhost", ""}, "the dashboard asked a host that is not its own"


def query(page: Page) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_click_on_the_leaderboard_opens_a_run_whose_address_shows_it_to_others(browser, server):
    with fresh(browser) as page:
        settled(page, f"{server}/leaderboard?{urlencode({'protocol': RECONSTRUCTED})}")
        table = page.locator('[data-testid="stDataFrame"]').first
        table.scroll_into_view_if_needed()
        # the first row of the table, which is drawn on a canvas: below the header
        table.click(position={"x": 120, "y": 35 + 17})
        page.wait_for_url(re.compile(r"/run\?"))
        settled(page)
        title, run = page.locator("h1").inner_text(), query(page)["runs"]
        assert "latent size 8" in title  # the best of its protocol
        address = page.url
    with fresh(browser) as other:
        settled(other, address)
        assert other.locator("h1").inner_text() == title
        assert query(other)["runs"] == run
        assert other.get_by_text("SYNTHETIC data", exact=True).count() == 1
        other.locator(".js-plotly-plot").first.wait_for()


def test_a_leaderboards_address_has_its_filters_and_shows_them_to_others(browser, server):
    with fresh(browser) as page:
        settled(page, f"{server}/leaderboard?{urlencode({'protocol': RECONSTRUCTED})}")
        page.locator('[data-testid="stSelectbox"]').filter(has_text="Metric").locator("input").click()
        page.get_by_role("option", name="CCC").click()
        page.wait_for_url(re.compile("metric=CCC"))
        settled(page)
        page.get_by_text("archived runs too").click()
        page.wait_for_url(re.compile("archived=true"))
        address = settled(page).url
    with fresh(browser) as other:
        settled(other, address)
        assert query(other) == {
            "protocol": RECONSTRUCTED,
            "metric": "CCC",
            "archived": "true",
        }
        other.locator(".xtitle").filter(has_text="test CCC").wait_for()


def test_a_link_made_before_a_newer_protocol_was_added_still_shows_the_old_one(browser, tmp_path):
    """The store grows while the dashboard runs; it is another one than the other tests'."""
    store = fake_store.build(tmp_path / "grows", studies=made.STUDIES[:1])
    with serving(store) as base:
        with fresh(browser) as page:
            settled(page, f"{base}/leaderboard")  # no protocol asked for: the newest is taken and written down
            page.wait_for_url(re.compile("protocol="))
            address, old = page.url, query(page)["protocol"]
        fake_store.build(store, studies=made.STUDIES[1:3], seed=1)  # the second one begins an hour later
        with fresh(browser) as page:
            settled(page, f"{base}/leaderboard")
            page.wait_for_url(re.compile("protocol="))
            assert query(page)["protocol"] != old
        with fresh(browser) as page:
            settled(page, address)
            assert query(page)["protocol"] == old
            box = page.locator('[data-testid="stSelectbox"]').filter(has_text="Protocol").locator("input")
            assert box.input_value() == old


def test_going_back_from_a_run_shows_the_leaderboard_as_it_was(browser, server):
    with fresh(browser) as page:
        chosen = {"protocol": RECONSTRUCTED, "metric": "CCC", "target": "neck speed"}
        settled(page, f"{server}/leaderboard?{urlencode(chosen)}")
        table = page.locator('[data-testid="stDataFrame"]').first
        table.scroll_into_view_if_needed()
        table.click(position={"x": 120, "y": 35 + 17})
        page.wait_for_url(re.compile(r"/run\?"))
        settled(page)
        assert set(query(page)) == {"runs"}  # the run page has a target of its own
        page.go_back()
        page.wait_for_url(re.compile("/leaderboard"))
        settled(page)
        page.locator(".xtitle").filter(has_text="test CCC, neck speed").wait_for()
        assert query(page) == chosen


SHIFTS = """window.shifted = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (!entry.hadRecentInput) window.shifted += entry.value;
})).observe({ type: "layout-shift", buffered: true });"""


def test_the_overview_follows_a_running_study_by_itself(browser, tmp_path):
    store = fake_store.build(tmp_path / "live", studies=made.STUDIES[-1:])
    study = fake_store.ids("study", made.STUDIES[-1].name, 0)
    with serving(store) as base, fresh(browser) as page:
        page.add_init_script(SHIFTS)
        settled(page, f"{base}/")
        page.get_by_text("4 of 8 trials").wait_for()
        page.wait_for_timeout(1000)
        page.evaluate("window.shifted = 0")  # what follows happens while a person reads
        drawn = page.locator("h1").element_handle()
        with fake_store.Writer(store) as writer:
            writer.tags(study, {record.tag("trials_total"): "16"})
        page.get_by_text("4 of 16 trials").wait_for()
        assert page.evaluate("window.shifted") < 0.1
        # nothing else was drawn again
        assert drawn.evaluate("element => element.isConnected")
        # a study that begins while the page is open
        fake_store.build(store, studies=made.STUDIES[-1:], seed=1)
        page.wait_for_function("document.querySelectorAll('[data-testid=stProgress]').length === 2")
        with fake_store.Writer(store) as writer:
            writer.tags(fake_store.ids("study", made.STUDIES[-1].name, 1), {record.tag("state"): "complete"})
        with fake_store.Writer(store) as writer:
            writer.tags(study, {record.tag("state"): "complete"})
        page.get_by_text("No study is running.").wait_for()


PATHS = ("/", "/leaderboard", "/leaderboard?layout=As+a+table", "/study", "/run?run=RUN", "/errors")


@pytest.mark.parametrize("path", PATHS)
def test_on_a_telephone_nothing_is_wider_than_the_screen(browser, server, path):
    run = fake_store.ids("study", made.STUDIES[2].name, 0)
    with fresh(browser, 390, 844) as page:
        settled(page, server + path.replace("RUN", run))
        page.wait_for_timeout(500)
        whole = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        widths = page.evaluate(f"{whole}.map(e => [e.scrollWidth, e.clientWidth])")
        assert all(scroll <= client for scroll, client in widths)
        beyond = page.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] h1, [data-testid=stMain] p, .js-plotly-plot')]"
            ".filter(e => e.offsetParent && !e.closest('[role=tablist]'))"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.innerText)"
        )
        assert not beyond


def test_the_table_of_a_run_can_be_taken_as_csv_and_its_figure_as_svg(browser, server):
    run = fake_store.ids("study", made.STUDIES[0].name, 0)
    with fresh(browser) as page:
        settled(page, f"{server}/run?run={run}")
        page.get_by_text("Commands", exact=True).wait_for()  # the foot of the page: all above it is drawn
        page.get_by_text("Table and downloads").first.click()
        take = page.locator('[data-testid="stDownloadButton"]').get_by_text("CSV").first
        take.evaluate("button => button.scrollIntoView({block: 'center'})")
        settled(page)  # figures that come into sight are drawn, and move what is below them
        with page.expect_download() as csv:
            take.click()
        assert Path(csv.value.path()).read_text("utf-8").startswith("sample,group,label,true,pred,error")
        with page.expect_download(timeout=60_000) as svg:
            page.locator('[data-testid="stDownloadButton"]').get_by_text("SVG").first.click()
        assert "truth, pleasure" in Path(svg.value.path()).read_text("utf-8")


def test_a_report_opens_offline_asks_for_nothing_and_its_figures_answer(browser, folder, tmp_path):
    from dashboard import report
    from dashboard.results.index import Index
    from dashboard.store import Source, Store

    file = tmp_path / "report.html"
    grid = [spec for spec in made.STUDIES if spec.method == "motion/lma_vae" and "synthetic" in spec.name]
    store = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    ids = [fake_store.ids("study", spec.name, 0) for spec in grid]
    file.write_text(report.file(Index(store.runs()), store, ids), "utf-8")
    with fresh(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.context.set_offline(True)
        page.goto(file.as_uri())
        assert page.locator("h1").inner_text() == f"Report: {len(grid)} studies"
        page.locator("nav").get_by_text("Errors").click()
        page.wait_for_url(re.compile("#chapter-4"))
        page.locator("#chapter-4 .figure").first.scroll_into_view_if_needed()
        page.locator("#chapter-4 .js-plotly-plot").first.wait_for()
        # a figure answers: a box that is drawn in it becomes its range
        plot = page.locator("#figure-1")
        plot.scroll_into_view_if_needed()
        plot.locator(".nsewdrag").first.wait_for(state="attached")
        before = page.evaluate("document.getElementById('figure-1').layout.xaxis.range")
        box = plot.locator(".nsewdrag").first.bounding_box()
        page.mouse.move(box["x"] + 50, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 250, box["y"] + 80, steps=5)
        page.mouse.up()
        page.wait_for_function(
            "before => document.getElementById('figure-1').layout.xaxis.range[0] > before[0]", arg=list(before)
        )
        assert {address.partition("#")[0] for address in asked} == {file.as_uri()}


def test_each_view_is_one_step_back_and_the_first_is_not_skipped(browser, server):
    study = fake_store.ids("study", made.STUDIES[0].name)
    with fresh(browser) as page:
        settled(page, f"{server}/study?runs={study[:8]}")
        views = ["Parameters", "Trials", "Epochs"]
        for name in views:
            page.get_by_test_id("stMain").get_by_text(name, exact=True).first.click()
            page.wait_for_url(re.compile(rf"[?&]view={name}"))
            settled(page)
        for name in (*views[-2::-1], ""):
            page.go_back()
            page.wait_for_function(
                "name => (new URLSearchParams(location.search).get('view') || '') === name", arg=name
            )
            settled(page)
            page.get_by_role("radio", name=name or "Progress", checked=True).wait_for()


def test_what_a_stranger_asks_is_answered_within_three_clicks(browser, server):
    """The guide for the supervisor promises each of these ways."""
    with fresh(browser) as page:
        main = page.get_by_test_id("stMain")
        settled(page, f"{server}/")
        page.get_by_test_id("stSidebarNav").get_by_text("Leaderboard").click()
        main.get_by_text(
            re.compile("has the best test .*(significantly worse|cannot be told apart|only study)")
        ).wait_for()

        settled(page, f"{server}/leaderboard?{urlencode({'protocol': RECONSTRUCTED})}")
        main.get_by_text(re.compile("Compare the first")).click()
        page.wait_for_url(re.compile("/compare"))
        settled(page)
        page.get_by_role("radio", name="What differs", checked=True).wait_for()
        main.locator('[data-testid="stDataFrame"]').first.wait_for()

        settled(page, f"{server}/leaderboard?{urlencode({'protocol': RECONSTRUCTED})}")
        table = page.locator('[data-testid="stDataFrame"]').first
        table.scroll_into_view_if_needed()
        table.click(position={"x": 120, "y": 35 + 17})
        page.wait_for_url(re.compile(r"/run\?"))
        settled(page)
        main.get_by_text("Search", exact=True).click()
        page.wait_for_url(re.compile(r"/study\?"))
        settled(page)
        main.get_by_text(re.compile(r"on validation, against .* of the defaults|the defaults themselves")).wait_for()
