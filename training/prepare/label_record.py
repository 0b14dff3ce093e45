"""The record of `prepare labels`: what was found in the traces, what was done about it, how far annotators agree."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training import cache, json_files, left_out, messages
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.prepare.traces import Policies

ONE = "annotator"
"""What the only annotator is called."""

FAULTS: dict[str, tuple[str, str]] = {
    "steps back in time": ("steps back in time", "backwards"),
    "never moves": ("traces that never move", "still"),
    "times the stick is stuck": ("times that the stick is stuck", "stuck"),
    "samples beyond the range": ("samples beyond the range", "beyond"),
    "times with different values": ("times with different values", "duplicates"),
    "gaps": ("gaps", "gaps"),
    "before the first sample": ("frames before the first sample", "ends"),
    "after the last sample": ("frames after the last sample", "ends"),
    "unlabelled while the stick is stuck": ("frames without a label while the stick is stuck", "stuck"),
    "unlabelled at the ends": ("frames without a label at the ends", "ends"),
    "unlabelled beyond the limit of a gap": ("frames without a label in long gaps", "max-gap"),
    "samples after the last frame": ("samples after the last frame, not used", ""),
}
"""What is counted of a trace → what a sentence calls it, and the option that decides about it."""

STATE, RUNNING, COMPLETE = "state", "running", "complete"


@dataclass
class Record:
    """What a command met and did.

    Parameters
    ----------
    file : the JSON file.  policies : see `traces.Policies`.  options : what else the command was given.
    videos : video → its frames, traces and agreement.  skipped : reason (a plural) → names.
    found : key of `FAULTS` → trace → how often.
    """

    file: Path
    policies: Policies
    options: dict[str, Any] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, trace: str, counts: Mapping[str, Any]) -> None:
        """Add what was counted in a trace."""
        for what in FAULTS:
            if number := int(counts.get(what, 0)):
                self.found.setdefault(what, {})[trace] = number

    def total(self, what: str) -> int:
        """Return the sum over videos of frames, with_face, lost or labelled."""
        return sum(int(one.get(what) or 0) for one in self.videos.values())

    def sentences(self) -> tuple[str, ...]:
        """Return sentences on what was found in the traces, with the policy, and on what was left out."""
        said = []
        for what, of in self.found.items():
            words, option = FAULTS[what]
            chosen = f" (--{option} {self._policy(option)})" if option else ""
            number = "" if what == "never moves" else f"{sum(of.values()):,} in "
            said.append(f"{words}{chosen}: {number}{messages.counted(len(of), 'trace')} ({messages.listed(of, 3)})")
        return (*said, *left_out.sentences(self.skipped))

    def _policy(self, option: str) -> str:
        value = self.policies.max_gap_s if option == "max-gap" else getattr(self.policies, option)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def annotators(self) -> list[tuple[str, str, int, dict[str, float]]]:
        """Return axis, annotator, number of videos and the mean over videos of each number of `agreement.of_axis`."""
        numbers: dict[tuple[str, str], list[Mapping[str, float | None]]] = {}
        for axis, said in self._agreement():
            for name, of in said.get("annotators", {}).items():
                numbers.setdefault((axis, name), []).append(of)
        return [(axis, name, len(of), _means(of)) for (axis, name), of in numbers.items()]

    def agreement(self) -> dict[str, dict[str, float]]:
        """Return axis → the mean over videos of pairwise_ccc and cronbach_alpha, of videos with several annotators."""
        numbers: dict[str, list[Mapping[str, float | None]]] = {}
        for axis, said in self._agreement():
            if "pairwise_ccc" in said:
                numbers.setdefault(axis, []).append({key: said[key] for key in ("pairwise_ccc", "cronbach_alpha")})
        return {axis: _means(of) for axis, of in numbers.items()}

    def _agreement(self) -> list[tuple[str, dict[str, Any]]]:
        return [item for one in self.videos.values() for item in one["agreement"].items()]

    # ------------------------------------------------------------------------------------------------------ the file

    def is_begun(self) -> bool:
        """Return whether a command that was stopped before its end left this record."""
        if not self.file.exists():
            return False
        try:
            content = json_files.read(self.file)
        except UserError:
            return False
        return isinstance(content, dict) and content.get(STATE) == RUNNING

    def begin(self) -> None:
        """Write that the command is running."""
        self._write({STATE: RUNNING, "options": self.options})

    def end(self) -> None:
        """Write all that is known."""
        found = {
            what: {
                "option": FAULTS[what][1],
                "policy": self._policy(FAULTS[what][1]) if FAULTS[what][1] else "",
                "count": sum(of.values()),
                "traces": of,
            }
            for what, of in self.found.items()
        }
        self._write(
            {
                STATE: COMPLETE,
                "options": self.options,
                "policies": asdict(self.policies),
                "totals": {what: self.total(what) for what in ("frames", "with_face", "lost", "labelled")},
                "agreement": self.agreement(),
                "found": found,
                **left_out.summary(self.skipped),
                "videos": self.videos,
            }
        )

    def _write(self, content: Mapping[str, Any]) -> None:
        with cache.whole(self.file) as part:
            part.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _means(of: list[Mapping[str, float | None]]) -> dict[str, float]:
    keys = dict.fromkeys(key for one in of for key in one)
    known = {key: [value for one in of if (value := one.get(key)) is not None] for key in keys}
    return {key: float(np.mean(values)) for key, values in known.items() if values}
