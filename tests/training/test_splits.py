from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.clips import PARTS, dataset, group_parts, reordered
from training import protocols, splits
from training.contract import UserError
from training.data import Block, Dataset

EXPECTED_TEST = [3, 9, 14, 24, 31, 37, 44, 49, 55, 63, 64, 77]
EXPECTED_SPLIT = "4c9d5153e88e"
EXPECTED_FOLD = [6, 8, 12, 14, 15, 23, 33, 38, 42]


@pytest.fixture
def data():
    return dataset(["sad"] * 40 + ["happy"] * 30 + ["bored"] + ["nervous"] * 2 + ["calm"] * 5)


many_labels = st.lists(
    st.one_of(st.sampled_from("abcde"), st.lists(st.sampled_from("abcde"), min_size=1, max_size=4)),
    min_size=3,
    max_size=60,
)


class TestProperties:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(many_labels, st.integers(0, 5), st.randoms())
    def test_whatever_the_labels(self, labels, seed, random):
        data = dataset(labels)
        protocol = protocols.make(data, "pad", seed)
        pairs = set(zip(data.group.tolist(), protocol.part.tolist(), strict=True))
        assert len(pairs) == len(labels), "a group is on two sides"
        assert {part for _, part in pairs} == set(PARTS), "a part is empty"
        assert protocol.groups == {name: sum(part == name for _, part in pairs) for name in PARTS}
        order = list(range(len(data.sample)))
        random.shuffle(order)
        shuffled = protocols.make(reordered(data, order), "pad", seed)
        assert shuffled.part.tolist() == protocol.part[order].tolist(), "the order of rows matters"
        assert (shuffled.id, shuffled.split_id) == (protocol.id, protocol.split_id)
        assert shuffled == protocol
        assert hash(shuffled) == hash(protocol)

    def test_seventy_fifteen_fifteen_in_every_class(self):
        protocol = protocols.make(dataset(["sad"] * 100 + ["happy"] * 40 + ["calm"] * 20), "pad")
        assert protocol.groups == {"train": 112, "validation": 24, "test": 24}
        counts = protocol.table().drop_duplicates("group").groupby(["label", "part"]).size()
        assert counts["sad"].to_dict() == {"train": 70, "validation": 15, "test": 15}
        assert counts["happy"].to_dict() == {"train": 28, "validation": 6, "test": 6}
        assert counts["calm"].to_dict() == {"train": 14, "validation": 3, "test": 3}

    def test_a_class_of_three_clips_is_in_every_part(self):
        protocol = protocols.make(dataset(["sad"] * 40 + ["calm"] * 3), "pad")
        table = protocol.table()
        assert set(table.part[table.label == "calm"]) == set(PARTS)

    def test_the_split_of_today_is_the_split_of_tomorrow(self, data):
        # no library's generator is behind it: these clips stay where they are, or results are not comparable any more
        protocol = protocols.make(data, "pad")
        parts = group_parts(protocol)
        assert [int(g[4:]) for g, p in parts.items() if p == "test"] == EXPECTED_TEST
        assert protocol.split_id == EXPECTED_SPLIT

    def test_the_seed_changes_it_and_nothing_else_does(self, data):
        one, again, other = (protocols.make(data, "pad", seed) for seed in (0, 0, 1))
        assert one.id == again.id
        assert other.id != one.id
        assert other.groups == one.groups
        assert group_parts(other) != group_parts(one)

    def test_a_new_clip_moves_few_others(self, data):
        before = group_parts(protocols.make(data, "pad"))
        labels = ["sad"] * 40 + ["happy"] * 30 + ["bored"] + ["nervous"] * 2 + ["calm"] * 5 + ["sad"]
        after = group_parts(protocols.make(dataset(labels), "pad"))
        assert sum(before[g] != after[g] for g in before) <= 4


