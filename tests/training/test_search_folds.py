"""Folds of a search: groups of train and validation divided anew, test left as it is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.clips import dataset
from training import protocols, search_folds
from training.contract import UserError
from training.protocols import LEFT_OUT, UNLABELLED

LABELS = ["sad"] * 23 + ["happy"] * 14 + ["calm"] * 5


def groups(protocol: Any, part: str) -> set[str]:
    return set(protocol.data.group[protocol.part == part].tolist())


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(["sad", "happy", "calm"]), min_size=12, max_size=60), st.integers(0, 5), st.integers(2, 8)
)
def test_every_group_of_train_and_validation_is_held_out_once_and_test_stays(labels, seed, count):
    protocol = protocols.make(dataset(labels), "pad", seed)
    divided = search_folds.divide(protocol, count, seed)
    assert divided == protocol, "the same protocol: the same leaderboard"
    learned = groups(protocol, "train") | groups(protocol, "validation")
    held_out: list[str] = []
    always = set.intersection(*(groups(fold, "train") for fold in divided.search_folds))
    for fold in divided.search_folds:
        assert groups(fold, "test") == groups(protocol, "test")
        assert groups(fold, "train") | groups(fold, "validation") == learned
        assert not groups(fold, "train") & groups(fold, "validation")
        assert fold.groups["validation"] == len(groups(fold, "validation")) > 0
        held_out += groups(fold, "validation")
    assert sorted([*held_out, *always]) == sorted(learned)
    assert len({fold.split_id for fold in divided.search_folds}) == count


def test_groups_of_each_class_are_dealt_over_the_folds():
    protocol = search_folds.divide(protocols.make(dataset(LABELS), "pad"), 3, 0)
    data = protocol.data
    for fold in protocol.search_folds:
        happy = set(data.group[(data.label == "happy") & (fold.part == "validation")].tolist())
        assert 3 <= len(happy) <= 5


def test_the_only_group_of_a_class_is_in_train_in_every_fold():
    protocol = search_folds.divide(protocols.make(dataset([*LABELS, "bored"]), "pad"), 5, 0)
    bored = set(protocol.data.group[protocol.data.label == "bored"].tolist())
    assert all(bored <= groups(fold, "train") for fold in protocol.search_folds)
    assert "--folds: one clip alone has the class bored, and is in train in every fold of the search" in protocol.notes


def test_samples_without_a_label_follow_their_group():
    data = dataset(LABELS)
    values = data.blocks["pad"].values.copy()
    values[::3] = np.nan
    partly = dataclasses.replace(
        data, blocks={**data.blocks, "pad": dataclasses.replace(data.blocks["pad"], values=values)}
    )
    protocol = search_folds.divide(protocols.make(partly, "pad"), 4, 0)
    tested = np.isin(data.group, list(groups(protocol, "test")))
    for fold in protocol.search_folds:
        assert set(fold.part[tested]) == {"test", LEFT_OUT}
        train = np.isin(data.group, list(groups(fold, "train")))
        assert set(fold.part[train]) <= {"train", UNLABELLED}
        held_out = np.isin(data.group, list(groups(fold, "validation")))
        assert set(fold.part[held_out]) <= {"validation", LEFT_OUT}
        assert UNLABELLED in fold.part


def test_each_test_fold_has_search_folds_of_its_own():
    whole = search_folds.divide(protocols.make(dataset(LABELS), "pad", test_folds=3), 4, 0)
    assert not whole.search_folds
    for fold in whole.folds:
        assert [len(groups(one, "test") ^ groups(fold, "test")) for one in fold.search_folds] == [0] * 4


def test_more_folds_than_groups_are_refused():
    protocol = protocols.make(dataset(["sad"] * 10), "pad")
    with pytest.raises(
        UserError, match="--folds 9: train and validation have 8 clips to divide; expected 2 to 8 folds"
    ):
        search_folds.divide(protocol, 9, 0)
