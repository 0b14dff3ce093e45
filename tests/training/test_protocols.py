from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.training.clips import dataset
from training import protocols
from training.contract import Block, Method

METHOD = Method("toy", "tests", "motion", "features", "pad")


@pytest.fixture
def data():
    return dataset(["sad"] * 40 + ["happy"] * 30 + ["bored"] + ["nervous"] * 2 + ["calm"] * 5)


class TestWhatAMethodSees:
    def test_the_search_sees_no_test_part(self, data):
        split = protocols.make(data, "pad").split(test=False)
        assert split.test is None
        assert list(split.parts()) == ["train", "validation"]

    def test_test_targets_and_labels_are_hidden(self, data):
        protocol = protocols.make(data, "pad")
        split = protocol.split(test=True)
        assert split.test.y is None
        assert split.test.label is None
        assert len(split.test.x) == len(protocol.truth()["test"]) == len(protocol.labels()["test"])
        assert split.train.y is not None
        assert split.validation.label is not None

    def test_an_autoencoder_gets_test_inputs_though_they_are_its_targets(self, data):
        protocol = protocols.make(data, "features", "features")
        test = protocol.split(test=True).test
        assert test.y is None
        np.testing.assert_array_equal(test.x, protocol.truth()["test"])

    def test_rows_of_a_part_stay_together(self, data):
        protocol = protocols.make(data, "pad")
        split, truth, labels = protocol.split(test=True), protocol.truth(), protocol.labels()
        row = {sample: i for i, sample in enumerate(data.sample.tolist())}
        for name, part in split.parts().items():
            rows = np.flatnonzero(protocol.part == name)
            if name != "test":
                assert [row[sample] for sample in part.sample.tolist()] == rows.tolist()
                np.testing.assert_array_equal(part.group, data.group[rows])
            np.testing.assert_array_equal(part.x, data.blocks["features"].values[rows])
            np.testing.assert_array_equal(truth[name], data.blocks["pad"].values[rows])
            np.testing.assert_array_equal(labels[name], data.label[rows])
            np.testing.assert_array_equal(part.time, data.time[rows])
        assert sum(map(len, split.parts().values())) == len(data.sample)

    def test_names_and_range(self, data):
        split = protocols.make(data, "pad").split(test=False)
        assert split.inputs == ("a", "b", "c", "d", "e")
        assert split.targets == ("pleasure", "arousal", "dominance")
        assert (split.low, split.high) == (-1, 1)
        assert protocols.make(data, "images", "pad").split(test=False).train.x.shape[1:] == (2, 2)

    def test_a_method_cannot_change_the_data(self, data):
        protocol = protocols.make(data, "pad")
        part = protocol.split(test=False).train
        for values in (part.x, part.y, part.label):  # trials share a split
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


class TestNamesAndIds:
    def test_names(self, data):
        def name(*arguments, **changes):
            return protocols.make(dataclasses.replace(data, **changes), *arguments).name

        assert name("features", "pad") == "lma · by clip · P A D"
        assert name("pad", "features") == "lma · by clip · 5 features from P A D"
        assert name("features", "features") == "lma · by clip · 5 features reconstructed"
        assert name("features", "pad", 1) == "lma · by clip · P A D · split seed 1"
        assert name("images", "pad", name="synthetic motion") == "synthetic motion · by clip · P A D"

    def test_few_columns_are_named(self, data):
        blocks = dict(data.blocks) | {"va": Block(np.zeros((len(data.sample), 2)), ("valence", "arousal"))}
        blocks |= {"two": Block(np.zeros((len(data.sample), 2)), ("speed", "volume"))}
        data = dataclasses.replace(data, blocks=blocks)
        assert protocols.make(data, "features", "va").name == "lma · by clip · V A"
        assert protocols.make(data, "va", "two").name == "lma · by clip · speed volume from V A"

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
            protocols.make(data, "images", "pad"),
            protocols.make(data, "pad", "features"),
            protocols.make(data, "features", "features"),
            protocols.make(data, "pad", 1),
            with_pad(low=-10.0),
            with_pad(columns=("pleasure", "arousal", "control")),
        ]
        assert len({p.id for p in (one, *different)}) == len(different) + 1
        assert all(p != one for p in different)
        # what a study compares within a protocol does not move it: fewer input columns, figures of the summary
        fewer = dataclasses.replace(data.blocks["features"], columns=("a", "b", "c", "d"))
        assert other(blocks=dict(data.blocks) | {"features": fewer}).id == one.id
        assert other(summary={"rows": 3}).id == one.id

    def test_protocols_of_one_data_set_share_their_split(self, data):
        protocols = [protocols.make(data, *blocks) for blocks in (("features", "pad"), ("pad", "features"))]
        assert protocols[0].split_id == protocols[1].split_id
        assert protocols[0].id != protocols[1].id

    def test_a_protocol_is_a_key(self, data):
        one, again = protocols.make(data, "pad"), protocols.make(data, "pad")
        assert {one: 1}[again] == 1
        assert one != one.id


def test_names_of_test_samples_tell_nothing() -> None:
    from training.datasets import synthetic_motion

    data = synthetic_motion.generate()
    protocol = protocols.make(data, "pad")
    part, real = protocol.split(test=True).test, data.group[protocol.part == "test"]
    assert part is not None
    for names in (part.sample, part.group, part.sequence):
        assert all(name.startswith("test ") for name in names.tolist())
    # who belongs together is still seen
    assert len(np.unique(part.group)) == len(np.unique(real))
    assert all(len(np.unique(part.group[real == one])) == 1 for one in np.unique(real))
    assert len(np.unique(part.sample)) == len(part)


def test_features_that_are_given_do_not_change_the_protocol() -> None:
    from training.datasets import synthetic_motion

    ids = {protocols.make(synthetic_motion.generate(f), "pad").id for f in ("all", "no_acceleration")}
    assert len(ids) == 1
