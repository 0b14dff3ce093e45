from __future__ import annotations

import re
import socket

import pytest
from typer.testing import CliRunner

from dashboard.__main__ import address, app
from tests import browsing, fake_store

RUN = "abc123"


@pytest.mark.parametrize("base", ["", "http://localhost:8501", "http://127.0.0.1:9000/"])
def test_an_address_on_this_machine_says_that_it_opens_only_here(base):
    assert "only on this machine" in address(RUN, "run", base)


def test_a_base_of_ones_own_is_used_as_it_is():
    assert (
        address(RUN, "run", "https://lab.example.org/affectory/") == "https://lab.example.org/affectory/run?run=abc123"
    )


def test_each_page_takes_a_run_by_its_own_name():
    assert address(RUN, "errors", "https://lab.example.org") == "https://lab.example.org/errors?runs=abc123"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fake_store.build(tmp_path_factory.mktemp("main") / "store")


@pytest.fixture
def run(folder, monkeypatch) -> str:
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    return fake_store.ids("study", fake_store.made.STUDIES[0].name, 0)


def test_link_and_share_take_the_first_letters_of_an_id(run, tmp_path):
    found = CliRunner().invoke(app, ["link", run[:8]])
    assert found.output.startswith(f"http://localhost:8501/run?run={run}")
    out = tmp_path / "out" / "run.html"
    shared = CliRunner().invoke(app, ["share", run[:8], "--out", str(out)])
    assert shared.exit_code == 0
    assert run in out.read_text("utf-8")


def test_an_unknown_run_is_refused_with_the_nearest(run):
    wrong = run[:-1] + ("0" if run[-1] != "0" else "1")
    found = CliRunner().invoke(app, ["link", wrong])
    assert found.exit_code == 2
    assert run in found.output
    assert CliRunner().invoke(app, ["share", "zzzz"]).exit_code == 2


def test_serving_beyond_this_machine_warns(monkeypatch):
    from streamlit.web import cli

    monkeypatch.setattr(cli, "main", lambda: None)
    monkeypatch.chdir(".")
    port = str(browsing.free_port())
    beyond = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0", "--port", port])
    assert re.search("everyone who reaches this machine", beyond.output)
    here = CliRunner().invoke(app, ["serve", "--port", port])
    assert "everyone" not in here.output
    assert f"http://127.0.0.1:{port}" in here.output


def test_a_taken_port_is_said_and_no_address_is_printed():
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = CliRunner().invoke(app, ["serve", "--port", str(other.getsockname()[1])])
    assert found.exit_code == 2
    assert "choose another with --port" in found.output
    assert "Affectory is at" not in found.output
