from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from affect import metrics
from affect.record import PICTURE
from tests.training.study import toys
from training import protocols
from training.contract import LABEL, Method, Outcome
from training.data import Block
from training.study import scoring


@pytest.fixture(scope="module")
def protocol() -> protocols.Protocol:
    return toys.prepared().protocol


def truths(protocol: protocols.Protocol) -> dict[str, Any]:
    return {name: np.asarray(values, float).copy() for name, values in protocol.truth().items()}


def outcome(predictions: dict[str, Any], **rest: Any) -> Outcome:
    return Outcome(model=None, predictions=predictions, **rest)


def test_perfect_predictions_score_perfectly(protocol: protocols.Protocol) -> None:
    figures = scoring.scores(protocol, outcome(truths(protocol)), toys.METHOD)
    assert figures["test/mae/all"] == 0
    assert figures["val/ccc/pleasure"] == pytest.approx(1)
    assert not [name for name in figures if name.startswith("train")]
    assert figures["val/mae/all"] == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: p.pop("test"), "no predictions for test"),
        (lambda p: p.update(test=p["test"][1:]), r"test have shape .*expected"),
        (lambda p: p["validation"].__setitem__((0, 1), np.inf), "1 NaN or inf"),
    ],
)
def test_what_cannot_be_scored_is_refused(protocol: protocols.Protocol, spoil: Any, said: str) -> None:
    predictions = truths(protocol)
    spoil(predictions)
    with pytest.raises(ValueError, match=said):
        scoring.check(protocol, outcome(predictions), ("train", "validation", "test"))


def test_label_that_determines_the_targets_is_no_baseline(protocol: protocols.Protocol) -> None:
    assert "test.label_mean/mae/all" in scoring.baselines(protocol)
    data = protocol.data
    classes, number = np.unique(data.label, return_inverse=True)
    triples = np.random.default_rng(0).uniform(-1, 1, (len(classes), 3))
    block = dataclasses.replace(data.blocks["pad"], values=triples[number])
    constant = dataclasses.replace(data, blocks={**data.blocks, "pad": block})
    figures = scoring.baselines(protocols.make(constant, "pad"))
    assert "test.mean/mae/all" in figures
    assert not [name for name in figures if "label_mean" in name]


def test_samples_without_an_emotion_are_left_out_of_the_label_mean_and_that_is_said(
    protocol: protocols.Protocol,
) -> None:
    label = protocol.data.label.copy()
    label[::3] = ""
    partly = protocols.make(dataclasses.replace(protocol.data, label=label), "pad")
    count = f"{int((label == '').sum())} of {len(label)} samples have no emotion"
    assert [note for note in partly.notes if note.startswith(count)]
    known = {part: partly.labels()[part] != "" for part in ("train", "test")}
    truth = {part: partly.truth()[part][known[part]] for part in known}
    labels = {part: partly.labels()[part][known[part]] for part in known}
    row = metrics.label_mean_row(truth["train"], labels["train"], labels["test"])
    by_name = scoring.baselines(partly)
    assert by_name["test.label_mean/mae/all"] == pytest.approx(np.abs(row - truth["test"]).mean())
    assert by_name["test.mean/mae/all"] == pytest.approx(
        np.abs(partly.truth()["train"].mean(axis=0) - partly.truth()["test"]).mean()
    )
    nobody = protocols.make(dataclasses.replace(protocol.data, label=np.full_like(label, "")), "pad")
    assert not [name for name in scoring.baselines(nobody) if "label_mean" in name]


def test_predictions_table_holds_every_digit(protocol: protocols.Protocol) -> None:
    predictions = {name: values + 1 / 3 for name, values in truths(protocol).items()}
    table = scoring.predictions_table(protocol, predictions)
    assert len(table) == len(protocol.part)
    for part, values in predictions.items():
        rows = table[table.part == part]
        np.testing.assert_array_equal(rows[[f"pred_{t}" for t in protocol.targets]].to_numpy(), values)
        assert rows["sample"].tolist() == protocol.data.sample[protocol.rows(part)].tolist()


def test_summary_is_mean_and_sd_over_seeds_and_an_interval_over_groups(protocol: protocols.Protocol) -> None:
    rng = np.random.default_rng(1)
    predicted = [truths(protocol)["test"] + rng.normal(0, 0.1, (1, 3)) for _ in range(3)]
    finals = [
        scoring.scores(protocol, outcome({**truths(protocol), "test": one}), toys.METHOD) | {"cost/seconds": 2.0}
        for one in predicted
    ]
    figures = scoring.summary(protocol, finals, predicted)
    values = [final["test/mae/all"] for final in finals]
    assert figures["test/mae/all"] == pytest.approx(np.mean(values))
    assert figures["test.sd/mae/all"] == pytest.approx(np.std(values, ddof=1))
    assert figures["test.groups/mae/all"] == protocol.groups["test"]
    assert "test.mean/mae/all" not in figures
    assert figures["cost/seconds"] == 2.0
    # the error of a constant shift is the same for each group: nothing changes with a group less
    assert figures["test.low/mae/all"] == pytest.approx(figures["test.high/mae/all"])
    alone = scoring.summary(protocol, finals[:1], predicted[:1])
    assert not [name for name in alone if ".sd/" in name]