class TestRareClasses:
    def test_they_are_in_train_and_that_is_said(self, data):
        protocol = protocols.make(data, "pad")
        table = protocol.table()
        assert set(table.part[table.label.isin(["bored", "nervous"])]) == {"train"}
        assert protocol.notes == ("classes bored, nervous have fewer than 3 clips and are in train",)

    def test_one_class(self):
        protocol = protocols.make(dataset(["sad"] * 10 + ["bored"]), "pad")
        assert protocol.notes[0] == "class bored has fewer than 3 clips and is in train"

    def test_kinds_of_several_words_have_a_plural(self):
        data = dataset(["sad"] * 10 + ["bored"], group_kind="run of windows")
        protocol = protocols.make(data, "pad")
        assert protocol.notes == (
            "class bored has fewer than 3 runs of windows and is in train",
            "11 runs of windows in all: this split tests on 2 of them; --test-folds K or loso tests on every one",
        )

    def test_no_class_is_large_enough(self):
        protocol = protocols.make(dataset(["a", "a", "b", "b", "c", "d"]), "pad")
        assert protocol.groups == {"train": 4, "validation": 1, "test": 1}
        assert protocol.notes[0] == "too few clips of each class: the split is not stratified"

    def test_an_unknown_class_is_no_rare_class(self):
        known = ["sad"] * 20 + ["happy"] * 20
        protocol = protocols.make(dataset([*known, ["", ""], ["", ""]]), "pad")
        assert [note for note in protocol.notes if "emotion" not in note] == []
        # and no group's most frequent one
        mixed = protocols.make(dataset([*known, *[["sad", "", ""]] * 20]), "pad")
        table = mixed.table().drop_duplicates("group")
        first = table.label.groupby(table.part).value_counts().unstack(fill_value=0)
        assert first.loc["test"].to_dict() == {"happy": 3, "sad": 6}

    def test_without_classes(self):
        data = dataset(["x"] * 40, label=None)
        protocol = protocols.make(data, "pad")
        assert protocol.groups == {"train": 28, "validation": 6, "test": 6}
        assert protocol.notes == ()
        assert protocol.labels() is None
        assert list(protocol.table().columns) == ["sample", "group", "part"]

    def test_a_person_with_every_class_is_stratified_by_the_most_frequent(self):
        # 60 persons; "sad" is everyone's second class and nobody's first
        labels = [["happy", "happy", "sad"]] * 40 + [["fear", "sad", "fear"]] * 20
        protocol = protocols.make(dataset(labels, group_kind="person"), "pad")
        table = protocol.table()
        for part in ("validation", "test"):
            one = table[table.part == part]
            assert one.groupby("label").group.nunique().to_dict() == {"happy": 6, "fear": 3, "sad": 9}

    def test_classes_that_are_seldom_the_most_frequent_are_drawn_from_together(self):
        # each of the last three persons is the only one of a class that others have as well: they are one stratum
        labels = [["happy", "happy", "fear", "calm", "anger"]] * 20
        labels += [["fear"] * 2, ["calm"] * 2, ["anger"] * 2]
        parts = group_parts(protocols.make(dataset(labels, group_kind="person"), "pad"))
        assert {parts[f"clip{i:03}"] for i in (20, 21, 22)} == set(PARTS)


class TestTooFew:
    def test_one_clip_only(self):
        with pytest.raises(UserError, match=r"the data has 1 clip only; .* at least 3"):
            protocols.make(dataset(["sad"]), "pad")

    def test_two_clips(self):
        with pytest.raises(UserError, match="the data has 2 clips; train, validation and test need at least 3"):
            protocols.make(dataset(["sad", "happy"]), "pad")

    def test_three_are_enough(self):
        protocol = protocols.make(dataset(["sad", "happy", "calm"]), "pad")
        assert protocol.groups == dict.fromkeys(PARTS, 1)


@pytest.fixture
def write(tmp_path):
    def writer(content):
        path = tmp_path / "split.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return writer


class TestFewGroups:
    def test_under_forty_it_is_said_how_many_are_tested_on(self):
        few, enough = (protocols.make(dataset(["sad"] * n), "pad") for n in (39, 40))
        assert few.groups["test"] == 6
        assert few.notes == (
            "39 clips in all: this split tests on 6 of them; --test-folds K or loso tests on every one",
        )
        assert enough.notes == ()

    def test_not_of_test_folds_and_not_of_a_published_split(self):
        data = dataset(["sad"] * 20)
        published = {f"clip{i:03}": PARTS[i % 3] for i in range(20)}
        assert protocols.make(data, "pad", test_folds=5).notes == ()
        assert protocols.make(data, "pad", published=published).notes == ()


LABELS = ["sad"] * 23 + ["happy"] * 14 + ["calm"] * 5 + ["bored"]


