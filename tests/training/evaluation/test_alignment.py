import dataclasses

import numpy as np
import pandas as pd
import pytest

from affect import metrics, published, record
from affect.record import ALL, PICTURE
from tests import small_data
from training import registry
from training.contract import Fitted, Method, Outcome
from training.data import Block, Part, Split
from training.evaluation import _predictors, alignment
from training.views import single

METHOD = Method("Toy", "none", "faces", "images", "va", objective="mse", objective_weights={PICTURE: 5.0, ALL: 1.0})
ANCHORS = {"happy": (0.7, 0.4), "calm": (0.4, -0.6), "sad": (-0.6, -0.4)}


class Model:
    """Codes are handed over; only their probabilities may be asked for."""

    def __init__(self, share: float | None) -> None:
        self.share = share

    def probabilities(self, codes):
        """Give the true class the probability `share`, and the others the rest in equal parts."""
        if self.share is None:
            return None
        true = np.stack([alignment.discrete(codes[code][:, 0]) + 10 for code in ("z_v", "z_a")], axis=1)
        return np.where(np.eye(21)[true] == 1, self.share, (1 - self.share) / 20)


def made(
    *, share: float | None = None, labelled: bool = True, objective_weights=METHOD.objective_weights, n: int = 200
) -> Fitted:
    """Return a fit whose z_v holds valence in its first value and whose z_a holds arousal, and noise besides."""
    rng = np.random.default_rng(0)
    names = np.array(list(ANCHORS))
    truth, labels, codes = {}, {}, {"z_v": {}, "z_a": {}, "z_z": {}}
    for part, count in (("train", n), ("validation", 20), ("test", 80)):
        labels[part] = names[rng.integers(3, size=count)]
        truth[part] = np.array([ANCHORS[name] for name in labels[part]]) + rng.normal(0, 0.1, (count, 2))
        for code in codes:
            codes[code][part] = rng.normal(0, 0.3, (count, 4)).astype(np.float32)
        codes["z_v"][part][:, 0] = truth[part][:, 0]
        codes["z_a"][part][:, 0] = truth[part][:, 1]
    parts = [
        Part(np.array([f"{part}{i}" for i in range(len(y))]), labels[part], single(np.zeros(len(y)), "images"), y)
        for part, y in truth.items()
    ]
    parts[2] = dataclasses.replace(parts[2], y=None)
    predictions = {part: y + 0.1 for part, y in truth.items()}
    return Fitted(
        dataclasses.replace(METHOD, objective_weights=objective_weights),
        None,
        Split(*parts, {"images": Block(np.empty(0))}, ("valence", "arousal"), -1.0, 1.0),
        truth,
        labels if labelled else None,
        np.array([f"test{i}" for i in range(80)]),
        small_data.job(),
        Outcome(Model(share), predictions, embeddings=codes),
        None,
    )


@pytest.fixture(scope="module")
def found():
    """Of a method with discrete labels, on data with emotions."""
    return alignment.evaluate(made(share=0.5))


@pytest.fixture(scope="module")
def table(found):
    return found.tables["alignment.parquet"]


@pytest.fixture(scope="module")
def poorer():
    """The same codes, of a method without projection, on data without emotions."""
    return alignment.evaluate(made(objective_weights={PICTURE: 1.0}, labelled=False)).tables["alignment.parquet"]


def value(table: pd.DataFrame, **where: str) -> float:
    rows = table[np.logical_and.reduce([table[column] == wanted for column, wanted in where.items()])]
    assert len(rows) == 1, f"{len(rows)} rows of {where}"
    return rows["value"].item()


def test_it_applies_to_methods_of_valence_and_arousal():
    assert {m for m in registry.methods() if alignment.applies(registry.method(m).METHOD)} >= {
        "faces/face_vae",
        "faces/face_vae_continuous",
        "faces/face_vae_discrete",
    }
    assert not alignment.applies(registry.method("motion/lma_vae").METHOD)


def test_a_model_without_these_codes_has_no_tasks():
    fit = made()
    codes = {"z": fit.outcome.embeddings["z_v"]}
    assert not alignment.evaluate(
        dataclasses.replace(fit, outcome=dataclasses.replace(fit.outcome, embeddings=codes))
    ).tables


def test_columns_and_sizes_are_those_of_the_record(table):
    assert tuple(table.columns) == record.COLUMNS[record.Artifact.ALIGNMENT]
    assert set(table["n"]) == {80}
    assert not table.duplicated(["task", "code", "predictor", "target", "metric"]).any()


def test_every_published_figure_of_a_method_has_its_measured_one(table):
    """Joined by the words of the published table's evaluation; of classes where that says so."""
    theirs = published.published()
    theirs = theirs[(theirs["source"] == "bridge-from-d-to-e") & theirs["method"].str.startswith("face_vae")]
    assert len(theirs) > 100
    for row in theirs.itertuples():
        words = published.settings_of(row.evaluation)
        words.pop("labels", None)
        words.setdefault("predictor", "trained_projection")
        assert np.isfinite(value(table, **words, target=row.target, metric=row.metric))


