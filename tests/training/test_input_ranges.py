"""Rows that are far from what was learnt are noticed when they are predicted for."""

from __future__ import annotations

import numpy as np
import pytest

from training import input_ranges
from training.data import Block, Part, Split
from training.views import single

COLUMNS = ("speed", "height")


def split(values: np.ndarray, block: Block) -> Split:
    n = len(values)
    part = Part(np.array([str(i) for i in range(n)]), np.array(["g"] * n), single(values, "x"), np.zeros((n, 1)))
    return Split(part, part, None, {"x": block}, ("y",))


@pytest.fixture
def train() -> np.ndarray:
    return np.random.default_rng(0).uniform([0, 1.5], [2, 1.9], (200, 2))


def said(folder, values: np.ndarray, block: Block) -> tuple[str, ...]:
    return input_ranges.compare(folder, single(values, "x"), {"x": block})


def test_a_column_in_other_units_is_told_and_the_others_are_not(tmp_path, train):
    block = Block(train[:0], COLUMNS)
    input_ranges.write(tmp_path, split(train, block))
    assert said(tmp_path, train[:40], block) == ()
    (sentence,) = said(tmp_path, train[:40] * [1, 100], block)
    low, high = train[:, 1].min(), train[:, 1].max()
    assert sentence.startswith(
        f"height: 40 of 40 rows lie outside what was seen in train ({low:.4g} … {high:.4g}; here 1"
    )
    assert sentence.endswith("is it in other units?")


def test_a_few_rows_beyond_the_range_are_no_other_unit(tmp_path, train):
    block = Block(train[:0], COLUMNS)
    input_ranges.write(tmp_path, split(train, block))
    new = train[:40].copy()
    new[:5, 0] = 9
    assert said(tmp_path, new, block) == ()
    new[:9, 0] = 9
    assert "speed: 9 of 40 rows" in said(tmp_path, new, block)[0]
    assert "speed: 1 of 1 rows" in said(tmp_path, new[:1], block)[0]


def test_images_are_known_by_mean_and_spread(tmp_path):
    images = np.random.default_rng(0).integers(60, 200, (30, 3, 8, 8)).astype(np.uint8)
    block = Block(images[:0])
    input_ranges.write(tmp_path, split(images, block))
    assert said(tmp_path, images[:5], block) == ()
    dark = (images[:5] / 255).astype(np.uint8)
    assert [sentence.partition(":")[0] for sentence in said(tmp_path, dark, block)] == [
        "x, mean of its values",
        "x, spread of its values",
    ]


def test_many_columns_are_counted_and_a_model_without_ranges_says_nothing(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 9))
    block = Block(values[:0], tuple("abcdefghi"))
    assert said(tmp_path, values + 100, block) == ()
    input_ranges.write(tmp_path, split(values, block))
    sentences = said(tmp_path, values + 100, block)
    assert len(sentences) == 6
    assert sentences[-1] == "and so do 4 further columns"


def test_a_block_that_cannot_be_compared_is_said(tmp_path, train):
    input_ranges.write(tmp_path, split(train, Block(train[:0], COLUMNS)))
    begin = "x: not compared with what was seen in train, because its columns differ "
    (sentence,) = said(tmp_path, train * 100, Block(train[:0], ("speed", "size")))
    assert sentence == begin + "(only here: size; only in train: height)"
    (sentence,) = said(tmp_path, train * 100, Block(train[:0], COLUMNS[::-1]))
    assert sentence == begin + "(they are in another order)"
    input_ranges.write(tmp_path, split(np.where(train > 1.8, np.nan, train), Block(train[:0], COLUMNS)))
    (sentence,) = said(tmp_path, train, Block(train[:0], COLUMNS))
    assert sentence == "x: not compared with what was seen in train, whose values were not all finite"


def test_a_constant_column_may_differ_a_little(tmp_path):
    values = np.column_stack([np.full(30, 2.0), np.arange(30.0)])
    block = Block(values[:0], COLUMNS)
    input_ranges.write(tmp_path, split(values, block))
    assert said(tmp_path, values + np.array([0.1, 0]), block) == ()
    assert "speed: 30 of 30" in said(tmp_path, values + np.array([1, 0]), block)[0]