class TestFolds:
    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(many_labels, st.integers(0, 5), st.integers(2, 60), st.randoms())
    def test_every_group_is_tested_once_whatever_the_labels(self, labels, seed, count, random):
        data, count = dataset(labels), min(max(count, 2 if len(labels) > 3 else 3), len(labels))
        whole = protocols.make(data, "pad", seed, test_folds=count)
        assert [fold.fold for fold in whole.folds] == list(range(1, count + 1))
        tested = []
        for fold in whole.folds:
            pairs = set(zip(data.group.tolist(), fold.part.tolist(), strict=True))
            assert len(pairs) == len(labels), "a group is in two parts of a fold"
            assert {part for _, part in pairs} == set(PARTS), "a part is empty"
            assert fold.groups == {name: sum(part == name for _, part in pairs) for name in PARTS}
            tested += [group for group, part in pairs if part == "test"]
        assert sorted(tested) == np.unique(data.group).tolist()
        sizes = [fold.groups["test"] for fold in whole.folds]
        assert max(sizes) - min(sizes) <= 1
        order = list(range(len(data.sample)))
        random.shuffle(order)
        shuffled = protocols.make(reordered(data, order), "pad", seed, test_folds=count)
        assert shuffled.id == whole.id
        for fold, other in zip(whole.folds, shuffled.folds, strict=True):
            assert other.part.tolist() == fold.part[order].tolist(), "the order of rows matters"
            assert other.split_id == fold.split_id

    def test_one_group_is_left_out_at_a_time(self):
        data = dataset(LABELS)
        whole = protocols.make(data, "pad", test_folds=splits.LOSO)
        assert len(whole.folds) == 43
        assert {fold.groups["test"] for fold in whole.folds} == {1}
        assert whole.groups["test"] == 43

    def test_groups_of_each_class_are_dealt_over_the_folds(self):
        """Of 23, 14, 5 and 1 groups every fifth of a class is in a fold, rounded up or down."""
        whole = protocols.make(dataset(LABELS), "pad", test_folds=5)
        table = whole.table().drop_duplicates("group")
        counts = table.groupby(["label", "fold"]).size().unstack(fill_value=0)
        for label, number in {"sad": 23, "happy": 14, "calm": 5, "bored": 1}.items():
            assert counts.loc[label].sum() == number
            assert set(counts.loc[label]) <= {number // 5, -(-number // 5)}

    def test_of_the_others_a_share_is_validation_by_class(self):
        for fold in protocols.make(dataset(LABELS), "pad", test_folds=5).folds:
            table = fold.table().drop_duplicates("group")
            others = table[table.part != "test"]
            assert fold.groups["validation"] == pytest.approx(0.15 * len(others), abs=1.5)
            assert set(others.label[others.part == "validation"]) >= {"sad", "happy"}

    def test_the_folds_of_today_are_those_of_tomorrow(self):
        whole = protocols.make(dataset(LABELS), "pad", test_folds=5)
        first = whole.folds[0]
        groups = sorted({int(group[4:]) for group in first.data.group[first.part == "test"].tolist()})
        assert groups == EXPECTED_FOLD
        assert protocols.make(dataset(LABELS), "pad", 1, test_folds=5).folds[0].split_id != first.split_id

    @pytest.mark.parametrize(
        ("labels", "count", "found"),
        [
            (["sad"] * 10, 1, "--test-folds 1: the data has 10 clips; expected 2 to 10 folds, or loso"),
            (["sad"] * 10, 11, "--test-folds 11: the data has 10 clips; expected 2 to 10 folds, or loso"),
            (["sad"] * 10, "lsoo", "--test-folds lsoo: the data has 10 clips; expected 2 to 10 folds, or loso"),
            (["sad"] * 3, 2, "--test-folds 2: the data has 3 clips; expected 3 to 3 folds, or loso"),
            (["sad"] * 2, "loso", "--test-folds loso: the data has 2 clips; .*at least 3 clips"),
            (["sad"] * 2, 2, "--test-folds 2: the data has 2 clips; .*at least 3 clips"),
        ],
    )
    def test_a_number_of_folds_that_the_groups_do_not_allow(self, labels, count, found):
        with pytest.raises(UserError, match=found):
            protocols.make(dataset(labels), "pad", test_folds=count)

    def test_they_take_the_place_of_a_published_split(self, data):
        published = {g: "test" if g > "clip060" else "train" for g in data.group.tolist()}
        whole = protocols.make(dataclasses.replace(data, published_split=published), "pad", test_folds=3)
        assert whole.id == protocols.make(data, "pad", test_folds=3).id
        assert "published" not in whole.name


class TestPublishedSplit:
    def names(self, *ranges):
        return [[f"clip{i:03}" for i in r] for r in ranges]

    def test_three_parts_are_kept(self, data, write):
        train, val, test = self.names(range(50), range(50, 60), range(60, 78))
        published = splits.read(write({"train": train, "val": val, "test": test}), data)
        protocol = protocols.make(data, "pad", 3, published)
        assert group_parts(protocol) == published
        assert protocol.groups == {"train": 50, "validation": 10, "test": 18}
        # no seed was used, so none is named, and none makes another protocol
        assert protocol.name == "lma · by clip · P A D · published split"
        assert protocol.id == protocols.make(data, "pad", 0, published).id
        assert protocol.notes == ()

    @pytest.mark.parametrize("second", ["test", "val", "validation"])
    def test_of_two_parts_the_second_is_test_and_a_share_of_train_becomes_validation(self, data, write, second):
        train, test = self.names(range(40), range(40, 78))
        published = splits.read(write({"train": train, second: test}), data)
        protocol = protocols.make(data, "pad", 0, published)
        parts = group_parts(protocol)
        assert {g for g, p in parts.items() if p == "test"} == set(test)
        assert protocol.groups == {"train": 34, "validation": 6, "test": 38}
        assert "the published split has train and test only: 15 % of the train clips are validation" in protocol.notes
        other = protocols.make(data, "pad", 1, published)
        assert other.name == "lma · by clip · P A D · split seed 1 · published split"
        assert other.groups == protocol.groups
        assert group_parts(other) != parts
        assert {g for g, p in group_parts(other).items() if p == "test"} == set(test)

    def test_validation_out_of_train_is_stratified(self, write):
        data = dataset(["sad"] * 20 + ["happy"] * 20 + ["bored"] + ["calm"] * 9)
        train, test = self.names(range(41), range(41, 50))
        protocol = protocols.make(data, "pad", 0, splits.read(write({"train": train, "test": test}), data))
        table = protocol.table().drop_duplicates("group")
        assert table.label[table.part == "validation"].value_counts().to_dict() == {"sad": 3, "happy": 3}
        assert "class bored has fewer than 2 clips and is in train" in protocol.notes

    def test_the_data_sets_own_is_taken(self, data):
        own = {g: "test" if g > "clip060" else "validation" if g > "clip050" else "train" for g in data.group.tolist()}
        protocol = protocols.make(dataclasses.replace(data, published_split=own), "pad")
        assert group_parts(protocol) == own
        assert protocol.name.endswith(" · published split")

    def test_names_that_the_data_lacks_are_counted(self, data, write):
        train, test = self.names(range(40), range(40, 78))
        published = splits.read(write({"train": [*train, "S999", "S998"], "test": test}), data)
        protocol = protocols.make(data, "pad", 0, published)
        assert "the published split names 2 clips that the data does not have" in protocol.notes

    def test_a_misspelt_group(self, data, write):
        train, test = self.names(range(40), range(40, 78))
        path = write({"train": ["clip_000", *train[1:]], "test": test})
        with pytest.raises(UserError) as error:
            splits.read(path, data)
        assert str(error.value) == (
            f"{path}: 1 of 78 clips of lma are in no part; the first is 'clip000'; nearest: 'clip_000'"
        )

    def test_a_group_in_two_parts(self, data, write):
        with pytest.raises(UserError, match="clip 'clip001' is in train and in test"):
            splits.read(write({"train": ["clip001"], "test": ["clip001"]}), data)

    def test_one_part_may_take_all_others(self, data, write):
        published = splits.read(write({"train": "others", "val": ["clip005"], "test": ["clip001", "clip002"]}), data)
        named = {group: part for group, part in published.items() if part != "train"}
        assert named == {"clip001": "test", "clip002": "test", "clip005": "validation"}
        assert {*published} == {*data.group.tolist()}
        with pytest.raises(UserError, match="found 'others' in train and test"):
            splits.read(write({"train": "others", "test": "others"}), data)

    def test_a_misspelt_part(self, data, write):
        with pytest.raises(UserError, match="found the part 'trian'; nearest: 'train'"):
            splits.read(write({"trian": []}), data)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"train": [\n"a",,]}', r"split.json, line 2: expected JSON, found: "),
            ("", "line 1: expected JSON"),
            ("[1, 2]", 'expected {"train": .*, found a list'),
            ('{"train": "clip000"}', "found part 'train' that is no list of names"),
            ('{"train": [["clip000"]]}', "no list of names"),
        ],
    )
    def test_what_is_no_split_file(self, data, write, content, message):
        with pytest.raises(UserError, match=message):
            splits.read(write(content), data)

    def test_what_cannot_be_read(self, data, tmp_path):
        with pytest.raises(UserError, match=r"none.json cannot be read: No such file"):
            splits.read(tmp_path / "none.json", data)
        with pytest.raises(UserError, match="cannot be read: Is a directory"):
            splits.read(tmp_path, data)
        (tmp_path / "latin.json").write_bytes('{"train": ["é"]}'.encode("latin-1"))
        with pytest.raises(UserError, match="expected UTF-8 text, found the byte 0xe9"):
            splits.read(tmp_path / "latin.json", data)

    def test_an_empty_part(self, data):
        everyone = dict.fromkeys(data.group.tolist(), "train")
        with pytest.raises(UserError, match="leaves test without a clip of lma"):
            protocols.make(data, "pad", 0, everyone)
        few = dict.fromkeys(data.group.tolist(), "test") | {"clip000": "train"}
        with pytest.raises(UserError, match="has 1 clip in train; 2 are needed"):
            protocols.make(data, "pad", 0, few)

    def test_a_group_that_a_published_split_forgets(self, data):
        with pytest.raises(UserError, match="77 of 78 clips of lma are in no part"):
            protocols.make(data, "pad", 0, {"clip000": "train", "x": "test"})
        with pytest.raises(UserError, match="is in 'dev'; expected train, validation, test"):
            protocols.make(data, "pad", 0, dict.fromkeys(data.group.tolist(), "dev"))


