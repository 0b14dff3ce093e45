from __future__ import annotations

import io

import pytest
from rich.console import Console

from training.study import progress


def watch(*, terminal: bool) -> tuple[progress.Bars, io.StringIO]:
    out = io.StringIO()
    view = progress.view(Console(file=out, force_terminal=terminal, width=160, highlight=False))
    return progress.Bars(view, "study [a]", "MAE"), out


def go_through(bars: progress.Bars) -> None:
    with bars._live:
        bars.searching(1, 3, 0.5)
        bars.trial_ended(1, "complete", 0.4, 0.4)
        bars.trial_ended(2, "failed", None, 0.4)
        bars.message("[not markup]")
        bars.trial_ended(3, "pruned", None, 0.4)
        bars.finals(1)
        bars.final_started(0)
        bars.final_ended(0)


def test_log_has_a_line_for_each_trial() -> None:
    bars, out = watch(terminal=False)
    go_through(bars)
    said = out.getvalue()
    assert "study [a]: goes on with 1 of 3 trials done" in said
    assert "trial 1 MAE 0.4; 2/3 done, best 0.4" in said
    assert "trial 2 failed; 2/3 done, best 0.4" in said
    assert "trial 3 pruned; 3/3 done" in said
    assert "best trial refitted with seed 1, scored on test" in said
    assert "[not markup]" in said


def test_terminal_shows_bars_and_failures() -> None:
    bars, out = watch(terminal=True)
    go_through(bars)
    assert "study [a]: trials" in out.getvalue()
    assert "trial 2 failed; its traceback is on its page" in out.getvalue()


@pytest.mark.parametrize(("seconds", "said"), [(30, "about 1 min 00 s left"), (3600, "about 2 h 00 min left")])
def test_time_left_is_what_the_finished_ones_suggest(
    monkeypatch: pytest.MonkeyPatch, seconds: float, said: str
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    bars, _ = watch(terminal=True)
    bars.searching(0, 3, None)
    now[0] = seconds
    bars.trial_ended(0, "complete", 1.0, 1.0)
    assert bars._left() == said


def test_workers_at_different_folds_are_counted_apart() -> None:
    bars, out = watch(terminal=False)
    for fold in (1, 2):
        bars.fold(fold, 2)
        bars.searching(0, 3, None)
    bars.fold(1, 2)
    bars.trial_ended(0, "complete", 0.4, 0.4)
    bars.fold(2, 2)
    bars.trial_ended(0, "complete", 0.5, 0.5)
    bars.fold(1, 2)
    bars.trial_ended(1, "complete", 0.3, 0.3)
    assert "fold 1 of 2 · trial 2 of 3: MAE 0.3; best 0.3" in out.getvalue()
    assert "fold 2 of 2 · trial 1 of 3: MAE 0.5; best 0.5" in out.getvalue()


def test_a_complete_study_of_a_grid_leaves_a_line_in_place_of_its_bars() -> None:
    bars, out = watch(terminal=True)
    bars.searching(2, 2, 0.1)
    bars.finals(1)
    bars.complete()
    assert not any(task.visible for task in bars._live.tasks)
    assert "study [a]: complete" in out.getvalue()


def test_several_workers_begin_the_refits_once() -> None:
    bars, _ = watch(terminal=True)
    bars.searching(2, 2, 0.1)
    for _worker in range(2):
        bars.finals(3)
        bars.final_ended(0)
    assert len(bars._live.tasks) == 2
    assert bars._live.tasks[-1].completed == 2


def test_time_left_counts_search_folds_and_the_test_folds_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    bars, _ = watch(terminal=True)
    bars.fold(1, 3)
    bars.searching(0, 2, None)
    bars.search_fold(1, 2)
    assert bars._left() == ""
    now[0] = 60
    bars.search_fold(2, 2)
    assert bars._left() == "about 11 min 00 s left", "half a trial is done, and 1.5 and two test folds of 2 are not"
    now[0] = 120
    bars.trial_ended(0, "complete", 1.0, 1.0)
    assert bars._left() == "about 10 min 00 s left"
    bars.finals(3)
    now[0] = 130
    bars.final_ended(0)
    assert bars._left() == "about 0 min 20 s left"
