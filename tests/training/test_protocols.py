from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.tree import DecisionTreeRegressor

from affect import metrics
from tests import small_data
from tests.training.clips import PARTS, dataset, group_parts, reordered
from training import protocols, views
from training.contract import LABEL, LABEL_RULE, WINDOW_MEAN, Method, UserError
from training.data import Block, Dataset, Stream
from training.study import scoring
from training.views import single

METHOD = Method("toy", "tests", "motion", "features", "pad")
CLASSIFIER = dataclasses.replace(METHOD, targets=LABEL, objective="f1")
AUTOENCODER = dataclasses.replace(METHOD, targets="features")
GENERATOR = dataclasses.replace(METHOD, inputs="pad", targets="features")
WINDOWED = dataclasses.replace(METHOD, settings={"window_s": (1, 2, 4)}, context="window_s")


@pytest.fixture
def data():
    return dataset(["sad"] * 40 + ["happy"] * 30 + ["bored"] + ["nervous"] * 2 + ["calm"] * 5)


def split(data, *, test=False, method=METHOD, **settings):
    return protocols.for_method(method, data, settings).split(method, settings, test=test)


def with_block(data, name, block):
    return dataclasses.replace(data, blocks={**data.blocks, name: block})


class TestWhatAMethodSees:
    def test_the_search_sees_no_test_part(self, data):
        handed = split(data)
        assert handed.test is None
        assert list(handed.parts()) == ["train", "validation"]

    @pytest.mark.parametrize("method", [METHOD, CLASSIFIER])
    def test_test_targets_and_labels_are_hidden(self, data, method):
        protocol = protocols.for_method(method, data, {})
        handed = protocol.split(method, {}, test=True)
        assert handed.test.y is None
        assert handed.test.label is None
        with pytest.raises(ValueError, match="hidden or unknown"):
            handed.test.targets()
        assert len(handed.test) == len(handed.test.x) == len(protocol.truth()["test"]) == len(protocol.labels()["test"])
        assert handed.train.y is not None
        assert handed.validation.label is not None

    def test_an_autoencoder_gets_test_inputs_though_they_are_its_targets(self, data):
        protocol = protocols.for_method(AUTOENCODER, data, {})
        test = protocol.split(AUTOENCODER, {}, test=True).test
        assert test.y is None
        np.testing.assert_array_equal(np.asarray(test.x), protocol.truth()["test"])

    def test_rows_of_a_part_stay_together(self, data):
        protocol = protocols.make(data, "pad")
        handed, truth, labels = protocol.split(METHOD, {}, test=True), protocol.truth(), protocol.labels()
        row = {sample: i for i, sample in enumerate(data.sample.tolist())}
        for name, part in handed.parts().items():
            rows = protocol.rows(name)
            assert sorted(rows) == np.flatnonzero(protocol.part == name).tolist()
            if name != "test":
                assert [row[sample] for sample in part.sample.tolist()] == rows.tolist()
                np.testing.assert_array_equal(part.group, data.group[rows])
                np.testing.assert_array_equal(part.inputs.sequence, data.sequence[rows])
                np.testing.assert_array_equal(part.y, data.blocks["pad"].values[rows])
            np.testing.assert_array_equal(np.asarray(part.x), data.blocks["features"].values[rows])
            np.testing.assert_array_equal(truth[name], data.blocks["pad"].values[rows])
            np.testing.assert_array_equal(labels[name], data.label[rows])
            np.testing.assert_array_equal(part.inputs.time, data.time[rows])
        assert sum(map(len, handed.parts().values())) == len(data.sample)

    def test_a_classifiers_targets_are_places_among_the_classes(self, data):
        handed = split(data, method=CLASSIFIER)
        assert handed.classes == ("bored", "calm", "happy", "nervous", "sad")
        assert [handed.classes[index] for index in handed.train.y] == handed.train.label.tolist()

    def test_names_and_range(self, data):
        handed = split(data)
        assert list(handed.blocks) == ["features"]
        assert handed.block.columns == ("a", "b", "c", "d", "e")
        assert handed.block.values.shape == (0, 5), "a description has no rows"
        assert handed.targets == ("pleasure", "arousal", "dominance")
        assert (handed.low, handed.high) == (-1, 1)
        images = dataclasses.replace(METHOD, inputs="images")
        assert split(data, method=images).train.x.shape[1:] == (2, 2)

    def test_a_method_cannot_change_the_data(self, data):
        protocol = protocols.make(data, "pad")
        part = protocol.split(METHOD, {}, test=False).train
        for values in (part.x.values, part.y, part.label, part.sample, part.inputs.sequence):  # trials share a split
            with pytest.raises(ValueError, match="read-only"):
                values[0] = values[1]
        protocol.truth()["test"][:] = 0
        assert (protocol.truth()["test"] != 0).any()
        with pytest.raises(ValueError, match="read-only"):
            protocol.part[0] = "test"

    def test_table(self, data):
        table = protocols.make(data, "pad").table()
        assert list(table.columns) == ["sample", "group", "part", "label"]
        assert len(table) == len(data.sample)
        assert table.groupby("group").part.nunique().max() == 1

    def test_inputs_that_are_not_there_are_named(self, data):
        with pytest.raises(UserError, match="lma: there is no block 'video'; there are features, pad, images"):
            split(data, method=dataclasses.replace(METHOD, inputs=("features", "video")))
        untimed = dataclasses.replace(data, time=None)
        with pytest.raises(UserError, match="lma: the block 'features' is looked back on, and the samples have no"):
            split(untimed, method=WINDOWED, window_s=2)

    def test_without_classes_there_are_no_labels(self):
        data = dataset(["x"] * 40, label=None)
        assert split(data).train.label is None
        assert protocols.make(data, "pad").labels() is None
        with pytest.raises(UserError, match="lma has no classes to predict"):
            protocols.make(data, LABEL)


