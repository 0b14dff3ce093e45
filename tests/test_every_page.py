"""Every page on an empty store, on one with results, and on a damaged one; and that its address is its state."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.store import Source, Store
from dashboard.views import view
from tests import fake_meshes, fake_store
from training import registry

ROOT = Path(__file__).resolve().parent.parent
PAGES = view.names()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    studies = (fake_meshes.STUDIES[0], *fake_store.made.STUDIES)  # motion is the newest
    return fake_store.build(tmp_path_factory.mktemp("pages") / "store", studies)


def open_page(page: str, **query: str | list[str]) -> AppTest:
    """Open a page as a browser does that was given its address."""
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=60)
    app.switch_page(f"pages_/{page}.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def words(app: AppTest) -> str:
    """Return all that a page says outside of its tables and figures."""
    kinds = ("title", "header", "markdown", "caption", "text", "code", "info", "warning", "error", "metric")
    found = [str(e.label if kind == "metric" else e.value) for kind in kinds for e in app.get(kind)]
    return "\n".join(found).replace("\\", "").replace("\u2060", "")  # as Markdown shows it


def table_of(folder: Path) -> pd.DataFrame:
    return Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder)).runs().wide()


def study_id(number: int) -> str:
    return fake_store.ids("study", fake_store.made.STUDIES[number].name, 0)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_a_title_a_sentence_and_views(page):
    loaded = view.load(page)
    assert loaded.title
    assert loaded.how.endswith(".")
    assert loaded.views
    source = (ROOT / "dashboard" / "pages_" / f"{page}.py").read_text("utf-8")
    assert "streamlit" not in source
    assert f'show("{page}")' in source


def test_every_page_has_a_place_of_its_own():
    places = Counter((view.load(page).group, view.load(page).place) for page in PAGES)
    assert max(places.values()) == 1


def questions(tree: ast.AST) -> set[str]:
    """Return the keys under which a module's questions stand in the address."""
    place = {"one": 2, "many": 2, "switch": 1, "text": 1, "range": 3, "word": 0}
    found = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        at = place.get(name.removeprefix("ask.")) if name.startswith("ask.") else None
        at = 2 if name in ("questions.part", "questions.target") else at
        if at is not None and isinstance(call.args[at], ast.Constant):
            found.add(call.args[at].value)
    return found


def test_no_two_pages_keep_a_choice_under_the_same_key():
    """When the browser goes back, Streamlit drops from an address what a widget of another page is bound to."""
    keys: dict[str, set[str]] = {}
    for page in PAGES:
        tree = ast.parse((ROOT / "dashboard" / "pages_" / f"{page}.py").read_text("utf-8"))
        for key in questions(tree) | {view.load(page).key} - {"view"}:
            keys.setdefault(key, set()).add(page)
    assert {"protocol", "truth", "metric", "code"} <= set(keys)
    assert not {key: sorted(where) for key, where in keys.items() if len(where) > 1}


@pytest.mark.parametrize("page", PAGES)
def test_on_an_empty_store_every_page_says_where_it_is_and_names_the_command_that_fills_it(page):
    app = open_page(page)
    assert app.title
    assert f"There is no folder {os.environ['AFFECTORY_STORE']}" in words(app)
    assert "AFFECTORY_STORE points to it" in words(app)
    assert app.code[0].value == "source .venv/bin/activate\npython -m training demo"


def test_the_overview_of_an_empty_store_lists_a_study_of_each_family():
    commands = [shlex.split(line) for line in open_page("overview").code[1].value.splitlines()]
    assert {command[4].partition("/")[0] for command in commands} == {
        name.partition("/")[0] for name in registry.methods()
    }
    for command in commands:
        assert command[:4] == ["python", "-m", "training", "study"]
        assert command[4] in registry.methods()
        assert registry.dataset(command[6])


