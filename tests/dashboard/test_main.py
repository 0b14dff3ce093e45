from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboard.__main__ import address, app
from tests import browsing, fake_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fake_store.build(tmp_path_factory.mktemp("main") / "store")


@pytest.fixture
def run(folder, monkeypatch) -> str:
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    return fake_store.ids("study", fake_store.made.STUDIES[0].name, 0)


def test_an_address_stands_below_its_base():
    assert address({"runs": ["abc123"]}, "run", "") == "http://localhost:8501/run?runs=abc123"
    below = address({"runs": ["abc", "def"]}, "errors", "https://lab.example.org/affectory/")
    assert below == "https://lab.example.org/affectory/errors?runs=abc&runs=def"


def test_link_prints_an_address_alone_and_says_beside_it_that_it_opens_only_here(run, monkeypatch):
    found = CliRunner().invoke(app, ["link", run[:8]])
    assert found.stdout == f"http://localhost:8501/run?runs={run}\n"
    assert "only on this machine" in found.stderr
    monkeypatch.setenv("AFFECTORY_URL", "https://lab.example.org")
    assert not CliRunner().invoke(app, ["link", run[:8]]).stderr


@pytest.mark.parametrize("page", ["activations", "circumplex", "compare", "errors", "latent", "run", "study"])
def test_every_page_of_runs_can_be_linked(run, page):
    found = CliRunner().invoke(app, ["link", run, "--page", page])
    assert found.stdout == f"http://localhost:8501/{page}?runs={run}\n"


def test_a_page_of_the_store_is_linked_by_the_protocol_of_a_run(run):
    for page in ("leaderboard", "data"):
        found = CliRunner().invoke(app, ["link", run, "--page", page])
        assert "synthetic_motion+%C2%B7+by+clip" in found.stdout
    assert CliRunner().invoke(app, ["link", run, "--page", "overview"]).stdout == "http://localhost:8501/\n"


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory) -> Path:
    """Return a report of two studies as the command writes it."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    studies = [spec.name for spec in fake_store.made.STUDIES if spec.method == "motion/lma_vae"][:2]
    shared = CliRunner(env={"AFFECTORY_STORE": str(folder)}).invoke(
        app, ["share", *studies, "--report", "--out", str(out)]
    )
    assert shared.exit_code == 0, shared.output
    assert "SHA-256" in shared.stdout
    return out


def test_a_report_verifies_and_one_that_was_changed_does_not(report, tmp_path):
    sound = CliRunner().invoke(app, ["verify", str(report)])
    assert sound.exit_code == 0
    assert "is as it was written: SHA-256" in sound.stdout
    changed = tmp_path / "changed.html"
    changed.write_bytes(report.read_bytes().replace(b"0.1", b"0.2", 1))
    other = tmp_path / "other.html"
    other.write_text("<html></html>")
    binary = tmp_path / "image.png"
    binary.write_bytes(b"\x89PNG\xff")
    for file, says in (
        (changed, "was changed after it was written"),
        (other, "is no file that Affectory shared"),
        (binary, "is no file that Affectory shared"),
    ):
        found = CliRunner().invoke(app, ["verify", str(file)])
        assert found.exit_code == 1
        assert says in found.stderr
        assert len(found.stderr.splitlines()) == 1
    gone = CliRunner().invoke(app, ["verify", str(tmp_path / "gone.html")])
    assert gone.exit_code == 2
    assert "No such file" in gone.stderr


def test_a_report_that_grows_says_what_is_large(run, tmp_path, monkeypatch):
    from dashboard import __main__

    monkeypatch.setattr(__main__, "LARGE", 1_000)
    found = CliRunner().invoke(app, ["share", run, "--report", "--out", str(tmp_path / "large.html")])
    assert re.search(r"Larger than most mail takes: .* takes \d+\.\d MB; ", found.stderr)


def test_a_report_has_pages_of_its_own(run):
    found = CliRunner().invoke(app, ["share", run, "--report", "--page", "errors"])
    assert found.exit_code == 2
    assert "either --report or --page" in found.stderr


def test_a_study_is_named_as_well_as_its_id(run, tmp_path):
    name = fake_store.made.STUDIES[0].name
    assert run in CliRunner().invoke(app, ["link", name]).stdout
    out = tmp_path / "out" / "study.html"
    shared = CliRunner().invoke(app, ["share", name, "--page", "run", "--page", "errors", "--out", str(out)])
    assert shared.exit_code == 0, shared.output
    assert run in out.read_text("utf-8")


def test_an_unknown_run_is_refused_with_the_nearest(run):
    wrong = fake_store.made.STUDIES[0].name + "x"
    found = CliRunner().invoke(app, ["link", wrong])
    assert found.exit_code == 2
    assert fake_store.made.STUDIES[0].name in found.output
    assert CliRunner().invoke(app, ["share", "zzzz"]).exit_code == 2
    nowhere = CliRunner().invoke(app, ["link", run, "--page", "nowhere"])
    assert nowhere.exit_code == 2
    assert "errors" in nowhere.output


def test_the_loopback_of_the_newer_protocol_is_served_too(monkeypatch):
    from streamlit.web import cli

    monkeypatch.setattr(cli, "main", lambda: None)
    monkeypatch.chdir(".")
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    found = CliRunner().invoke(app, ["serve", "--host", "::1", "--port", str(browsing.free_port())])
    assert found.exit_code == 0, found.output


def test_a_taken_port_is_said_and_no_address_is_printed():
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = CliRunner().invoke(app, ["serve", "--port", str(other.getsockname()[1])])
    assert found.exit_code == 2
    assert "choose another with --port" in found.output
    assert "Affectory is at" not in found.output