class TestWhatCannotBeSplit:
    def test_unknown_block(self, data):
        with pytest.raises(UserError, match="lma has no block 'padd'; it has features, pad, images"):
            protocols.make(data, "padd")
        with pytest.raises(UserError, match="no named columns"):
            protocols.make(data, "images")

    def test_sample_names_that_occur_twice(self, data):
        with pytest.raises(ValueError, match="occur twice"):
            protocols.make(dataclasses.replace(data, sample=np.full(len(data.sample), "s")), "pad")

    def test_a_recording_in_two_groups(self, data):
        """Its frames hardly differ: what is learned from some of them is known of the others."""
        sequence = data.sequence.copy()
        sequence[3:6] = sequence[0]
        with pytest.raises(
            UserError,
            match=r"lma: the recording 'clip000' is in two clips, 'clip000' and 'clip001'; a split must not divide it "
            r"\(found in 1 of 77 recordings\)",
        ):
            protocols.make(dataclasses.replace(data, sequence=sequence), "pad")
        several = dataclasses.replace(data, sequence=np.char.add(data.sequence, np.where(data.time % 2, "b", "a")))
        assert protocols.make(several, "pad").groups == protocols.make(data, "pad").groups, "a clip may have several"

    def test_frames_as_groups(self, data):
        """A split by frame is offered nowhere."""
        with pytest.raises(UserError, match=r"is in two samples.*found in 78 of 78 recordings"):
            protocols.make(dataclasses.replace(data, group=data.sample, group_kind="sample"), "pad", test_folds=2)


