"""One odd run takes no page away from anybody: its values are left out and named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from affect import record
from dashboard.views import view
from tests.fake_store import Writer, ids

if TYPE_CHECKING:
    from tests.dashboard.conftest import Visit

ODD = {
    "settings": "[1]",
    "groups": "[1]",
    "targets": "5",
    "labels": "3",
    "classes": '"x"',
    "machine": "null",
    "weights": "[" * 4000,
    "objectives": '["nothing"]',
    "artifacts": "{",
    "trial": "9" * 5000,
    "seed": "many",
    "deadline": "1e300",
    "repeats": "-1e400",
    "state": "sleeping",
}


@pytest.fixture
def odd(own: Path) -> Path:
    """Return a store with a study, a final and a trial whose tags and times are all odd, and a bare foreign study."""
    with Writer(own) as writer:
        place = writer.experiment("odd · by clip · P A D")
        study = ids("odd study")
        for kind, parent in (("study", None), ("final", study), ("trial", study)):
            run = study if kind == "study" else ids("odd", kind)
            tags = ODD | {"kind": kind, "study": "odd", "method": "motion/odd", "dataset": "lma", "protocol": "odd"}
            writer.run(place, run, f"odd {kind}", tags, {}, {"test/mae/all": float("inf")}, None, parent)
        writer.connection.execute("UPDATE runs SET start_time = ?, end_time = -? WHERE name LIKE 'odd %'", [10**18] * 2)
        writer.run(place, ids("bare"), "bare", {"kind": "study"})
    assert record.tag("kind")
    return own


@pytest.mark.parametrize("page", view.names())
def test_every_page_is_there_beside_an_odd_run(odd: Path, visit: Visit, page: str):
    shown = visit(page)
    assert not shown.exception
    errors = [alert.value for alert in shown.error]
    assert not [text for text in errors if "fault" in text.lower() or "Traceback" in text], errors


@pytest.mark.parametrize("page", ["run", "study"])
def test_an_odd_run_has_a_page_of_its_own(odd: Path, visit: Visit, page: str):
    shown = visit(page, runs=ids("odd study")[:8])
    assert not shown.exception
    assert not [alert.value for alert in shown.error if "Traceback" in alert.value]
