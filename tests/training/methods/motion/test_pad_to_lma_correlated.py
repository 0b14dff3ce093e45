import numpy as np
import pytest

from affect.record import Artifact
from search_spaces.motion.pad_to_lma_correlated import TINY
from tests import small_data
from training.methods.motion import pad_to_lma_correlated as method


def test_correlations_are_pearsons_and_0_for_a_constant():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    a[:, 2] = 0.286151
    found = method.correlations(a, b)
    assert found[0, 1] == pytest.approx(np.corrcoef(a[:, 0], b[:, 1])[0, 1])
    assert (found[2] == 0).all()
    assert method.correlations(b, -b)[0, 0] == pytest.approx(-1)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_each_feature_is_given_its_most_correlated_axes(axes, kind):
    job = small_data.lent("motion/pad_to_lma_correlated")
    split = small_data.split(method.METHOD, test=False)
    outcome = method.fit({**TINY, "n_estimators": 2, "axes": axes, "correlation": kind}, split, job)
    table = outcome.tables[Artifact.CORRELATIONS]
    for index, (_, rows) in enumerate(table.groupby("feature", sort=False)):
        assert rows["used"].sum() == axes
        assert rows.loc[rows["used"], kind].abs().min() >= rows.loc[~rows["used"], kind].abs().max() or axes == 3
        assert outcome.model.columns[index] == tuple(np.flatnonzero(rows["used"]))
    assert table["feature"].nunique() == len(split.targets)
    assert list(table["axis"][:3]) == list(split.block.columns)