def test_codes_of_two_lengths_share_a_table(protocol: protocols.Protocol) -> None:
    n = int((protocol.part == "test").sum())
    table = scoring.embeddings_table(protocol, {"z": {"test": np.ones((n, 1))}, "h": {"test": np.zeros((n, 2))}})
    assert table.columns.tolist() == ["sample", "part", "code", "d0", "d1"]
    assert table[table.code == "z"].d1.isna().all()


@pytest.fixture(scope="module")
def classes(protocol: protocols.Protocol) -> protocols.Protocol:
    return protocols.make(protocol.data, LABEL)


def certain(classes: protocols.Protocol) -> dict[str, Any]:
    """Probabilities of which the true class has most."""
    eye = np.eye(len(classes.classes)) * 0.6 + 0.4 / len(classes.classes)
    return {part: eye[np.searchsorted(classes.classes, names[:, 0])] for part, names in classes.truth().items()}


def test_a_classifier_is_scored_by_its_most_probable_class(classes: protocols.Protocol) -> None:
    chosen = Method("toy", "tests", "motion", "features", LABEL, "f1")
    right = outcome(certain(classes))
    scoring.check(classes, right, ("train", "validation", "test"))
    figures = scoring.scores(classes, right, chosen)
    assert figures["test/f1/emotion"] == figures["test/accuracy/all"] == figures["val/uar/all"] == 1
    assert "test/mae/all" not in figures
    majority = scoring.baselines(classes)
    most = metrics.majority_row(classes.truth()["train"][:, 0], 1)[0]
    assert majority["test.majority/accuracy/all"] == pytest.approx((classes.truth()["test"] == most).mean())
    over_groups = scoring.intervals(classes, [scoring.predicted(classes, right.predictions["test"])])
    assert over_groups["test.low/f1/all"] == 1
    table = scoring.predictions_table(classes, right.predictions)
    assert (table.true_emotion == table.pred_emotion).all()
    assert table[[f"prob_{name}" for name in classes.classes]].sum(axis=1).to_numpy() == pytest.approx(1)


@pytest.mark.parametrize("spoil", [lambda p: p * 2, lambda p: p - 0.5])
def test_what_is_no_probability_is_refused(classes: protocols.Protocol, spoil: Any) -> None:
    with pytest.raises(ValueError, match="no probabilities"):
        scoring.check(
            classes, outcome({part: spoil(p) for part, p in certain(classes).items()}), ("train", "validation")
        )


def test_reconstructed_images_are_scored_and_can_be_scored_again(protocol: protocols.Protocol) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (len(protocol.part), 3, 4, 4)).astype(np.uint8)
    blocks = {**protocol.data.blocks, "images": Block(images)}
    faces = protocols.make(dataclasses.replace(protocol.data, blocks=blocks), "pad")
    again = {part: images[faces.rows(part)] + np.uint8(51) for part in ("validation", "test")}
    method = Method("toy", "tests", "motion", "images", "pad", "mse", objective_weights={PICTURE: 2.0, "all": 1.0})
    given = outcome(truths(faces), images=again)
    scoring.check(faces, given, ("train", "validation", "test"))
    figures = scoring.scores(faces, given, method)
    assert figures[f"test/mae/{PICTURE}"] == pytest.approx(0.2)
    assert figures[f"test/mse/{PICTURE}"] == pytest.approx(0.04)
    assert figures["test/mse/all"] == 0, "images are no target"
    assert figures["val/mse/weighed"] == pytest.approx(0.08)
    assert scoring.objectives(method) == ["val/mse/weighed"]
    assert scoring.objectives(method, multi_objective=True) == [f"val/mse/{PICTURE}", "val/mse/all"]
    table = scoring.tables(faces, given)["reconstructions.parquet"]
    assert table[table.part == "test"].mse.mean() == figures[f"test/mse/{PICTURE}"]
    trivial = scoring.baselines(faces, images=True)
    assert trivial[f"test.mean/mae/{PICTURE}"] == pytest.approx(50 / 255, rel=0.05), "uniform noise about its mean"
    with pytest.raises(ValueError, match="expected uint8"):
        scoring.check(faces, outcome(truths(faces), images={"test": again["test"][:, :1]}), ("test",))


def test_summary_counts_the_seeds_of_a_metric_that_some_lack() -> None:
    finals = [{"test/mae/all": 1.0, "cost/seconds": 1.0}, {"test/mae/all": 3.0, "test/mae_round_trip/all": 0.5}]
    summed = scoring.over_seeds(finals)
    assert summed["test/mae/all"] == 2.0
    assert "test.seeds/mae/all" not in summed
    assert (summed["test/mae_round_trip/all"], summed["test.seeds/mae_round_trip/all"]) == (0.5, 1.0)