@pytest.fixture
def folder(real_data):
    return real_data


@pytest.mark.realdata
class TestRealData:
    def test_nervous_and_bored_are_in_train(self, folder):
        table = pd.read_csv(folder / "motion" / "dance_walk_kin_1sec.csv.gz")
        group = table["clip"].to_numpy(dtype=np.str_)
        axes = table[["EMOTION_P", "EMOTION_A", "EMOTION_D"]].to_numpy()
        data = Dataset(
            name="lma",
            version="test",
            synthetic=False,
            blocks={"pad": Block(axes, ("pleasure", "arousal", "dominance"), -1, 1)},
            sample=np.char.add(np.char.add(group, "/"), table["window"].to_numpy(dtype=np.str_)),
            group=group,
            group_kind="clip",
            persons_known=False,
            label=table["label"].to_numpy(dtype=np.str_),
        )
        protocol = protocols.make(data, "pad")
        assert protocol.groups == {"train": 715, "validation": 153, "test": 153}
        assert protocol.notes[1] == "classes bored, nervous have fewer than 3 clips and are in train"
        parts = protocol.table()
        assert set(parts.part[parts.label.isin(["nervous", "bored"])]) == {"train"}
        assert parts.groupby("group").part.nunique().max() == 1
        everywhere = parts.groupby("label").part.nunique()
        assert (everywhere.drop(["nervous", "bored"]) == 3).all()

    def test_the_meshes_split_of_two_parts(self, folder):
        meshes = np.load(folder / "meshes" / "ckplus_facemesh468.npz", allow_pickle=False)
        names = meshes["filename"].astype(np.str_)
        group = np.array([name.split("_")[0] for name in names.tolist()])
        data = Dataset(
            name="ckplus",
            version="test",
            synthetic=False,
            blocks={"class": Block(np.zeros((len(names), 1)), ("emotion",))},
            sample=names,
            group=group,
            group_kind="person",
            persons_known=True,
            label=meshes["label"].astype(np.str_),
        )
        protocol = protocols.make(data, "class", 0, splits.read(folder / "meshes" / "split.json", data))
        assert sum(protocol.groups.values()) == 118
        assert protocol.groups["validation"] == pytest.approx(0.15 * (118 - protocol.groups["test"]), abs=1.5)
        assert len(set(protocol.table().loc[lambda t: t.part == "validation", "label"])) >= 5


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[" * 100_000, "brackets within brackets"), (b'{"train": [' + b"9" * 5000 + b"]}", "Exceeds the limit")],
)
def test_a_hostile_split_file_is_refused(tmp_path, content, message):
    (tmp_path / "split.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        splits.read(tmp_path / "split.json", None)


def test_classes_of_three_groups_are_told_that_parts_are_larger_than_meant():
    classes = {f"{label}{i}": Counter({label: 5}) for label in "abcdef" for i in range(3)}
    parts, notes = splits._draw(classes, "clip", 0, [("test", 0.15), ("validation", 0.15)])
    assert Counter(parts.values()) == {"train": 6, "validation": 6, "test": 6}
    assert "6 of 6 classes have so few clips" in notes[0]
    assert "33% in test (15% are meant) and 33% in validation" in notes[0]
    assert "--test-folds" in notes[0]
    enough = {f"{label}{i}": Counter({label: 5}) for label in "abcdef" for i in range(10)}
    assert splits._draw(enough, "clip", 0, [("test", 0.15), ("validation", 0.15)])[1] == []
