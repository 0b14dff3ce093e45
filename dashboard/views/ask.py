"""What a view asks a person: one or many of several, a switch, words, a range. Two things answer it.

On a page `dashboard.views.asked.Widgets` answers by widgets whose values stand in the address; for a shared file, the
command line and tests `Defaults` answers as a page does that nobody has touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


class Ask(Protocol):
    """Answers a view's questions. `key` is the name under which an answer stands in the address."""

    def one(
        self,
        label: str,
        options: Sequence[str],
        key: str,
        default: str | None = None,
        name: Callable[[str], str] = str,
        fixed: bool = False,
        help: str | None = None,
    ) -> str:
        """Return one of `options`, which has at least one; `default` (else the first) where nobody chose.

        What is chosen by default is written into the address, so that a link keeps its meaning when options are added
        later. Options that never change (`fixed`), such as the targets of a run, need no word there.
        """
        ...

    def many(
        self,
        label: str,
        options: Sequence[str],
        key: str,
        name: Callable[[str], str] = str,
        placeholder: str = "all",
    ) -> list[str]:
        """Return any number of `options`; none means what `placeholder` says."""
        ...

    def switch(self, label: str, key: str, help: str | None = None) -> bool:
        """Return whether a switch is on; it is off where nobody turned it."""
        ...

    def text(self, label: str, key: str, placeholder: str = "") -> str:
        """Return the words that somebody wrote, empty at first."""
        ...

    def range(self, label: str, low: float, high: float, key: str) -> tuple[float, float]:
        """Return two numbers from `low` to `high`; all of it where nobody chose."""
        ...

    def word(self, key: str) -> str:
        """Return a word of the address that no widget shows, such as an outline; empty where there is none."""
        ...

    def answer(self, key: str, value: str) -> None:
        """Answer `text` or `word` for a person who clicked in a figure; an empty value takes the answer back."""
        ...

    def clear(self, label: str, key: str) -> None:
        """Offer a button that takes the answer to `key` back."""
        ...


class Defaults:
    """Answers as nobody does; `answers` (key → value) stand in for what a person would have chosen."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[str] = []
        """Keys in the order of the questions."""

    def _answer(self, key: str, otherwise: Any) -> Any:
        self.asked.append(key)
        return self.answers.get(key, otherwise)

    def one(
        self,
        label: str,
        options: Sequence[str],
        key: str,
        default: str | None = None,
        name: Callable[[str], str] = str,
        fixed: bool = False,
        help: str | None = None,
    ) -> str:
        """Return the default, else the first option."""
        answer = self._answer(key, default if default in options else options[0])
        if answer not in options:
            raise ValueError(f"{label}: no {answer!r}; known: {', '.join(options)}")
        return str(answer)

    def many(
        self,
        label: str,
        options: Sequence[str],
        key: str,
        name: Callable[[str], str] = str,
        placeholder: str = "all",
    ) -> list[str]:
        """Return none, which means what the placeholder says."""
        return [option for option in self._answer(key, []) if option in options]

    def switch(self, label: str, key: str, help: str | None = None) -> bool:
        """Return off."""
        return bool(self._answer(key, False))

    def text(self, label: str, key: str, placeholder: str = "") -> str:
        """Return no words."""
        return str(self._answer(key, ""))

    def range(self, label: str, low: float, high: float, key: str) -> tuple[float, float]:
        """Return all of it."""
        first, last = self._answer(key, (low, high))
        return float(first), float(last)

    def word(self, key: str) -> str:
        """Return no word."""
        return str(self._answer(key, ""))

    def answer(self, key: str, value: str) -> None:
        """Keep the answer for the next question."""
        self.answers[key] = value

    def clear(self, label: str, key: str) -> None:
        """Offer nothing."""