class TestNamesAndIds:
    def test_names(self, data):
        def name(method=METHOD, seed=0, settings=None, folds=None, **changes):
            changed = dataclasses.replace(data, **changes)
            return protocols.for_method(method, changed, settings or {}, seed, test_folds=folds).name

        assert name() == "lma · by clip · P A D"
        assert name(GENERATOR) == "lma · by clip · 5 features"
        assert name(AUTOENCODER) == "lma · by clip · 5 features reconstructed"
        assert name(seed=1) == "lma · by clip · P A D · split seed 1"
        assert name(name="synthetic motion") == "synthetic motion · by clip · P A D"
        assert name(CLASSIFIER) == "lma · by clip · emotion"
        assert name(folds=7) == "lma · by clip · P A D · 7 test folds"
        assert name(folds="loso") == "lma · by clip · P A D · leave one clip out"
        assert (
            name(WINDOWED, settings={"window_s": 4, LABEL_RULE: WINDOW_MEAN})
            == "lma · by clip · P A D (window mean 4 s)"
        )
        assert name(WINDOWED, settings={"window_s": 4}) == name()

    def test_few_columns_are_named(self, data):
        data = with_block(data, "va", Block(np.zeros((len(data.sample), 2)), ("valence", "arousal")))
        data = with_block(data, "two", Block(np.zeros((len(data.sample), 2)), ("speed", "volume")))
        assert protocols.make(data, "va").name == "lma · by clip · V A"
        assert protocols.make(data, "two").name == "lma · by clip · speed volume"

    def test_persons_unknown_is_said(self, data):
        protocol = protocols.make(dataclasses.replace(data, persons_known=False), "pad")
        assert protocol.notes[0].startswith("persons unknown")
        assert not any("persons" in note for note in protocols.make(data, "pad").notes)

    def test_the_id_is_that_of_all_that_makes_figures_comparable(self, data):
        one = protocols.make(data, "pad")
        pad = data.blocks["pad"]

        def other(**changes):
            return protocols.make(dataclasses.replace(data, **changes), "pad")

        def with_pad(**changes):
            return other(blocks=dict(data.blocks) | {"pad": dataclasses.replace(pad, **changes)})

        different = [
            other(name="lma2"),
            other(version="v2"),
            other(published_split={g: "train" if g < "clip050" else "test" for g in data.group.tolist()}),
            protocols.make(data, "features"),
            protocols.make(data, "features", reconstructed=True),
            protocols.make(data, LABEL),
            protocols.make(data, "pad", 1),
            protocols.make(data, "pad", test_folds=3),
            protocols.make(data, "pad", test_folds=4),
            protocols.make(data, "pad", 1, test_folds=4),
            protocols.make(data, "pad", test_folds="loso"),
            protocols.make(data, "pad", label_rule=WINDOW_MEAN, seconds=2.0),
            protocols.make(data, "pad", label_rule=WINDOW_MEAN, seconds=4.0),
            with_pad(low=-10.0),
            with_pad(columns=("pleasure", "arousal", "control")),
        ]
        assert len({p.id for p in (one, *different)}) == len(different) + 1
        assert all(p != one for p in different)
        # what a study compares within a protocol does not move it: fewer input columns, figures of the summary
        fewer = dataclasses.replace(data.blocks["features"], columns=("a", "b", "c", "d"))
        assert other(blocks=dict(data.blocks) | {"features": fewer}).id == one.id
        assert other(summary={"rows": 3}).id == one.id

    def test_what_a_method_is_given_does_not_change_it(self, data):
        """One frame, four seconds, one modality or two: they predict the same samples, and are ranked together."""
        start = np.arange(0.0, len(data.sample))
        stream = Stream(data.sequence, start - 1, start)
        data = with_block(data, "audio", Block(np.zeros((len(start), 2)), stream=stream))
        by_modality = {"video": ("features",), "audio": ("audio",), "both": ("features", "audio")}
        either = dataclasses.replace(
            WINDOWED, inputs={"modality": by_modality}, settings={"modality": tuple(by_modality), **WINDOWED.settings}
        )
        made = [
            protocols.for_method(METHOD, data, {}),
            protocols.for_method(dataclasses.replace(METHOD, inputs="images"), data, {}),
            *(protocols.for_method(WINDOWED, data, {"window_s": seconds}) for seconds in (1, 4)),
            *(protocols.for_method(either, data, {"modality": one, "window_s": 2}) for one in by_modality),
        ]
        assert len({(p.id, p.name, p.split_id) for p in made}) == 1
        handed = [
            p.split(either, {"modality": one, "window_s": 2}, test=True)
            for p, one in zip(made[-3:], by_modality, strict=True)
        ]
        assert [list(s.test.inputs) for s in handed] == [["features"], ["audio"], ["features", "audio"]]
        assert len({tuple(s.test.sample.tolist()) for s in handed}) == 1

    def test_protocols_of_one_data_set_share_their_split(self, data):
        made = [protocols.make(data, targets) for targets in ("pad", "features")]
        assert made[0].split_id == made[1].split_id
        assert made[0].id != made[1].id

    def test_a_protocol_is_a_key(self, data):
        one, again = protocols.make(data, "pad"), protocols.make(data, "pad")
        assert {one: 1}[again] == 1
        assert one != one.id
        folded = protocols.make(data, "pad", test_folds=3)
        assert len({folded, *folded.folds}) == 4, "a fold is none of the others, though they share an id"
        assert {fold.id for fold in folded.folds} == {folded.id}
        assert {fold.name for fold in folded.folds} == {folded.name}