def test_the_three_readings_are_what_they_say(table):
    fit = made(share=0.5)
    chunk = fit.outcome.embeddings["z_v"]["test"].mean(axis=1)
    about = {"task": "alignment", "target": "valence", "metric": "mse"}
    true = fit.truth["test"][:, 0]
    assert value(table, **about, predictor="chunk_mean") == pytest.approx(metrics.mse(true, chunk))
    assert value(table, **about, predictor="trained_projection") == pytest.approx(0.01)
    assert value(table, **about, predictor="linear_probe") < 1e-4
    assert value(table, **about, predictor="mean") == pytest.approx(
        metrics.mse(true, np.full(80, fit.truth["train"][:, 0].mean()))
    )


def test_the_mean_over_a_chunk_says_what_bounds_it(table):
    """Always 0 would err by just that much."""
    notes = table.loc[table["predictor"] == "chunk_mean", "note"].unique()
    square = np.square(made().truth["test"]).mean(axis=0).sum()
    assert len(notes) == 1
    assert f"the labels' mean square, {square:.3f} over both axes" in notes[0]
    others = table[(table["task"] == "alignment") & (table["predictor"] != "chunk_mean")]
    assert set(others["note"]) == {""}


@pytest.mark.parametrize("metric", ["mse", "mae", "cross_entropy"])
def test_combined_is_the_sum_over_both_axes(table, metric):
    about = {"task": "alignment", "predictor": "trained_projection", "metric": metric}
    both = [value(table, **about, target=target) for target in ("valence", "arousal", "combined")]
    assert both[0] + both[1] == pytest.approx(both[2])


def test_chance_of_21_classes_is_twice_their_logarithm(table):
    about = {"task": "alignment", "metric": "cross_entropy", "target": "combined"}
    assert value(table, **about, predictor="chance") == pytest.approx(2 * np.log(21)) == pytest.approx(6.09, abs=0.005)
    assert value(table, **about, predictor="trained_projection") == pytest.approx(2 * np.log(2))
    assert value(table, **about, predictor="mean") < 2 * np.log(21)


def test_a_method_without_projection_says_so_and_one_without_classes_has_no_entropy(poorer):
    rows = poorer[(poorer["task"] == "alignment") & (poorer["predictor"] == "trained_projection")]
    assert rows["value"].isna().all()
    assert set(rows["n"]) == {0}
    assert set(rows["note"]) == {"not applicable: this method trains no projection of its codes"}
    assert "cross_entropy" not in set(poorer["metric"])


def test_own_codes_have_power_and_the_other_axis_only_what_they_share(table):
    """Valence and arousal of the three emotions correlate; z_a knows valence no better than arousal itself does."""
    true = made().truth["test"]
    shared = np.corrcoef(true.T)[0, 1] ** 2
    for code, target, other in (("z_v", "valence", "arousal"), ("z_a", "arousal", "valence")):
        about = {"code": code, "metric": "r2", "predictor": "ridge"}
        assert value(table, task="regressive_power", target=target, **about) > 0.99
        assert value(table, task="inverse_power", target=other, **about) < shared + 0.1
        for predictor in ("lasso", "svr", "mlp"):
            assert value(table, task="regressive_power", target=target, **{**about, "predictor": predictor}) > 0.8


def test_predictors_stand_beside_chance_and_majority(table):
    fit = made()
    about = {"task": "emotion_power", "code": "z_v", "target": "emotion", "metric": "accuracy"}
    names, counts = np.unique(fit.labels["train"], return_counts=True)
    assert value(table, **about, predictor="chance") == pytest.approx(1 / 3)
    often = np.mean(fit.labels["test"] == names[counts.argmax()])
    assert value(table, **about, predictor="majority") == pytest.approx(often)
    for predictor in ("decision_tree", "svm", "fully_connected"):
        assert value(table, **about, predictor=predictor) > often + 0.2
    in_tenths = {"task": "regressive_power", "code": "z_v", "target": "valence", "metric": "accuracy"}
    assert value(table, **in_tenths, predictor="decision_tree") > value(table, **in_tenths, predictor="majority") + 0.2


def test_a_data_set_without_emotions_says_so(poorer):
    rows = poorer[poorer["task"] == "emotion_power"]
    assert len(rows) == 2 * 5
    assert rows["value"].isna().all()
    assert set(rows["note"]) == {"not applicable: the data set has no emotion labels"}
    assert np.isfinite(poorer.loc[poorer["task"] == "regressive_power", "value"]).all()


def test_predictors_see_no_test_code_before_they_are_scored():
    """Figures of the first half of the test part are the same whatever the second half holds."""
    fit = made()
    codes = fit.outcome.embeddings

    def probe(test: np.ndarray) -> np.ndarray:
        return _predictors.predicted(_predictors.ridge(), codes["z_v"]["train"], fit.truth["train"][:, 0], test, 0)

    test = codes["z_v"]["test"]
    other = test.copy()
    other[40:] *= 100
    np.testing.assert_allclose(probe(test)[:40], probe(other)[:40])


def test_the_logged_figure_is_that_of_the_table(found, table):
    combined = value(table, task="alignment", predictor="linear_probe", metric="mse", target="combined")
    assert found.metrics["test/mse_linear_probe/all"] == pytest.approx(combined / 2)
    assert ("mse_linear_probe", "*") in record.EVALUATION_SOURCE


def test_the_same_codes_and_seed_give_the_same_power(table, poorer):
    one, other = (of[of["task"].str.endswith("ive_power")].reset_index(drop=True) for of in (table, poorer))
    pd.testing.assert_frame_equal(one, other)
