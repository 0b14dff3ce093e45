from __future__ import annotations

import json
import os

import pytest

from tests.benchmarks import __main__ as bench
from tests.benchmarks.row import row

TOPIC = """
import os
from tests.benchmarks.row import row

def rows(scale):
    yield row("store", os.environ["AFFECTORY_STORE"], 1.0, 2.0 * scale, "<= 0.8")
"""


@pytest.fixture
def topic(tmp_path, monkeypatch):
    (tmp_path / "bench_a_topic.py").write_text(TOPIC)
    (tmp_path / "bench_broken.py").write_text("def rows(scale):\n    raise OSError('the peer is not installed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_topic_runs_in_its_own_process_with_its_own_store(topic):
    (measured,), error = bench.measure("bench_a_topic", 2.0)
    assert not error
    assert measured.ratio == 0.25
    assert measured.name != os.environ["AFFECTORY_STORE"]


def test_a_broken_topic_says_why(topic):
    measured, error = bench.measure("bench_broken", 1.0)
    assert measured == []
    assert "the peer is not installed" in error


def test_what_is_kept_names_commit_machine_and_versions(tmp_path):
    path = bench.save([row("a", "b", 1.0, 2.0, "<= 0.8")], {"broken": "why"}, 1.0, tmp_path / "results")
    kept = json.loads(path.read_text())
    assert kept["commit"] in path.name
    assert kept["rows"][0]["ratio"] == 0.5
    assert kept["failed"] == {"broken": "why"}
    assert kept["machine"]["versions"]["optuna"]


def test_topics_on_request_run_only_where_they_are_named(monkeypatch, capsys):
    asked: list[str] = []
    monkeypatch.setattr(bench, "measure", lambda module, scale: asked.append(module.rpartition("_")[2]) or ([], ""))
    monkeypatch.setattr(bench, "save", lambda *given: "nowhere")
    bench.main([])
    assert asked == [topic for topic in bench.topics() if topic != "memory"]
    asked.clear()
    bench.main(["memory"])
    assert asked == ["memory"]


def test_an_unknown_topic_is_refused_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
    assert "no topic nothing" in capsys.readouterr().err