def test_an_empty_store_fills_its_page_by_itself(tmp_path, monkeypatch):
    folder = tmp_path / "grows"
    folder.mkdir()
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    app = open_page("run")
    assert f"The folder {folder} holds no store: it has no mlflow.db." in words(app)
    fake_store.build(folder, fake_store.made.STUDIES[:1])
    app.run()
    assert "holds no store" not in words(app)
    assert app.get("plotly_chart")


@pytest.mark.parametrize("page", ["overview", "run"])
@pytest.mark.parametrize(
    ("variable", "place", "expected"),
    [
        ("AFFECTORY_STORE", "{tmp}/file", "The store cannot be read: {tmp}/file/mlflow.db: {tmp}/file is no folder."),
        ("MLFLOW_TRACKING_URI", "http://127.0.0.1:9", "http://127.0.0.1:9: the server does not answer (Connection ref"),
        ("MLFLOW_TRACKING_URI", "postgresql://127.0.0.1:9/a", "127.0.0.1:9/a: the server does not answer (connection"),
    ],
)
def test_a_store_that_cannot_be_reached_is_named_once(page, variable, place, expected, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(variable, place.format(tmp=tmp_path))
    app = open_page(page)
    assert app.title
    assert len(app.error) == 1
    assert expected.format(tmp=tmp_path) in words(app)
    assert f"The environment variable {variable} points to it." in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_on_a_store_with_results_a_page_shows_them_and_says_what_data_they_are_of(page, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    app = open_page(page)
    assert app.title
    assert app.caption  # how to read it
    assert re.search(r"\b(SYNTHETIC|REAL) data", words(app))
    assert app.get("plotly_chart") or app.dataframe
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_link_and_the_commands_for_notes_tags_and_files(page, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    monkeypatch.setenv("AFFECTORY_URL", 'https://lab.example.org/"affectory')
    app = open_page(page)
    assert any(
        'data-link-below="https://lab.example.org/&quot;affectory"' in html.proto.body for html in app.get("html")
    )
    commands = "\n".join(code.value for code in app.code)
    for command in ("training note", "training tag", "dashboard share", "dashboard link"):
        run = study_of(app) if view.load(page).looks_at == "runs" else "RUN"
        assert f"python -m {command} {run} " in commands


def study_of(app: AppTest) -> str:
    runs = app.query_params["runs"]
    return runs if isinstance(runs, str) else " ".join(runs[:1])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opened_by_its_own_address_shows_the_same_again(page, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    first = open_page(page)
    query = dict(first.query_params)
    second = open_page(page, **query)
    assert dict(second.query_params) == query
    assert words(second) == words(first)
    assert [box.value for box in second.selectbox] == [box.value for box in first.selectbox]


@pytest.mark.parametrize("page", [page for page in PAGES if view.load(page).looks_at == "runs"])
def test_two_chosen_runs_are_both_shown(page, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    two = {
        "latent": ["lma-vae-latent_size-2-synthetic-motion", "lma-vae-latent_size-4-synthetic-motion"],
        "activations": [fake_meshes.STUDIES[0].name] * 2,
    }.get(page, [fake_store.made.STUDIES[0].name, fake_store.made.STUDIES[1].name])
    app = open_page(page, runs=two)
    shown = app.multiselect(key="runs box").value
    assert len(shown) == len(set(two))
    assert not app.error
    if page not in ("study", "activations"):
        # pandas shortens long names, unless it is asked for the whole table
        tables = "".join(table.value.to_string() for table in app.dataframe)
        assert all(name in words(app) + tables for name in set(two))


def test_the_leaderboard_shows_what_its_address_says(results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    protocol = "synthetic_motion · by clip · 27 features from P A D"
    app = open_page("leaderboard", protocol=protocol, metric="CCC", method="pad_to_latent", target="neck speed")
    table = app.dataframe[0].value
    assert "test CCC" in list(table.columns)
    assert set(table.loc[table["type"] == "measured", "method"]) == {"pad_to_latent"}
    assert dict(app.query_params) == {
        "protocol": protocol,
        "metric": "CCC",
        "method": "pad_to_latent",
        "target": "neck speed",
    }


def test_the_leaderboard_as_a_table_lays_out_two_settings(results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    protocol = "synthetic_motion · by clip · 27 features reconstructed"
    app = open_page("leaderboard", protocol=protocol, layout="as table")
    table = app.dataframe[-1].value
    assert list(table.columns) == ["method", "1", "2", "4", "8"]
    assert sum("*" in str(cell) for cell in table.iloc[0]) == 1


def test_a_filter_of_the_address_for_a_method_that_is_gone_is_said(results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    app = open_page("leaderboard", method="gone_method")
    assert any("gone_method" in warning.value.replace("\\", "") for warning in app.warning)


@pytest.mark.parametrize("kind", ["trial", "final", "need"])
def test_every_kind_of_run_has_a_page(kind, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    runs = table_of(results)
    for state in runs.loc[runs["kind"] == kind, "state"].unique():
        run = runs.index[(runs["kind"] == kind) & (runs["state"] == state)][0]
        app = open_page("run", run=run)
        assert ("test" in app.metric[0].label if app.metric else False) == (kind == "final")


TABS = ["curves", "parameters", "scores", "runs", "files", "data", "run again", "notes"]
RENAMED = {"notes": "notes and tags"}


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_a_run_opens_from_its_address(tab, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    app = open_page("run", run=study_id(0), tab=tab)
    assert not app.error
    assert not [warning for warning in app.warning if "asks for" in warning.value]
    opened = app.query_params.get("tab", "Curves")
    assert (opened if isinstance(opened, str) else opened[0]).lower() == RENAMED.get(tab, tab)


def test_a_failed_trial_shows_why_as_text(results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    runs = table_of(results)
    run = runs.index[runs["state"] == "failed"][0]
    app = open_page("run", run=run, tab="log")
    assert any("Traceback" in code.value for code in app.code)
    assert "<b>neck_speed</b>" in words(app)  # letter by letter, in the reason and in the log


def test_a_run_that_is_not_there_is_said_and_another_is_shown(results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    app = open_page("run", run="0000000000")
    assert "0000000000" in app.warning[0].value
    assert app.metric


def test_a_damaged_file_is_named_and_the_rest_of_the_page_is_there(results, monkeypatch, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(results, folder)
    for file in folder.rglob("predictions.parquet"):
        file.write_bytes(b"not a table")
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    app = open_page("run", run=study_id(0), tab="parameters")
    assert app.error
    assert "predictions.parquet" in words(app)
    assert app.metric  # the card
    assert "depth" in list(app.dataframe[-1].value["parameter"])


def test_a_file_that_the_record_lists_and_that_is_gone_is_named(results, monkeypatch, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(results, folder)
    shutil.rmtree(folder / "artifacts")
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    app = open_page("run", run=study_id(0), tab="files")
    assert "predictions.parquet" in words(app)
    assert "Copy the folder artifacts along with the database" in words(app)


def test_a_damaged_store_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(b"this is no database, but it is long enough to be looked at" * 20)
    monkeypatch.setenv("AFFECTORY_STORE", str(folder))
    app = open_page("overview")
    assert app.error
    assert "mlflow.db" in words(app)


COMPARED = ["What differs", "Scores", "Curves", "By person", "Over time", "Disagreement"]


@pytest.mark.parametrize("name", COMPARED)
def test_every_view_of_compare_shows_two_studies_and_its_address_keeps_the_baseline(name, results, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(results))
    two = [spec.name for spec in fake_store.made.STUDIES if spec.method == "motion/lma_vae"][:2]
    app = open_page("compare", runs=two, compared=name, baseline=two[1])
    assert not app.error
    assert not [warning for warning in app.warning if "asks for" in warning.value]
    assert app.dataframe
    if name not in ("What differs", "Curves"):
        assert app.query_params["baseline"] in (two[1], [two[1]])
