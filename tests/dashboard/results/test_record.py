"""A record survives whatever stands in a store, and names what it could not read."""

import math

import pandas as pd
import pytest

from dashboard.results.record import decode

ROW = {
    "kind": "final",
    "state": "complete",
    "method": "motion/lma_vae",
    "dataset": "lma",
    "synthetic": False,
    "settings": '{"latent_size":2,"features":"all"}',
    "targets": '["p","a"]',
    "groups": '{"test":8}',
    "seed": 3,
    "start": pd.Timestamp("2026-01-01", tz="UTC"),
    "end": pd.Timestamp("2026-01-01 00:10", tz="UTC"),
}


def test_a_record_has_types():
    run = decode("a" * 32, ROW | {"fold": "2", "test_folds": 7.0})
    assert run.settings == {"latent_size": 2, "features": "all"}
    assert run.title == "lma_vae · features all · latent size 2"
    assert run.targets == ("p", "a")
    assert run.seconds == 600
    assert (run.seed, run.fold_text, run.what) == (3, "fold 2 of 7", "final run, seed 3, fold 2 of 7")
    assert run.synthetic is False
    assert run.problems == ()


@pytest.mark.parametrize("odd", ["[1]", "5", "null", "{", "[" * 3000, "9" * 5000, '"text"', '{"a":{"b":1}}'])
@pytest.mark.parametrize("tag", ["settings", "groups", "machine", "weights", "needs"])
def test_an_odd_object_is_the_default_and_is_named(tag, odd):
    run = decode("a" * 32, ROW | {tag: odd})
    if tag in ("machine", "needs") and odd.startswith('{"a"'):
        return  # these may hold objects, or anything that has a text
    assert getattr(run, tag) == {}
    assert len(run.problems) == 1
    assert run.problems[0].startswith(f"{tag}: expected")
    assert len(run.problems[0]) < 200


@pytest.mark.parametrize("tag", ["targets", "classes", "labels"])
@pytest.mark.parametrize("odd", ["3", "null", "{}", "x", "[" * 3000])
def test_an_odd_list_is_empty_and_is_named(tag, odd):
    run = decode("a" * 32, ROW | {tag: odd})
    assert getattr(run, tag) == ()
    assert tag in run.problems[0]


@pytest.mark.parametrize("odd", ["many", "1.5", "1e400", "nan", "9" * 400])
def test_an_odd_number_is_missing_and_is_named(odd):
    run = decode("a" * 32, ROW | {"trial": odd, "deadline": "1e300"})
    assert run.trial is None
    assert run.deadline is None
    assert [problem.partition(":")[0] for problem in run.problems] == ["trial", "deadline"]


def test_what_is_missing_is_no_problem():
    run = decode(
        "a" * 32, {"kind": "study", "start": ROW["start"], "trial": pd.NA, "best_value": math.nan, "end": pd.NaT}
    )
    assert run.problems == ()
    assert run.settings == {}
    assert run.synthetic is None
    assert math.isnan(run.best_value)
    assert run.state == "failed"
    assert run.title == f"run {'a' * 8}"


def test_a_state_that_nobody_knows_goes_by_the_status():
    run = decode("a" * 32, ROW | {"state": "sleeping", "status": "RUNNING"})
    assert run.state == "running"
    assert "sleeping" in run.problems[0]
    assert decode("a" * 32, {"status": "KILLED"}).state == "stopped"
