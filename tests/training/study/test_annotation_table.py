"""The artifact of annotations: a row for each sample over time, and rows of each annotator."""

from __future__ import annotations

import dataclasses

import numpy as np

from affect import record
from tests import small_data
from training import protocols
from training.contract import LABEL
from training.study import annotation_table


def test_rows_are_in_the_order_of_recordings_and_time():
    data = small_data.data("frames")
    (table,) = annotation_table.tables(protocols.make(data, "va")).values()
    assert tuple(table.columns) == (*record.COLUMNS[record.Artifact.ANNOTATIONS], "valence", "arousal")
    assert len(table) == len(data.sample)
    assert table.sequence.is_monotonic_increasing
    assert (table.groupby("sequence").time.diff().dropna() > 0).all()
    row = {name: i for i, name in enumerate(data.sample.tolist())}
    values = data.blocks["va"].values[[row[name] for name in table["sample"]]]
    np.testing.assert_array_equal(table[["valence", "arousal"]].to_numpy(), values)


def test_annotators_have_rows_where_they_annotated():
    data = small_data.data("frames")
    one = np.full(data.blocks["va"].values.shape, np.nan)
    one[5] = 0.25, -0.25
    several = dataclasses.replace(data, annotators={"va": {"anna": one}})
    (table,) = annotation_table.tables(protocols.make(several, "va")).values()
    of = table[table.annotator == "anna"]
    assert of["sample"].tolist() == [data.sample[5]]
    assert of[["valence", "arousal"]].to_numpy().tolist() == [[0.25, -0.25]]


def test_data_without_time_and_classes_have_none():
    data = small_data.data("frames")
    assert annotation_table.tables(protocols.make(dataclasses.replace(data, time=None, sequence=None), "va")) == {}
    assert annotation_table.tables(protocols.make(data, LABEL)) == {}
