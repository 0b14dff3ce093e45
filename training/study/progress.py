"""What a person sees while a study runs: trials done, best so far, time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.progress import Progress

CONFIRMED, REFITS = "best trials again", "best trial refitted"


class Watch:
    """Hears of a study's progress; this one says nothing."""

    def searching(self, done: int, total: int, best: float | None) -> None:
        """Hear that the search begins, or goes on with `done` of `total` trials."""

    def trial_started(self, number: int, params: Mapping[str, Any]) -> None:
        """Hear that a trial was asked for."""

    def epoch(self, step: int, value: float) -> None:
        """Hear that the method reported its objective on validation."""

    def trial_ended(self, number: int, state: str, value: float | None, best: float | None) -> None:
        """Hear that a trial is complete, pruned or failed."""

    def waiting(self, running: int) -> None:
        """Hear that all that is left is run by other workers."""

    def fold(self, number: int, total: int) -> None:
        """Hear of which fold what follows is; 0 of 0 for a study with one split."""

    def search_fold(self, number: int, total: int) -> None:
        """Hear on which fold a trial is fitted from now on."""

    def confirming(self, total: int) -> None:
        """Hear that the best trials are fitted again with new seeds: so many fits."""

    def confirmed(self, number: int, seed: int, value: float) -> None:
        """Hear what a trial came to with a new seed; nan where the method raised."""

    def finals(self, total: int) -> None:
        """Hear that the refits of the best trial begin."""

    def final_started(self, k: int) -> None:
        """Hear that the k-th refit began."""

    def final_ended(self, k: int) -> None:
        """Hear that the k-th refit is scored and written."""

    def final_failed(self, k: int, reason: str) -> None:
        """Hear that the k-th refit raised."""

    def message(self, text: str) -> None:
        """Hear of something a person should know."""