class TestLabelRule:
    @pytest.fixture
    def uneven(self):
        """Two labels a second, in recordings of 6 samples; the label is the sample's place in its recording."""
        data = dataset(["sad"] * 40, rows=6)
        place = np.tile(np.arange(6.0), 40)
        data = dataclasses.replace(data, time=place / 2)
        return with_block(data, "va", Block(place[:, None] / 10, ("valence",), -1.0, 1.0))

    def test_the_mean_label_of_the_window_that_ends_with_the_sample(self, uneven):
        protocol = protocols.make(uneven, "va", label_rule=WINDOW_MEAN, seconds=1.5)
        np.testing.assert_allclose(protocol.values[:6, 0], [0, 0.05, 0.1, 0.2, 0.3, 0.4])
        np.testing.assert_allclose(protocol.values.reshape(40, 6), protocol.values[:6, 0] * np.ones((40, 1)))
        assert protocols.make(uneven, "va", seconds=1.5).values[:6, 0].tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5]

    def test_it_is_the_truth_that_is_scored_and_learned(self, uneven):
        method = dataclasses.replace(WINDOWED, targets="va")
        settings = {"window_s": 1, LABEL_RULE: WINDOW_MEAN}
        protocol = protocols.for_method(method, uneven, settings)
        handed = protocol.split(method, settings, test=False)
        assert handed.train.y[:6, 0] == pytest.approx([0, 0.05, 0.15, 0.25, 0.35, 0.45])
        assert protocol.truth()["test"].max() == pytest.approx(0.45)

    def test_unlabelled_samples_of_the_window_do_not_count(self, uneven):
        values = uneven.blocks["va"].values.copy()
        values[1] = np.nan
        uneven = with_block(uneven, "va", dataclasses.replace(uneven.blocks["va"], values=values))
        found = protocols.make(uneven, "va", label_rule=WINDOW_MEAN, seconds=1.5).values[:6, 0]
        np.testing.assert_allclose(found, [0, np.nan, 0.1, 0.25, 0.3, 0.4])

    def test_it_needs_time_and_a_window(self, uneven):
        for data, seconds in ((uneven, None), (dataclasses.replace(uneven, time=None), 1.5)):
            with pytest.raises(
                UserError, match="label=window_mean needs recordings with time, and a method that looks"
            ):
                protocols.make(data, "va", label_rule=WINDOW_MEAN, seconds=seconds)


def test_folds_say_which_class_train_lacks_in_one_of_them():
    data = dataset(["sad"] * 9 + ["happy"] * 8 + ["bored"])
    whole = protocols.for_method(CLASSIFIER, data, {}, test_folds=3)
    lacking = [fold for fold in whole.folds if "bored" not in fold.split(CLASSIFIER, {}, test=True).train.label]
    assert len(lacking) == 1
    note = "1 class with one clip only (bored): in the fold that tests this clip, train has no sample of the class"
    k = lacking[0].fold
    others = ", ".join(str(fold.fold) for fold in whole.folds if fold.fold != k)
    drawn = f"folds {others} of 3: class bored has fewer than 2 clips and is in train"
    assert whole.notes == lacking[0].notes == (drawn, note)
    assert protocols.for_method(METHOD, data, {}, test_folds=3).notes == (drawn,)


