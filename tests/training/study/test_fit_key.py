import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.data import Part, Split
from training.study import fit_key
from training.study.fitting import Bench
from training.views import single

BENCH = Bench({"latent_size": 2}, "cpu", 1, None, Path("cache"), "v1")
PARAMS = {"kl_weight": 0.1, "width": 8}


def split(names: str = "abcdef") -> Split:
    parts = [Part(np.array(list(some)), np.array(list(some)), single(np.zeros((3, 1))), np.zeros((3, 1)))
             for some in (names[:3], names[3:])]  # fmt: skip
    return Split(*parts, None, {}, ("y",))


def key(
    module: Any = None, bench: Bench = BENCH, params: Any = None, handed: Split | None = None, seed: int = 0
) -> str:
    return fit_key.key(module or SimpleNamespace(), bench, params or PARAMS, handed or split(), seed)


def test_the_same_fit_has_the_same_key():
    assert key() == key(params=dict(reversed(PARAMS.items())))
    assert key() == key(bench=dataclasses.replace(BENCH, cache=Path("elsewhere"), device="cuda", threads=4))


@pytest.mark.parametrize(
    "other",
    [
        {"params": {**PARAMS, "kl_weight": 10.0}},
        {"seed": 1},
        {"handed": split("abcdeg")},
        {"handed": split("bacdef")},
        {"bench": dataclasses.replace(BENCH, data_version="v2")},
        {"bench": dataclasses.replace(BENCH, settings={"latent_size": 4})},
        {"bench": dataclasses.replace(BENCH, epochs=3)},
    ],
)
def test_another_fit_has_another_key(other):
    assert key(**other) != key()


def test_a_method_that_was_edited_is_another(tmp_path):
    """So is one whose family's shared file was."""
    keys = []
    for own, shared in (("loss = 1", ""), ("loss = 2", ""), ("loss = 2", "weight = 3")):
        (tmp_path / "method.py").write_text(own)
        (tmp_path / "_family.py").write_text(shared)
        fit_key._code.cache_clear()
        keys.append(key(SimpleNamespace(__file__=str(tmp_path / "method.py"))))
    fit_key._code.cache_clear()
    assert len(set(keys)) == 3


def test_the_loop_is_part_of_every_methods_code(tmp_path, monkeypatch):
    monkeypatch.setattr(fit_key, "TRAINING", tmp_path)
    (tmp_path / "networks").mkdir()
    keys = []
    for text in ("epochs = 1", "epochs = 2"):
        (tmp_path / "networks" / "loop.py").write_text(text)
        fit_key._code.cache_clear()
        keys.append(key())
    fit_key._code.cache_clear()
    assert len(set(keys)) == 2
