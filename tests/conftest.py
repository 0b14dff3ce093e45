"""What every test stands on: a store and a cache of its own, one thread, and a plain reason where something is missing.

Nothing here imports the project or anything heavy, so that collecting one small test stays quick.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Before numpy or torch are imported by anything: two workers with two threads each would fight over two cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `python -m training` has it
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] = "false"

# ------------------------------------------------------------------------------------- what the machine has


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, `BROWSER_PATH` first; None where there is none."""
    names = (
        os.environ.get("BROWSER_PATH", ""),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    return next((path for name in names if name and (path := shutil.which(name))), None)


def find_postgres() -> Path | None:
    """Return the folder of PostgreSQL's server programs; Debian keeps them out of PATH. None where there is none."""
    on_path = shutil.which("initdb")
    if on_path and shutil.which("pg_ctl"):
        return Path(on_path).resolve().parent
    packaged = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(packaged, key=lambda program: int(program.parts[-3].split(".")[0]), default=None)
    return newest.parent if newest else None


def data_folder() -> Path:
    """Return the folder of real data: `AFFECTORY_DATA`, else ../shared/data beside the checkout; may not exist."""
    return Path(os.environ.get("AFFECTORY_DATA") or ROOT.parent / "shared" / "data").resolve()


MISSING = {
    "browser": lambda: (
        None if find_chromium() else "no Chromium found (apt-get install chromium, or BROWSER_PATH=FILE)"
    ),
    "postgres": lambda: None if find_postgres() else "no PostgreSQL server found (apt-get install postgresql)",
    "realdata": lambda: None if data_folder().is_dir() else f"no real data at {data_folder()} (AFFECTORY_DATA=FOLDER)",
}


LONG = (
    "test_study_killed.py",
    "test_every_method.py",
    "test_browser_access.py",
    "test_study.py",
    "test_browser.py",
    "test_cli.py",
    "test_study_restarted.py",
    "test_chaos.py",
    "test_team.py",
    "test_study_folds.py",
    "test_frame_gan.py",
    "test_docs.py",
    "test_every_page.py",
)
"""Files that take longest, in this order: they begin, so that no worker is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))
    reasons = {marker: missing() for marker, missing in MISSING.items()}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End by saying what was not run and why, one line a reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    deselecting = "slow" in terminalreporter.config.getoption("markexpr", "")
    if not reasons and not deselecting:
        return
    terminalreporter.section("not run")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4d} × {reason}")
    if deselecting:
        terminalreporter.line("   the tests marked slow (full-size networks, long fault runs): make test-all")


# ------------------------------------------------------------------------------------------------ isolation


@pytest.fixture(scope="session", autouse=True)
def _session_isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point whatever session fixtures make away from the user's store and caches.

    The cache is one for the whole run, parallel workers included: it is keyed by content, and making MLflow's tables
    anew for each test would cost seconds. A test of a cache sets AFFECTORY_CACHE itself.
    """
    base = tmp_path_factory.mktemp("isolated")
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent if parallel else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFECTORY_STORE", str(base / "store"))
        patch.setenv("AFFECTORY_CACHE", str(shared / "cache"))
        patch.setenv("XDG_CACHE_HOME", str(base / "xdg"))
        for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "OPTUNA_STORAGE", "AFFECTORY_URL"):
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(autouse=True)
def _isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a store of its own, which does not exist yet."""
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))


# ------------------------------------------------------------------------------------------- shared fixtures


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data sets (motion/, afew_va/, …); skip with the reason where there is none."""
    if reason := MISSING["realdata"]():
        pytest.skip(reason)
    return data_folder()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the Chromium that the machine has."""
    path = find_chromium()
    if path is None:
        pytest.skip(str(MISSING["browser"]()))
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Return a headless Playwright browser; a test takes `browser.new_context()` and closes it."""
    from playwright.sync_api import sync_playwright

    # a profile of its own: Chromium must not touch the one of the person who runs the tests
    with tempfile.TemporaryDirectory(prefix="affectory-chromium-") as home, sync_playwright() as playwright:
        environment = {**os.environ, "HOME": home}
        launched = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=list(BROWSER_ARGUMENTS), env=environment
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """Return the folder with initdb and pg_ctl."""
    folder = find_postgres()
    if folder is None:
        pytest.skip(str(MISSING["postgres"]()))
    return folder
