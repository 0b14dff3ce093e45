import dataclasses

import numpy as np
import pytest

from affect import metrics, record
from affect.record import Artifact
from tests import small_data
from training import registry
from training.contract import Findings
from training.data import Split
from training.evaluation import diagnostics


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("motion/lma_to_pad")


@pytest.fixture(scope="module")
def refits(fitted) -> tuple[list[Split], Findings]:
    """Return the splits that were refitted, and what was found."""
    asked: list[Split] = []

    def refit(split: Split):
        asked.append(split)
        return fitted.refit(split)

    return asked, diagnostics.evaluate(dataclasses.replace(fitted, refit=refit))


def value(found, diagnostic: str, target: str = "all", metric: str = "mae") -> float:
    rows = found.tables[Artifact.DIAGNOSTICS].set_index(["diagnostic", "target", "metric"])
    return float(rows.loc[(diagnostic, target, metric), "value"])


def test_it_applies_to_windows_of_motion():
    applied = {m for m in registry.methods() if diagnostics.applies(registry.method(m).METHOD)}
    assert {"motion/lma_to_pad", "motion/lma_vae"} <= applied
    assert "motion/pad_to_latent" not in applied


def test_every_row_is_explained_and_no_figure_can_be_ranked(refits):
    _, found = refits
    table = found.tables[Artifact.DIAGNOSTICS]
    assert tuple(table.columns) == record.COLUMNS[Artifact.DIAGNOSTICS]
    assert set(table["diagnostic"]) == set(diagnostics.EXPLANATION)
    assert table["explanation"].str.len().min() > 40
    assert np.isfinite(table["value"]).all()
    assert not found.metrics


def test_refits_never_see_the_protocols_test_part(fitted, refits):
    asked, _ = refits
    assert len(asked) == 2
    known = {*fitted.split.train.sample, *fitted.split.validation.sample}
    for split in asked:
        seen = [set(part.sample) for part in split.parts().values()]
        assert set.union(*seen) <= known
        assert sum(map(len, seen)) == len(set.union(*seen)), "a window is in one part"
        assert split.test.y is None
        assert split.test.label is None
    everything = sum(map(len, asked[0].parts().values()))
    assert everything == len(known)
    assert len(asked[0].test) == round(0.15 * everything)
    assert sum(map(len, asked[1].parts().values())) < everything


def test_random_windows_have_clips_on_both_sides(refits):
    asked, _ = refits
    assert set(asked[0].train.group) & set(asked[0].test.group)


def test_what_leaks_scores_better(fitted, refits):
    _, found = refits
    honest = metrics.score(fitted.truth["test"], fitted.outcome.predictions["test"], fitted.split.targets, ["mae"])
    assert value(found, "by_heart") < 0.05 < value(found, "own_train") < honest["mae", "all"]
    assert value(found, "random_windows") < honest["mae", "all"]


def test_the_cleaned_test_part_has_fewer_outliers(fitted, refits):
    """The synthetic world knows which windows are outliers."""
    _, found = refits
    table = found.tables[Artifact.DIAGNOSTICS]
    (n,) = table.loc[table["diagnostic"] == "cleaned_test", "n"].unique()
    kept = diagnostics.within_fences(np.asarray(fitted.split.test.x), np.asarray(fitted.split.train.x))
    assert n == kept.sum() < len(fitted.split.test)
    of_name = dict(zip(fitted.data.sample.tolist(), fitted.data.truth["outlier"].tolist(), strict=True))
    outlier = np.array([of_name[name] for name in fitted.test_sample.tolist()])
    assert outlier[~kept].mean() > outlier[kept].mean()


def test_features_are_judged_where_they_are_the_targets():
    found = diagnostics.evaluate(small_data.fitted("motion/pad_to_lma"))
    assert set(found.tables[Artifact.DIAGNOSTICS]["diagnostic"]) == set(diagnostics.EXPLANATION) - {"by_heart"}
