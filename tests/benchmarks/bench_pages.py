"""The server's time to draw a page again when nothing has changed, on stores of many studies.

A study has 50 trials and 3 final runs. Time is that of the process (`time.process_time`): what a page costs the server,
whatever else the machine does. There is no peer; the target is 0.15 s.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.row import Row, row
from tests.fake_store import ids, many_studies

ROOT = Path(__file__).resolve().parents[2]
SIZES = (200, 1000)
TARGET_S = 0.15
PAGES = ("overview", "leaderboard", "study", "run")
ROUNDS = 5


def rows(scale: float) -> Iterator[Row]:
    """Yield one row a page and store; a scale of 0.1 has stores of 20 and 100 studies."""
    for size in SIZES:
        studies = max(10, round(size * scale))
        with tempfile.TemporaryDirectory(prefix="affectory-bench-") as made:
            folder = many_studies(Path(made) / "store", studies)
            before = {name: os.environ.get(name) for name in ("AFFECTORY_STORE", "AFFECTORY_CACHE")}
            os.environ |= {"AFFECTORY_STORE": str(folder), "AFFECTORY_CACHE": str(Path(made) / "cache")}
            try:
                for page in PAGES:
                    first, again = reruns(page, ids("many", studies - 1, 0))
                    topic = f"pages · {page.capitalize()} again, {studies:,} studies × 50 trials × 3 finals"
                    note = f"the first visit took {first:.2f} s"
                    yield row(topic, "target of 0.15 s", again, TARGET_S, "<= 1", note=note)
            finally:
                for name, value in before.items():
                    os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def reruns(page: str, study: str) -> tuple[float, float]:
    """Return the process's seconds for the first visit of a page, and the median of later ones."""
    from streamlit.testing.v1 import AppTest

    os.chdir(ROOT)
    test = AppTest.from_file(str(ROOT / "dashboard/app.py"), default_timeout=300)
    test.switch_page(f"pages_/{page}.py")
    test.query_params["runs"] = study[:8]
    taken = []
    for _ in range(1 + ROUNDS):
        start = time.process_time()
        test.run()
        taken.append(time.process_time() - start)
        assert not test.exception, test.exception[0].message
    return taken[0], median(taken[1:])
