"""The command line as a person meets it: answers, refusals, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pytest

from tests.forked import Forge
from training.commands import _plan
from training.contract import UserError
from training.datasets import lma, synthetic_motion
from training.study.plan import Plan
from training.tracking.store import Store

LMA = ("motion/lma_to_pad", "--dataset", "lma", "--root")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    with Forge() as started:
        yield started


class Training(Protocol):
    """Runs a command, expects an exit code, and returns what it said (errors where it is not 0)."""

    def __call__(self, *arguments: str, code: int = 0, errors: bool = False) -> str: ...


@pytest.fixture
def training(forge: Forge, folder: Path, tmp_path: Path) -> Training:
    def run(*arguments: str, code: int = 0, errors: bool = False) -> str:
        files = [tmp_path / name for name in ("said", "errors")]
        for file in files:
            file.unlink(missing_ok=True)
        worker = forge.start(arguments, {"AFFECTORY_STORE": str(folder)}, files[0], errors=str(files[1]))
        ended = worker.wait(120)
        said, complaint = (file.read_text(encoding="utf-8") for file in files)
        assert ended == code, complaint or said
        assert "Traceback" not in complaint
        return complaint if code or errors else said

    return run


def table(path: Path, **changed: list[object]) -> Path:
    """Write the synthetic set as a file in the layout of `lma`, with some columns changed."""
    data = synthetic_motion.generate()
    features, pad = data.blocks["features"], data.blocks["pad"]
    columns = {"clip": data.group, "label": data.label, **dict(zip(features.columns, features.values.T, strict=True))}
    frame = pd.DataFrame({**columns, **dict(zip(lma.PAD, pad.values.T, strict=True))})
    for name, values in changed.items():
        frame[name] = values
    frame.to_csv(path, index=False)
    return path


def test_lists_methods_and_datasets(training: Training, folder: Path) -> None:
    assert "motion/lma_to_pad" in training("methods")
    assert "synthetic_motion" in training("datasets")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study", "motion/lma_too_pad", "--dataset", "lma"], "did you mean motion/lma_to_pad"),
        (["study", "lma_vae", "--dataset", "lma"], "did you mean motion/lma_vae?"),
        (["study", "motion/lma_vae", "--dataset", "lmaa"], "unknown data set 'lmaa'; did you mean lma"),
        (["study", "motion/lma_vae", "--dataset", "lma"], "--root"),
        (["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--set", "latent=2"], "did you mean latent_size"),
        (["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--set", "latent_size=3"], "one of 1, 2, 4, 8"),
        (["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--over", "latent_size"], "expected NAME=VALUE"),
        (["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--pruner", "medium"], "did you mean median"),
        (["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--as", "lma"], "begin with 'synthetic'"),
        (["train", "motion/lma_vae", "--dataset", "synthetic_motion", "--param", "deph=2"], "did you mean depth"),
        (
            ["train", "motion/lma_vae", "--dataset", "synthetic_motion", "--param", "depth=two"],
            "expected int, found 'two'",
        ),
        (["train", "motion/lma_vae", "--dataset", "synthetic_motion", "--param", "optimiser=adm"], "did you mean adam"),
        (
            ["train", "motion/lma_vae", "--dataset", "synthetic_motion", "--param", "depth=9"],
            "expected 1 to 3, found '9'",
        ),
        (
            ["train", "motion/lma_vae", "--dataset", "synthetic_motion", "--param", "outliers=iqr"],
            "give --param iqr_factor=",
        ),
        (
            ["train", "motion/lma_vae", "--dataset", "synthetic_motion", "--param", "iqr_factor=2"],
            "iqr_factor does nothing",
        ),
        (["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--device", "cdua"], "did you mean cuda"),
        (
            ["study", "motion/lma_vae", "--dataset", "synthetic_motion", "--notify", "say {name}"],
            "{study}, {state} and",
        ),
    ],
)
def test_what_is_misspelt_is_named_with_the_nearest(
    training: Training, folder: Path, arguments: list[str], said: str
) -> None:
    assert said in training(*arguments, code=2).replace("\n", " ")
    assert not folder.exists()


def test_bad_table_is_one_message_and_leaves_no_run(training: Training, folder: Path, tmp_path: Path) -> None:
    n = len(synthetic_motion.generate().sample)
    cases = {
        "EMOTION_P": ([2.0] * n, "EMOTION_P: expected a number in [-1, 1], found '2.0'"),
        "neck_speed": (
            [0.1] * 6 + ["fast"] + [0.1] * (n - 7),
            "line 8, column neck_speed: expected a number, found 'fast'",
        ),
        "l_hand_speed": ([np.nan] + [0.1] * (n - 1), "line 2, column l_hand_speed"),
        "clip": (["one"] * n, "the data has 1 clip only"),
    }
    for name, (values, said) in cases.items():
        path = table(tmp_path / f"{name}.csv", **{name: values})
        assert said in training("study", *LMA, str(path), code=2).replace("\n", " ")
    assert "is a folder: expected a file" in training("study", *LMA, str(tmp_path), code=2)
    assert not folder.exists()


def test_dry_run_shows_the_plan_and_writes_nothing(training: Training, folder: Path) -> None:
    said = training("study", "motion/lma_vae", "--dataset", "synthetic_motion", "--dry-run", "--trials", "7")
    for words in ("SYNTHETIC", "7 trials", "5 refits on train, scored on test", "learning_rate", "nothing was written"):
        assert words in said
    assert not folder.exists()


def test_train_status_predict(training: Training, folder: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "lma.csv")
    said = training("train", *LMA, str(path), "--repeats", "1", "--epochs", "20", "--name", "one", "--as", "mine")
    assert "REAL data, mine · by clip · P A D" in said
    assert "complete" in training("status")
    out = tmp_path / "out.csv"
    training("predict", "one", str(path), "--out", str(out))
    predicted = pd.read_csv(out)
    store = Store.open(folder)
    kept = pd.read_parquet(store.artifacts(store.final("one").id) / "predictions.parquet").set_index("sample")
    data = lma.read(path, {"features": "all"})
    columns = ["pred_pleasure", "pred_arousal", "pred_dominance"]
    np.testing.assert_allclose(predicted[columns], kept.loc[data.sample, columns], atol=1e-6)
    assert "there already" in training("predict", "one", str(path), "--out", str(out), code=2)
    assert "there is no folder" in training(
        "predict", "one", str(path), "--out", str(tmp_path / "no" / "out.csv"), code=2
    )
    feet = tmp_path / "feet.csv"
    frame = pd.read_csv(path)
    frame["max_hand_distance"] *= 30.48
    frame.to_csv(feet, index=False)
    complaint = training("predict", "one", str(feet), errors=True)
    assert "max_hand_distance: " in complaint
    assert "is it in other units?" in complaint
    assert len((tmp_path / "said").read_text().splitlines()) == 1 + len(frame)
    assert "one" in training("predict", "oen", str(path), code=2)
    pad = tmp_path / "pad.csv"
    pad.write_text("EMOTION_P,EMOTION_A\n0,0\n")
    assert "max_hand_distance" in training("predict", "one", str(pad), code=2)


def test_notify_is_told_how_it_ended(training: Training, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'w').write('|'.join(sys.argv[2:]))\" {mark}"
    study = ("study", "motion/lma_to_pad", "--dataset", "synthetic_motion", "--trials", "1", "--repeats", "1")
    training(*study, "--epochs", "2", "--name", "a b", "--notify", f"{command} {{study}} {{state}} {{result}}")
    name, state, result = mark.read_text().split("|")
    assert (name, state) == ("a b", "complete")
    assert result.startswith("test MAE 0.")


def test_grid_is_every_combination() -> None:
    plan = Plan(method="m", dataset="d", name="n", settings={"c": "9"})
    plans = _plan.grid(plan, {"a": "1,2", "b": "x,y"})
    assert [dict(p.settings) for p in plans] == [{"c": "9", "a": a, "b": b} for a in "12" for b in "xy"]
    assert [p.name for p in plans] == ["n a=1 b=x", "n a=1 b=y", "n a=2 b=x", "n a=2 b=y"]
    with pytest.raises(UserError, match="given by --set and by --over"):
        _plan.grid(plan, {"c": "1"})


@pytest.mark.realdata
def test_real_table_beats_the_mean_on_unseen_clips(training: Training, folder: Path, real_data: Path) -> None:
    root = real_data / "motion" / "dance_walk_kin_1sec.csv.gz"
    training("train", *LMA, str(root), "--repeats", "1", "--epochs", "40", "--name", "real")
    figures = Store.open(folder).get("real").metrics
    for target in ("pleasure", "arousal", "dominance"):
        assert figures[f"test/mae/{target}"] < figures[f"test.mean/mae/{target}"]
        assert figures[f"test.low/mae/{target}"] < figures[f"test/mae/{target}"] < figures[f"test.high/mae/{target}"]
    # PAD is one constant triple per label there: the label's mean is the answer, and no baseline
    assert "test.label_mean/mae/all" not in figures