def test_notes_of_the_draw_in_each_fold_name_the_fold():
    notes = protocols.make(dataset(["sad", "happy", "bored", "calm"]), "pad", test_folds=4).notes
    assert notes[0] == "in each fold: too few clips of each class: the split is not stratified"
    crowded = protocols.make(dataset(["sad"] * 5 + ["happy"] * 20), "pad", test_folds=5).notes
    assert not [note for note in crowded if "--test-folds" in note]


def test_windows_are_found_once_for_all_folds_and_their_splits(data, monkeypatch):
    calls = []
    look_back = views.look_back
    monkeypatch.setattr(views, "look_back", lambda *rest: calls.append(rest) or look_back(*rest))
    whole = protocols.for_method(WINDOWED, data, {"window_s": 2}, test_folds=3)
    handed = [fold.split(WINDOWED, {"window_s": 2}, test=test) for fold in whole.folds for test in (False, True)]
    assert len(calls) == 1
    assert handed[0].train.x.shape[1] == 2
    whole.split(WINDOWED, {"window_s": 4}, test=False)
    assert len(calls) == 2


def test_train_and_validation_joined_are_the_rows_of_both(data):
    settings = {"window_s": 2}
    protocol = protocols.for_method(WINDOWED, data, settings)
    handed = protocol.split(WINDOWED, settings, test=True)
    joined = handed.joined()
    rows = np.concatenate([protocol.rows("train"), protocol.rows("validation")])
    assert joined.train.sample.tolist() == data.sample[rows].tolist()
    np.testing.assert_array_equal(joined.train.targets(), data.blocks["pad"].values[rows])
    values, mask = joined.train.x[:]
    for part, some in (
        (handed.train, slice(None, len(handed.train))),
        (handed.validation, slice(len(handed.train), None)),
    ):
        np.testing.assert_array_equal(values[some], part.x[:][0])
        np.testing.assert_array_equal(mask[some], part.x[:][1])
    assert (joined.validation, joined.test) == (handed.validation, handed.test)
    with pytest.raises(ValueError, match="of other values"):
        handed.train.concatenate(dataclasses.replace(handed.validation, inputs=single(values, "features")))


