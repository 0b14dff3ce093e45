"""One family, one correction: ranks, pairs and the card say the same, and nothing untested is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from affect.record import Artifact
from dashboard.damaged import Damaged
from dashboard.reading.table import Runs
from dashboard.results import comparing
from dashboard.results.index import Index
from tests.dashboard.run_table import child, study, table

if TYPE_CHECKING:
    from collections.abc import Hashable

N_GROUPS = 14


def final(error: float, seed: int, groups: int = N_GROUPS) -> pd.DataFrame:
    group = np.repeat([f"clip{i}" for i in range(groups)], 5)
    true = np.sin(np.arange(len(group)))
    noise = np.random.default_rng(seed).normal(0, error, len(true))
    return pd.DataFrame(
        {
            "sample": [f"s{i:02d}" for i in range(len(true))],
            "group": group,
            "part": "test",
            "true_p": true,
            "pred_p": true + noise,
            "true_a": true,
            "pred_a": true + noise,
        }
    )


class Files:
    """Predictions by run; a run without a table is damaged. `reads` counts."""

    def __init__(self, **tables: pd.DataFrame) -> None:
        self.tables, self.stamps, self.reads = tables, {name: object() for name in tables}, 0

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        assert name == Artifact.PREDICTIONS
        self.reads += 1
        if run_id.partition("-")[0] not in self.tables:
            raise Damaged(f"run {run_id}: {name} is damaged")
        return self.tables[run_id.partition("-")[0]]

    def stamp(self, run_id: str, name: str) -> Hashable:
        return self.stamps.get(run_id.partition("-")[0], "damaged")


def index(*names: str, **more: Any) -> Index:
    """Return studies of one protocol with one final each, the first the best; ids as named."""
    studies = [study(name, 0.1 * (place + 1), **more) for place, name in enumerate(names)]
    return Index(table(*studies, *(child(of, "final", 1) for of in studies)))


def family(files: Files, runs: Index, metric: str = "mae") -> comparing.Family:
    return comparing.family(files, next(iter(runs.protocols.values())), metric)


def texts(found: comparing.Family) -> dict[str, str]:
    return {name: rank.text for name, rank in found.ranks.items()}


def test_equal_methods_share_a_rank_and_a_worse_one_does_not():
    files = Files(a=final(0.1, 0), b=final(0.1, 1), c=final(0.9, 2))
    found = family(files, index("a", "b", "c"))
    assert texts(found) == {"a": "1 =", "b": "1 =", "c": "3"}
    assert found.pair("c", "a").difference > 0
    assert found.pair("a", "c").told_apart


def test_the_table_of_pairs_has_the_tests_behind_the_ranks_and_no_others():
    runs = index("a", "b", "c")
    found = family(Files(a=final(0.1, 0), b=final(0.1, 1), c=final(0.9, 2)), runs)
    table = found.table(runs)
    assert list(table.columns) == list(comparing.PAIRS)
    assert table[["first", "second"]].to_numpy().tolist() == [
        [runs.title("a"), runs.title("b")],
        [runs.title("a"), runs.title("c")],
    ]
    assert table["answer"].tolist() == ["cannot be told apart", f"{runs.title('a')} is better"]
    for _, row in table.iterrows():
        pair = found.pair("a", "b" if row["second"] == runs.title("b") else "c")
        assert (row["difference"], row["p (Holm)"], row["groups"]) == (pair.difference, pair.adjusted, pair.groups)
        assert row["95 % low"] <= row["difference"] <= row["95 % high"]
    assert (table["difference"] < 0).tolist()[1], "the first has the smaller error"


def test_an_unreadable_study_has_no_rank_and_changes_nobody_elses():
    equal = {name: final(0.1, seed) for seed, name in enumerate("abcd")}
    assert set(texts(family(Files(**equal), index(*"abcd"))).values()) == {"1 ="}
    del equal["b"]
    found = family(Files(**equal), index(*"abcd"))
    assert texts(found) == {"a": "1 =", "b": "–", "c": "1 =", "d": "1 ="}
    assert "damaged" in found.ranks["b"].reason
    assert found.unranked() == {found.ranks["b"].reason: ["b"]}


def test_truth_that_was_rounded_to_32_bits_is_the_same_truth():
    rounded = final(0.1, 1)
    rounded["true_p"] = rounded["true_p"].astype(np.float32)
    assert texts(family(Files(a=final(0.1, 0), b=rounded), index("a", "b"))) == {"a": "1 =", "b": "1 ="}


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_the_study_with_other_samples_has_no_rank_be_it_the_best_or_not(odd):
    tables = {name: final(0.1, seed) for seed, name in enumerate("abc")}
    name = "abc"[odd]
    tables[name] = tables[name].assign(sample=lambda t: t["sample"] + "x")
    found = family(Files(**tables), index(*"abc"))
    assert {n for n, text in texts(found).items() if text == "–"} == {name}
    assert "other test samples" in found.ranks[name].reason


def test_other_annotations_of_the_same_samples_are_not_compared():
    other = final(0.1, 1).assign(true_p=lambda t: t["true_p"] + 0.1)
    pair = comparing.pair(Files(a=final(0.1, 0), b=other), index("a", "b"), "a", "b", "mae")
    assert "annotation" in pair.reason
    assert np.isnan(pair.p)
    assert not pair.told_apart


def test_too_few_persons_are_not_ranked_at_all():
    files = Files(a=final(0.1, 0, groups=5), b=final(0.9, 1, groups=5))
    found = family(files, index("a", "b", group_kind="person"))
    assert texts(found) == {"a": "–", "b": "–"}
    assert found.reason == "too few persons to rank: with 5 no test can reach p < .05"
    assert comparing.standing(files, index("a", "b", group_kind="person"), "b").endswith(found.reason)


@pytest.mark.parametrize(("groups", "comparisons", "few"), [(5, 1, True), (6, 1, False), (6, 2, True), (8, 6, False)])
def test_the_least_p_that_so_few_groups_can_reach(groups, comparisons, few):
    assert bool(comparing.too_few(groups, comparisons, "clip")) == few


def test_one_correction_on_the_card_and_on_the_leaderboard():
    # p of the nearest pair alone is below .05, after Holm over four comparisons it is not
    noise = {name: final(0.1 + 0.014 * place, place) for place, name in enumerate("abcde")}
    runs, files = index(*"abcde"), Files(**noise)
    found = family(files, runs)
    for name in "bcde":
        pair = comparing.pair(files, runs, "a", name, "mae")
        assert pair.adjusted == found.pairs["a", name].adjusted >= pair.p
        told = "differs from" in comparing.standing(files, runs, name)
        if found.ranks[name].place == 1:
            assert not told
            assert "shared" in comparing.standing(files, runs, name)
    assert {pair.told_apart for pair in found.pairs.values()} == {True, False}, "the example has both"
    assert any(pair.p < comparing.ALPHA <= pair.adjusted for pair in found.pairs.values()), "and one that Holm changes"


def test_a_failure_is_not_kept_and_a_new_file_counts():
    runs = index("a", "b")
    files = Files(a=final(0.1, 0))
    assert texts(family(files, runs))["b"] == "–"
    files.tables["b"], files.stamps["b"] = final(0.1, 1), object()
    assert texts(family(files, runs)) == {"a": "1 =", "b": "1 ="}
    reads = files.reads
    family(files, runs)
    assert files.reads == reads, "nothing is read again while the files are the same"
    files.tables["b"], files.stamps["b"] = final(0.9, 1), object()
    assert texts(family(files, runs)) == {"a": "1", "b": "2"}


def test_metrics_of_two_versions_are_never_ranked_together():
    old, new = study("a", 0.1, metric_version=1), study("b", 0.2, metric_version=2)
    runs = Index(table(old, new, child(old, "final", 1), child(new, "final", 1)))
    found = family(Files(a=final(0.1, 0), b=final(0.1, 1)), runs)
    assert texts(found) == {"a": "–", "b": "1"}
    assert "version" in found.ranks["a"].reason


def test_an_archived_study_is_no_part_of_the_family():
    shown, hidden = study("a", 0.2), study("b", 0.1, archived=True)
    runs = Index(table(shown, hidden, child(shown, "final", 1), child(hidden, "final", 1)))
    assert texts(family(Files(a=final(0.1, 0), b=final(0.1, 1)), runs)) == {"a": "1"}


def test_a_metric_without_a_score_of_each_sample_ranks_nobody():
    runs = index("a", "b")
    assert family(Files(), runs, "mae_round_trip").order == ()
    wide = Runs(runs.runs, runs.metrics).wide()
    scored = Index(Runs.of(wide.assign(**{"test/mae_round_trip/all": wide["test/mae/all"]})))
    found = family(Files(), scored, "mae_round_trip")
    assert texts(found) == {"a": "–", "b": "–"}
    assert "no paired test" in found.reason


def test_only_the_best_are_tested(monkeypatch):
    monkeypatch.setattr(comparing, "TESTED", 2)
    files = Files(**{name: final(0.1, seed) for seed, name in enumerate("abc")})
    found = family(files, index(*"abc"))
    assert texts(found) == {"a": "1 =", "b": "1 =", "c": "–"}
    assert "best 2" in found.ranks["c"].reason


def test_standing_of_what_is_never_ranked_is_empty():
    of = study("a", 0.1)
    runs = Index(table(of, child(of, "final", 1), child(of, "trial", 0), study("late")))
    files = Files(a=final(0.1, 0))
    assert comparing.standing(files, runs, "a-trial-0") == ""
    assert comparing.standing(files, runs, "late") == ""
    assert comparing.standing(files, runs, "a-final-1") == "the only study of this protocol so far"


def test_folds_of_one_seed_are_one_table_and_a_seed_without_a_fold_is_left_out():
    whole = final(0.1, 0)
    of = study("a", 0.1, test_folds=2, repeats=2)
    worse = study("b", 0.9, test_folds=2, repeats=1)
    finals = [child(of, "final", seed, run_id=f"a{seed}{fold}", fold=fold) for seed, fold in ((1, 1), (1, 2), (2, 1))]
    finals += [child(worse, "final", 1, run_id=f"b1{fold}", fold=fold) for fold in (1, 2)]
    runs = Index(table(of, worse, *finals))
    assert runs.by_seed("a") == [["a11", "a12"]]
    assert runs.seeds("a") == (1, 2)
    half = whole["group"].isin([f"clip{i}" for i in range(7)])
    bad = final(0.9, 1)
    files = Files(a11=whole[half], a12=whole[~half], a21=whole[half], b11=bad[half], b12=bad[~half])
    found = family(files, runs)
    assert texts(found) == {"a": "1", "b": "2"}
    assert found.pairs["a", "b"].groups == 14


def test_finals_that_failed_are_results_unless_they_were_scored_again():
    of = study("a", 0.1, repeats=3)
    killed, raised = (
        child(of, "final", 1, run_id="k", state="failed"),
        child(of, "final", 2, state="failed", error=True),
    )
    runs = Index(table(of, killed, child(of, "final", 1), raised, child(of, "final", 3)))
    assert [run.seed for run in runs.study("a").failed_finals] == [2]
    assert runs.study("a").summary.seeds_text == "2 of 3 seeds (1 failed)"
