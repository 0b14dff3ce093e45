"""What a reader must know before a run's scores: sentences and badges, from its record and data_summary.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affect.record import Kind
from dashboard.results import names

if TYPE_CHECKING:
    from dashboard.results.index import Index
    from dashboard.results.record import Record

COPIES = ("recur in another", "stand in several", "copies of", "the same file")
"""Words of a reader's note that say that samples of test stand in another part as well."""


def notes(summary: Any) -> list[str]:
    """Return the notes of a data_summary.json; none where it has none or is something else."""
    found = summary.get("notes") if isinstance(summary, dict) else None
    return [str(note) for note in found] if isinstance(found, list) else []


def of(index: Index, run_id: str, summary: Any = None) -> list[str]:
    """Return what to read before a run's scores, the most important first. `summary` is its data_summary.json."""
    run = index.record(run_id)
    study = index.study_of(run_id)
    found = []
    if run.leaks:
        found.append(f"{run.leak_text} of the split: the test scores are too good.")
    if run.synthetic:
        found.append("The data is synthetic: scores say whether the code works, not how good the method is.")
    if run.transferred:
        found.append("Valence and arousal were computed from the emotion labels (transferred), not annotated.")
    if run.label_rule and run.label_rule != "own":
        found.append(f"Label rule: {run.label_rule.replace('_', ' ')}.")
    if run.dataset and not run.persons_known:
        found.append("Persons are unknown: the same person may be in train and in test.")
    if study is not None and run.kind in (Kind.STUDY, Kind.FINAL):
        summary_of = index.study(study).summary
        if summary_of.failed_finals:
            found.append(f"{summary_of.seeds_text[0].upper()}{summary_of.seeds_text[1:]}: the scores leave those out.")
    if run.code.endswith("+"):
        found.append("The code had uncommitted changes: the commit alone does not reproduce this run.")
    found += [_sentence(note) for note in notes(summary) if not note.startswith(("synthetic:", "persons unknown"))]
    return list(dict.fromkeys([*found, *(f"Not readable in the record: {problem}." for problem in run.problems)]))


def badges(index: Index, run_id: str, summary: Any = None) -> list[str]:
    """Return short marks of a run: REAL data or SYNTHETIC data first, then what limits its scores."""
    run = index.record(run_id)
    marks = {
        f"{run.data_word} data": bool(run.data_word),
        run.leak_text: bool(run.leaks),
        "TRANSFERRED LABELS": run.transferred,
        "persons unknown": bool(run.dataset) and not run.persons_known,
        "copies across the split": any(words in note for note in notes(summary) for words in COPIES),
        "code not committed": run.code.endswith("+"),
        "archived": index.archived(run_id),
    }
    return [mark for mark, shown in marks.items() if shown]


def _sentence(note: str) -> str:
    text = note.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def data_text(run: Record) -> str:
    """Return a run's data in words: its title or name, REAL or SYNTHETIC."""
    called = run.data_title or names.spaced(run.dataset)
    return f"{called} ({run.data_mark} data)" if run.data_word else called