def view(console: Console) -> Progress:
    """Return the view in which the bars of one study, or of several, are drawn; nothing but in a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        console=console,
        transient=False,
        disable=not console.is_terminal,
    )


class Bars(Watch):
    """The bars of one study in a view, and a line per trial where there is no terminal.

    Several workers of the study may be heard at once.
    """

    def __init__(self, view: Progress, title: str, objective: str) -> None:
        self._console, self._title, self._objective = view.console, title, objective
        self._live = view
        self._task: Any = None
        self._tasks: list[Any] = []
        self._what = "trials"
        self._done, self._total = 0, 0
        self._best: float | None = None
        self._fold = self._search_fold = ""
        self._of_folds: dict[str, tuple[int, int, int, float | None]] = {}
        self._confirming: set[str] = set()
        self._first, self._began, self._shown = 0, time.monotonic(), 0.0
        self._later_folds, self._part = 0, 0.0

    def fold(self, number: int, total: int) -> None:
        """Name the fold before what is shown from now on; several workers may be at different ones, in turn."""
        self._of_folds[self._fold] = self._first, self._done, self._total, self._best
        self._fold = f"fold {number} of {total} · " if number else ""
        self._later_folds = total - number
        if self._what != REFITS and self._fold in self._of_folds:
            self._first, self._done, self._total, self._best = self._of_folds[self._fold]
        if self._task is not None:
            self._describe()

    def search_fold(self, number: int, total: int) -> None:
        """Name the fold before the epochs that follow."""
        self._search_fold = f"fold {number} of {total}, "
        self._part = (number - 1) / total

    def searching(self, done: int, total: int, best: float | None) -> None:
        """Show the bar of trials."""
        self._first, self._done, self._total, self._best = done, done, total, best
        self._began, self._what = time.monotonic(), "trials"
        if self._task is not None:  # one bar for the trials of all folds, in turn, and for all workers
            self._live.reset(self._task, total=total, completed=done, note="", left="")
        else:
            self._add(total, done)
        self._describe()
        if done:
            self._say(f"{self._title}: {self._fold}goes on with {done} of {total} trials done")
        self._update("")

    def _describe(self) -> None:
        self._live.update(self._task, description=f"{self._title}: {self._fold}{self._what}")

    def epoch(self, step: int, value: float) -> None:
        """Show the epoch, a few times a second."""
        if time.monotonic() - self._shown > 0.2:  # a small network has hundreds of epochs a second
            self._shown = time.monotonic()
            self._update(f"{self._search_fold}step {step}: {value:.4g}")

    def trial_ended(self, number: int, state: str, value: float | None, best: float | None) -> None:
        """Move the bar of trials on."""
        self._best = best
        self._done += state != "failed"
        self._part = 0.0
        shown = state if value is None else f"{self._objective} {value:.4g}"
        counted = f"trial {self._done} of {self._total}: " if self._fold and state != "failed" else f"trial {number} "
        done = "" if self._fold else f"{self._done}/{self._total} done, "
        self._say(f"{self._title}: {self._fold}{counted}{shown}; {done}best {self._text(best)}")
        if state == "failed" and self._console.is_terminal:
            self._console.print(f"trial {number} failed; its traceback is on its page", style="yellow", markup=False)
        self._update("")

    def waiting(self, running: int) -> None:
        """Say who is waited for."""
        self._update(f"waiting for {running} trial{'s' if running > 1 else ''} of other workers")

    def confirming(self, total: int) -> None:
        """Show the bar of the fits with new seeds."""
        if self._fold not in self._confirming:  # else another worker said so
            self._confirming.add(self._fold)
            self._begin(CONFIRMED, total)

    def confirmed(self, number: int, seed: int, value: float) -> None:
        """Move the bar of the fits with new seeds on."""
        self._done += 1
        self._part = 0.0
        self._say(f"{self._title}: {self._fold}trial {number} again with seed {seed}: {self._objective} {value:.4g}")
        self._update("")

    def finals(self, total: int) -> None:
        """Show the bar of refits."""
        if self._what == REFITS:  # another worker said so
            return
        self._fold = self._search_fold = ""
        self._begin(REFITS, total)

    def _begin(self, what: str, total: int) -> None:
        self._best, self._what = None, what
        self._first = self._done = 0
        self._total, self._began = total, time.monotonic()
        self._later_folds, self._part = 0, 0.0
        self._add(total, 0)
        self._describe()

    def final_started(self, k: int) -> None:
        """Say which seed is fitted."""
        self._update(f"seed {k + 1}")

    def final_ended(self, k: int) -> None:
        """Move the bar of refits on."""
        self._done += 1
        self._say(f"{self._title}: {self._fold}best trial refitted with seed {k + 1}, scored on test")
        self._update("")

    def final_failed(self, k: int, reason: str) -> None:
        """Move the bar of refits on and say what happened."""
        self._done += 1
        self._console.print(
            f"{self._title}: {self._fold}the refit with seed {k + 1} failed and counts as failed: {reason}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
        self._update("")

    def complete(self) -> None:
        """Put a line above the bars in place of the study's own: those of a whole grid would not fit on a screen."""
        for task in self._tasks:
            self._live.update(task, visible=False)
        self._console.print(f"{self._title}: complete", markup=False, highlight=False, soft_wrap=True)

    def message(self, text: str) -> None:
        """Print it above the bars."""
        self._console.print(text, style="dim", markup=False)

    def _add(self, total: int, done: int) -> None:
        self._task = self._live.add_task("", total=total, completed=done, note="", left="")
        self._tasks.append(self._task)

    def _text(self, value: float | None) -> str:
        return "none yet" if value is None else f"{value:.4g}"

    def _say(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _update(self, note: str) -> None:
        if self._task is None:
            return
        best = f"best {self._objective} {self._text(self._best)}  " if self._best is not None else ""
        self._live.update(self._task, completed=self._done, note=best + note, left=self._left())

    def _left(self) -> str:
        """Return the time left as the finished ones of this session suggest it, search folds of the present one too.

        Trials of test folds that are still to come count; that some of them may be done already is not known here.
        """
        ended = self._done - self._first + self._part
        later = self._later_folds * self._total if self._what == "trials" else 0
        wanted = self._total - self._done - self._part + later
        if ended <= 0 or wanted <= 0:
            return ""
        seconds = (time.monotonic() - self._began) / ended * wanted
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"about {hours} h {minutes:02} min left" if hours else f"about {minutes} min {rest:02} s left"
