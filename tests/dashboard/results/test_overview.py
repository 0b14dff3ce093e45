from __future__ import annotations

import pandas as pd
import pytest

from dashboard.results import overview
from tests.dashboard.run_table import BEGIN, child, index, study


def minutes(count: float) -> pd.Timestamp:
    return BEGIN + pd.Timedelta(minutes=count)


def test_a_running_study_says_how_far_it_is_and_what_is_left():
    now = study("now", state="running", end=pd.NaT, trials_total=4, repeats=2)
    done = [
        child(now, "trial", i, state="complete", start=minutes(i), end=minutes(i + 1), **{"val/mae/all": 0.5 - i / 10})
        for i in range(2)
    ]
    runs = index(now, *done, child(now, "trial", 2, state="failed"), study("other", 0.4))
    [found] = overview.running(runs)
    # two trials of a minute, and two refits that take what the best trial took
    assert overview.progress_text(found, minutes(3)) == (
        "searching · 2 of 4 trials · best validation MAE so far 0.4000 (trial 1) · about 4 min left without "
        "evaluations · 1 failed"
    )
    assert overview.finished(runs) == 1


def test_when_the_search_is_over_the_final_runs_count():
    now = study("now", state="running", end=pd.NaT, trials_total=1, repeats=3)
    trial = child(now, "trial", 0, state="complete", **{"val/mae/all": 0.5})
    [found] = overview.running(index(now, trial, child(now, "final", 0, state="complete")))
    text = overview.progress_text(found, minutes(3))
    assert text.startswith("refitting · 1 of 1 trials")
    assert "final runs 1 of 3" in text


def test_a_study_whose_process_died_is_called_silent_but_not_one_with_long_trials():
    now = study("now", state="running", end=pd.NaT)
    long = child(now, "trial", 0, start=minutes(0), end=minutes(30))
    assert index(now).study("now").silent_for(minutes(14)) is None
    assert index(now).study("now").silent_for(minutes(20)) == 20 * 60
    assert index(now, long).study("now").silent_for(minutes(100)) is None
    assert index(now, long).study("now").silent_for(minutes(130)) == 100 * 60


def test_a_protocol_shows_its_best_study_and_how_often_its_test_set_was_used():
    a, b = study("a", 0.4), study("b", 0.3, settings='{"latent_size":2}')
    hidden = study("c", 0.1, archived=True)
    found = overview.protocols(index(a, b, hidden, child(a, "final", 0), child(hidden, "final", 0)))
    assert found[["protocol", "data", "studies", "scored", "test MAE"]].to_numpy().tolist() == [
        ["lma · by clip", "REAL", 3, 2, 0.3]
    ]
    assert found["best so far"].tolist() == ["one · latent size 2"]


def test_counts_leave_out_what_was_put_aside():
    assert overview.counts(index(study("a", 0.4), study("b", archived=True))) == {
        "studies": 1,
        "runs": 1,
        "protocols": 1,
        "data sets": 1,
    }


def test_a_dead_study_is_silent_and_a_complete_one_never_is():
    dead = study("now", state="running", end=pd.NaT, trials_total=200)
    assert index(dead).study("now").silent_for(minutes(60 * 24 * 400)) == pytest.approx(60 * 60 * 24 * 400)
    assert index(study("done", 0.3)).study("done").silent_for(minutes(10_000)) is None


def test_what_failed_stopped_fell_silent_or_lost_a_seed_needs_attention():
    failed = study("failed", state="failed", reason="the last 5 trials all failed")
    some = study("some", 0.3, repeats=2)
    runs = index(
        failed,
        study("stopped", state="stopped"),
        study("silent", state="running", end=pd.NaT),
        study("well", 0.3),
        study("hidden", state="failed", archived=True),
        some,
        child(some, "final", 1),
        child(some, "final", 2, state="failed", reason="FloatingPointError: loss is nan"),
    )
    found = overview.attention(runs, minutes(60)).set_index("run_id")["what is wrong"].to_dict()
    assert found == {
        "failed": "failed: the last 5 trials all failed",
        "stopped": "stopped",
        "silent": "no activity for 1 h",
        "some": "1 of 2 seeds (1 failed): FloatingPointError: loss is nan",
    }
