"""What each modality adds: paired differences of studies of one modality and of both, masked scores, lags."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from affect import record
from affect.record import Artifact
from dashboard.figures import modalities
from dashboard.results import comparing, names
from dashboard.results import pairs as pair_tests
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section

if TYPE_CHECKING:
    from dashboard.results.record import Record

SETTING = "modality"
METRICS = ("ccc", "mae", "rmse", "mse")


def pairs(choice: Choice, metric: str, target: str) -> pd.DataFrame:
    """Return the paired test of each two studies that differ in their modality alone, of the chosen ones' protocols."""
    found: dict[tuple[str, str], None] = {}
    for row in choice.rows:
        study = choice.index.study_of(row.run_id)
        protocol = choice.index.protocol_of(row.run_id)
        if study is None or protocol is None:
            continue
        own = choice.index.record(study)
        alike = [one for one in protocol.shown() if _rest(one) == _rest(own) and SETTING in one.settings]
        for a, b in itertools.combinations(alike, 2):
            if a.settings[SETTING] != b.settings[SETTING]:
                found[a.run_id, b.run_id] = None
    return comparing.pairs_table(choice.index, pair_tests.adjusted(choice.read, choice.index, found, metric, target))


def _rest(run: Record) -> tuple[str, str]:
    """Return what two studies must share to be compared: method, and settings but for the modality."""
    return run.method, str(sorted((key, value) for key, value in run.settings.items() if key != SETTING))


def view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show what each modality adds to the chosen runs."""
    tables = choice.tables(Artifact.MODALITIES)
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        yield Message("These runs have no table of modalities that can be read.")
        return
    targets = list(dict.fromkeys(str(target) for table in tables.values() for target in table["target"]))
    target = ask.one("Target", sorted(targets, key=lambda one: one != record.ALL), "target", name=names.target)
    metric = ask.one("Metric", list(METRICS), "metric", name=names.metric)
    tested = pairs(choice, metric, target)
    if len(tested):
        text = (
            f"Test {names.metric(metric)} ({names.better(metric)}) of the first study minus that of the second, on the "
            "same samples, with its 95 % interval over groups. The studies differ in their modality alone. p (Holm) is "
            "that of the Leaderboard's Pairs; pairs that are not tested there are adjusted together."
        )
        formats = {"p": "%.4f", "p (Holm)": "%.4f", "difference": "%+.4f"}
        yield Section("Studies of one modality and of both", text, frame=tested, key="modality_pairs", formats=formats)
    else:
        yield Message("No other study of this protocol differs from these in its modality alone: nothing to compare.")
    for place, (name, table) in enumerate(tables.items()):
        with choice.guard(name):
            rows = modalities.masked(table)
            if len(rows):
                text = (
                    "Scores on test where a modality has its train mean at every step. The difference is to the score "
                    "without a mask, with its 95 % interval over test groups; under three groups there is none."
                )
                yield Section(f"One modality masked: {name}", text, frame=rows, key=f"masked_{place}")
            scan = modalities.lags(table, target)
            if len(scan):
                text = (
                    f"{modalities.verdict(table, target)} A ridge regression from one modality, fitted on train, reads "
                    "the labels of so many seconds before."
                )
                figure = modalities.draw_lags(table, target)
                yield Section(f"Lag: {name}", text, figure, scan, f"lag_{place}")