class TestUnlabelled:
    @pytest.fixture
    def labelled(self):
        """40 clips of 3 windows."""
        return dataset(["sad"] * 20 + ["happy"] * 20)

    @pytest.fixture
    def partly(self, labelled):
        """The same, but for a window of each clip without a target, and 4 more clips without any."""
        data = dataset(["sad"] * 20 + ["happy"] * 20 + ["fear"] * 4)
        values = np.concatenate([labelled.blocks["pad"].values, np.full((12, 3), np.nan)])
        values[1:120:3, 1] = np.nan  # one unknown axis is enough
        return with_block(data, "pad", dataclasses.replace(data.blocks["pad"], values=values))

    def test_those_of_train_groups_are_handed_over_without_targets(self, partly):
        protocol = protocols.make(partly, "pad")
        unlabelled = protocol.split(METHOD, {}, test=True).unlabelled
        parts = group_parts_of_labelled(protocol)
        expected = [
            sample
            for sample, group, pad in zip(partly.sample, partly.group, partly.blocks["pad"].values, strict=True)
            if np.isnan(pad).any() and parts.get(group, "train") == "train"
        ]
        assert unlabelled.sample.tolist() == expected
        assert {"clip040", "clip043"} <= set(unlabelled.group)
        assert unlabelled.y is None
        assert unlabelled.label is None, "they are inputs alone"
        rows = protocol.rows(protocols.UNLABELLED)
        np.testing.assert_array_equal(np.asarray(unlabelled.x), partly.blocks["features"].values[rows])
        assert not {parts[g] for g in unlabelled.group.tolist() if g in parts} - {"train"}

    def test_they_are_in_no_part_and_counted(self, partly, labelled):
        protocol = protocols.make(partly, "pad")
        assert protocol.groups == protocols.make(labelled, "pad").groups == {"train": 28, "validation": 6, "test": 6}
        assert protocol.notes == (
            "52 of 132 samples have no label: 40 of train groups serve as unlabelled inputs, 12 of other groups are "
            "left out",
        )
        handed = protocol.split(METHOD, {}, test=True)
        assert {name: len(part) for name, part in handed.parts().items()} == {"train": 56, "validation": 12, "test": 12}
        assert all(np.isfinite(values).all() for values in protocol.truth().values())
        assert sorted(protocol.table().part.unique()) == sorted(PARTS)
        assert len(protocol.table()) == 80

    def test_where_all_samples_have_targets_there_are_none(self, labelled):
        assert split(labelled).unlabelled is None

    def test_they_are_in_no_baseline(self, partly):
        """The figures are those of the same data without the unlabelled rows."""
        known = np.isfinite(partly.blocks["pad"].values).all(axis=1)
        without, whole = (protocols.make(one, "pad") for one in (reordered(partly, known), partly))
        assert {g: p for g, p in group_parts(without).items() if p} == group_parts_of_labelled(whole)
        assert scoring.baselines(without) == pytest.approx(scoring.baselines(whole))

    def test_an_unknown_class_is_none(self):
        data = dataset([*[["sad", "sad", ""]] * 20, *["happy"] * 20, *[["", ""]] * 5])
        protocol = protocols.make(data, LABEL)
        assert protocol.classes == ("happy", "sad")
        handed = protocol.split(CLASSIFIER, {}, test=True)
        assert handed.classes == ("happy", "sad")
        assert set(handed.train.y) == {0, 1}
        assert all("" not in names for names in protocol.truth().values())
        assert "" not in protocol.labels()["train"]
        assert set(handed.unlabelled.group) >= {f"clip{i:03}" for i in range(40, 45)}
        assert protocol.notes[-1].startswith("30 of 130 samples have no label")

    def test_a_fold_has_those_of_its_own_train_groups(self, partly):
        whole = protocols.make(partly, "pad", test_folds=4)
        for fold in whole.folds:
            parts = group_parts_of_labelled(fold)
            unlabelled = fold.split(METHOD, {}, test=True).unlabelled
            assert {parts.get(group, "train") for group in unlabelled.group.tolist()} == {"train"}
        tested = np.concatenate([fold.rows("test") for fold in whole.folds])
        assert sorted(tested) == sorted(whole.rows("test"))
        assert len(tested) == 80

    def test_the_note_of_folds_says_what_each_fold_does(self, partly):
        (note,) = protocols.make(partly, "pad", test_folds=4).notes
        assert note == (
            "52 of 132 samples have no label: in each fold those of train groups serve as unlabelled inputs, and the "
            "others are left out"
        )

    def test_a_published_test_group_without_labels_is_never_learnt_from(self, partly):
        """A challenge that keeps the labels of its test part: its inputs must not serve as unlabelled ones."""
        published = {f"clip{i:03}": "train" for i in range(30)}
        published |= {f"clip{i:03}": "validation" for i in range(30, 35)}
        published |= {f"clip{i:03}": "test" for i in range(35, 43)} | {"clip043": "train"}
        protocol = protocols.make(partly, "pad", published=published)
        unlabelled = set(protocol.split(METHOD, {}, test=True).unlabelled.group)
        assert {published[group] for group in unlabelled} == {"train"}
        assert "clip043" in unlabelled
        assert protocol.notes[-1].endswith(
            "33 of train groups serve as unlabelled inputs, 19 of other groups are left out"
        )

    def test_data_without_any_target(self, labelled):
        nothing = dataclasses.replace(labelled.blocks["pad"], values=np.full((120, 3), np.nan))
        with pytest.raises(UserError, match="lma has no sample with pad"):
            protocols.make(with_block(labelled, "pad", nothing), "pad")
        with pytest.raises(UserError, match="lma has no sample with emotion"):
            protocols.make(dataset([["", ""]] * 20), LABEL)


def group_parts_of_labelled(protocol):
    """Return group → part of the groups with labelled samples."""
    table = protocol.table()
    return dict(zip(table.group.tolist(), table.part.tolist(), strict=True))


class TestPooling:
    def test_predictions_of_the_folds_are_put_in_the_order_of_the_whole(self, data):
        whole = protocols.make(data, "pad", test_folds=4)
        of_folds = [fold.truth()["test"] for fold in whole.folds]
        np.testing.assert_array_equal(whole.pooled(of_folds), whole.truth()["test"])
        assert len(whole.truth()["test"]) == len(data.sample)
        assert len(whole.truth()["train"]) == 0
        classes = protocols.make(data, LABEL, test_folds=4)
        names = classes.pooled([fold.truth()["test"] for fold in classes.folds])
        np.testing.assert_array_equal(names, classes.truth()["test"])

    def test_a_fold_that_is_missing_is_an_error(self, data):
        whole = protocols.make(data, "pad", test_folds=4)
        with pytest.raises(ValueError, match="shorter"):
            whole.pooled([fold.truth()["test"] for fold in whole.folds[:3]])

    def test_the_table_names_the_fold_that_tests_a_sample(self, data):
        whole = protocols.make(data, "pad", test_folds=4)
        table = whole.table()
        assert list(table.columns) == ["sample", "group", "part", "label", "fold"]
        assert set(table.part) == {"test"}
        for fold in whole.folds:
            assert set(table.group[table.fold == fold.fold]) == set(data.group[fold.part == "test"])


def numbers(names):
    """Return the number in each hidden name."""
    return np.array([int(name.removeprefix("test ")) for name in names.tolist()])


@pytest.fixture(scope="module", params=["motion", "meshes"])
def handed(request):
    """Return the protocol for all samples, so that correlations are not those of a few, and its test part."""
    data = small_data.data(request.param)
    block = next(name for name, one in data.blocks.items() if name in ("features", "landmarks"))
    everyone = dict.fromkeys(np.unique(data.group).tolist(), "test")
    some = sorted(everyone)[:4]
    published = everyone | {some[0]: "train", some[1]: "train", some[2]: "validation", some[3]: "validation"}
    protocol = protocols.make(data, LABEL, published=published)
    method = dataclasses.replace(CLASSIFIER, inputs=block)
    return protocol, protocol.split(method, {}, test=True).test


class TestHiddenNames:
    """What a method could read from the names and the order of test samples, without looking at an input."""

    def test_they_are_numbers(self, handed):
        _, test = handed
        for names in (test.sample, test.group, test.inputs.sequence):
            assert all(name.startswith("test ") for name in names.tolist())
            assert set(numbers(names)) == set(range(len(np.unique(names))))
        assert len(np.unique(test.sample)) == len(test)

    def test_who_belongs_together_is_still_seen(self, handed):
        protocol, test = handed
        rows = protocol.rows("test")
        for hidden, real in ((test.group, protocol.data.group), (test.inputs.sequence, protocol.data.sequence)):
            pairs = set(zip(hidden.tolist(), real[rows].tolist(), strict=True))
            assert len(pairs) == len(np.unique(hidden)) == len(np.unique(real[rows]))

    def test_neither_numbers_nor_order_tell_the_label(self, handed):
        """Readers list recordings by emotion: numbered in their order, a group's number told its label (ρ near 1)."""
        protocol, test = handed
        rows = protocol.rows("test")
        label = np.unique(protocol.data.label[rows], return_inverse=True)[1]
        groups, first = np.unique(test.group, return_index=True)
        by_row, by_group = 3 / np.sqrt(len(np.unique(test.inputs.sequence))), 3 / np.sqrt(len(groups))
        # a group's label is known where all its samples have one: motion; meshes are of persons with several
        assert abs(spearmanr(numbers(test.group)[first], label[first])[0]) < by_group
        assert abs(spearmanr(numbers(test.inputs.sequence), label)[0]) < by_row
        assert abs(spearmanr(numbers(test.sample), label)[0]) < by_row
        assert abs(spearmanr(np.arange(len(test)), label)[0]) < by_row

    def test_within_a_recording_samples_come_in_time_order(self, handed):
        _, test = handed
        recordings = np.unique(test.inputs.sequence)
        for one in recordings:
            places = np.flatnonzero(test.inputs.sequence == one)
            assert (np.diff(places) == 1).all(), "a recording stays together"
            assert (np.diff(test.inputs.time[places]) > 0).all()
        assert len(recordings) < len(test)

    def test_without_recordings_samples_come_by_hash(self, data):
        lone = dataclasses.replace(data, sequence=None, time=None)
        protocol = protocols.make(lone, "pad")
        test = protocol.split(METHOD, {}, test=True).test
        assert numbers(test.sample).tolist() == list(range(len(test)))
        assert protocol.rows("test").tolist() != sorted(protocol.rows("test"))
        assert test.inputs.sequence is None

    def test_the_order_of_rows_in_the_file_does_not_matter(self, data):
        order = np.random.default_rng(0).permutation(len(data.sample))
        one, other = (protocols.make(of, "pad") for of in (data, reordered(data, order)))
        assert one.data.sample[one.rows("test")].tolist() == other.data.sample[other.rows("test")].tolist()
        hidden = [p.split(METHOD, {}, test=True).test.sample.tolist() for p in (one, other)]
        assert hidden[0] == hidden[1]


def test_features_that_are_given_do_not_change_the_protocol() -> None:
    from training.datasets import synthetic_motion

    ids = {protocols.make(synthetic_motion.generate(f), "pad").id for f in ("all", "no_acceleration")}
    assert len(ids) == 1


@pytest.fixture(scope="module")
def sewa(real_data):
    frames = pd.read_csv(real_data / "fusion" / "sewa_de" / "frames.csv")
    embeddings = [name for name in frames if name.startswith("emb_")]
    video = frames["path"].str.partition("/")[0].to_numpy(dtype=np.str_)
    return Dataset(
        name="sewa",
        version="test",
        synthetic=False,
        blocks={
            "video": Block(frames[embeddings].to_numpy(), tuple(embeddings)),
            "va": Block(frames[["valence", "arousal"]].to_numpy(), ("valence", "arousal"), -1.0, 1.0),
        },
        sample=frames["path"].to_numpy(dtype=np.str_),
        group=video,
        group_kind="person",
        persons_known=True,
        sequence=video,
        time=frames["timestamp"].to_numpy(),
    )


@pytest.mark.realdata
class TestLeakGuard:
    """Frames of one recording hardly differ: a split by frame lets a tree look its answers up.

    The README of the data has .87 by frame and .35 by person, over 28 persons; of the 14 here it is .88 and .4.
    """

    def test_a_tree_knows_frames_by_heart_and_persons_it_does_not(self, sewa):
        def tree(train, test):
            x, y = sewa.blocks["video"].values, sewa.blocks["va"].values
            return DecisionTreeRegressor(random_state=0).fit(x[train], y[train]).predict(x[test])

        truth = sewa.blocks["va"].values
        order = np.random.default_rng(0).permutation(len(truth))
        test, train = np.split(order, [round(0.15 * len(order))])
        by_frame = metrics.score(truth[test], tree(train, test), ("valence", "arousal"), ["ccc"])
        whole = protocols.make(sewa, "va", test_folds="loso")
        assert len(whole.folds) == 14
        pooled = whole.pooled([tree(np.flatnonzero(fold.part != "test"), fold.rows("test")) for fold in whole.folds])
        by_person = metrics.score(whole.truth()["test"], pooled, ("valence", "arousal"), ["ccc"])
        for target in ("valence", "arousal"):
            assert by_frame["ccc", target] == pytest.approx(0.87, abs=0.03)
            assert by_person["ccc", target] < 0.5

    def test_a_split_by_frame_is_refused(self, sewa):
        with pytest.raises(
            UserError, match=r"the recording 'Devel_DE_01' is in two frames.*found in 14 of 14 recordings"
        ):
            protocols.make(dataclasses.replace(sewa, group=sewa.sample, group_kind="frame"), "va")

    def test_so_is_one_by_halves_of_a_recording(self, sewa):
        halves = np.char.add(sewa.group, np.where(sewa.time < 60, " first", " second"))
        with pytest.raises(UserError, match="'Devel_DE_01 first' and 'Devel_DE_01 second'; a split must not divide it"):
            protocols.make(dataclasses.replace(sewa, group=halves, group_kind="half"), "va", test_folds=7)
