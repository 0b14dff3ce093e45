"""Conformance of every reader, found by its file: a reader added later is tested without an edit here."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from training import registry
from training.contract import UserError
from training.data import Dataset

if TYPE_CHECKING:
    from types import ModuleType

KINDS = ("motion", "faces", "meshes", "frames", "fusion")
READERS = registry.datasets()
SYNTHETIC = [name for name in READERS if name.startswith("synthetic")]
FROM_FILES = [name for name in READERS if not name.startswith("synthetic")]


def choices(reader: ModuleType) -> list[dict[str, Any]]:
    """The defaults, and every other value of each setting."""
    settings = reader.READER.settings
    defaults = {name: values[0] for name, values in settings.items()}
    return [defaults, *({**defaults, name: value} for name, of in settings.items() for value in of[1:])]


CASES = [(name, settings) for name in SYNTHETIC for settings in choices(registry.dataset(name))]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'-'.join(map(str, case[1].values()))}")
def case(request) -> tuple[ModuleType, dict[str, Any], Dataset]:
    name, settings = request.param
    reader = registry.dataset(name)
    return reader, settings, reader.read(None, settings)


def test_readers_are_found():
    assert {"lma", "synthetic_motion", "synthetic_faces"} <= {*READERS}
    assert not {"_table", "_images"} & {*READERS}, "an underscore marks what readers share"


@pytest.mark.parametrize("name", READERS)
def test_a_reader_declares_what_the_contract_says(name):
    reader = registry.dataset(name)
    declared = reader.READER
    assert declared.data in KINDS
    assert declared.title == declared.title.strip() != ""
    assert len(declared.blocks) == len({*declared.blocks}) > 0
    assert all(len(values) == len({*values}) > 0 for values in declared.settings.values())
    assert list(inspect.signature(reader.read).parameters) == ["root", "settings"]
    assert list(inspect.signature(reader.read_inputs).parameters) == ["file", "blocks", "settings"]
    assert ("synthetic" in declared.title.lower()) == (name in SYNTHETIC)


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_reader_of_files_asks_for_them(name):
    reader = registry.dataset(name)
    with pytest.raises(UserError, match="--root"):
        reader.read(None, choices(reader)[0])


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_reader_of_files_names_what_is_not_there(name, tmp_path):
    reader = registry.dataset(name)
    with pytest.raises(UserError, match="nowhere"):
        reader.read(tmp_path / "nowhere", choices(reader)[0])


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_synthetic_reader_refuses_a_file(name):
    reader = registry.dataset(name)
    with pytest.raises(UserError, match="--root"):
        reader.read(Path("file.csv"), choices(reader)[0])


@pytest.mark.parametrize("kind", sorted({registry.reader(name).data for name in FROM_FILES}))
def test_a_fresh_machine_has_data_of_every_kind(kind):
    assert registry.synthetic(kind) in SYNTHETIC


def test_arrays_agree(case):
    _, _, data = case
    n = len(data.sample)
    assert n > 0
    assert len({*data.sample.tolist()}) == n
    for one in (data.sample, data.group, data.label, data.sequence):
        assert one is None or (one.shape == (n,) and one.dtype.kind == "U")
    for one in (data.sample, data.group, data.sequence):
        assert one is None or (one != "").all()
    assert data.time is None or (data.time.shape == (n,) and np.isfinite(data.time).all() and (data.time >= 0).all())


def test_blocks_are_finite_and_named(case):
    _, _, data = case
    assert data.blocks
    for block in data.blocks.values():
        if block.stream is None:
            assert block.values.shape[0] == len(data.sample)
        else:
            rows = block.values.shape[0]
            assert block.stream.sequence.shape == block.stream.start.shape == block.stream.end.shape == (rows,)
            assert (block.stream.start < block.stream.end).all()
            assert {*block.stream.sequence.tolist()} <= {*data.sequence.tolist()}
        if block.values.dtype == np.uint8:
            assert block.values.ndim == 4, "images (n, 3, height, width)"
            assert block.values.shape[1] == 3
        else:
            assert block.values.dtype in (np.float32, np.float64)
        # samples without a label have no target at all
        labelled = np.isfinite(block.values).all(axis=tuple(range(1, block.values.ndim)))
        assert labelled.any()
        assert np.isnan(block.values[~labelled]).all()
        assert labelled.all() or block.columns, "only targets may be missing"
        if block.columns:
            assert block.values.shape[-1] == len(block.columns) == len({*block.columns})
        assert (block.low is None) == (block.high is None)
        if block.low is not None:
            assert block.low <= np.nanmin(block.values) <= np.nanmax(block.values) <= block.high


def test_meshes_share_triangles_of_their_own_vertices(case):
    _, _, data = case
    for block in data.blocks.values():
        if block.triangles is not None:
            assert block.values.ndim == 3
            assert block.values.shape[2] == 3
            assert block.triangles.dtype == np.int64
            assert block.triangles.shape[1] == 3
            assert {*np.unique(block.triangles).tolist()} == {*range(block.values.shape[1])}


def test_it_says_what_it_is(case):
    reader, _, data = case
    declared = reader.READER
    assert data.synthetic
    assert data.name.startswith("synthetic")
    # a block of several window lengths is declared by the name that methods ask for: audio for audio_1s, audio_2s …
    assert {*declared.blocks} <= {*data.blocks, *(re.sub(r"_[\d.]+s$", "", name) for name in data.blocks)}
    assert declared.classes == (data.label is not None)
    assert declared.sequences == (data.sequence is not None and data.time is not None)
    assert data.group_kind
    assert data.truth, "a synthetic world knows what caused what"


def test_there_are_groups_enough_to_split(case):
    _, _, data = case
    groups = {*data.group.tolist()}
    assert 10 <= len(groups) < len(data.sample)
    if data.published_split is not None:
        assert {*data.published_split} == groups


def test_the_summary_is_json_and_counts(case):
    _, _, data = case
    summary = json.loads(json.dumps(data.summary, allow_nan=False))
    assert summary == data.summary, "keys and values are JSON's own"
    assert summary["rows"] == len(data.sample)
    assert summary["groups"] == len({*data.group.tolist()})
    assert isinstance(summary["notes"], list)


def test_it_reads_the_same_twice(case):
    reader, settings, data = case
    again = reader.read(None, settings)
    assert again.version == data.version
    first, second = (dataclasses.asdict(one) for one in (data, again))
    moving = [one.pop("figures") for one in (first, second)]
    np.testing.assert_equal(second, first)
    if moving[0] is not None:
        rows = np.arange(min(3, len(data.sample)))
        np.testing.assert_array_equal(moving[1](rows), moving[0](rows))


@pytest.mark.parametrize("name", SYNTHETIC)
def test_another_seed_is_another_version(name):
    reader = registry.dataset(name)
    for one in choices(reader):
        versions = [reader.read(None, one).version, *(reader.generate(**one, seed=seed).version for seed in (0, 1, 2))]
        assert versions[0] == versions[1], "read gives the world of seed 0"
        assert len({*versions}) == 3


@pytest.mark.parametrize("name", SYNTHETIC)
def test_settings_of_one_version_have_the_same_samples(name):
    """They are compared with each other: a setting that changes the rows needs a version of its own."""
    reader = registry.dataset(name)
    by_version: dict[str, Dataset] = {}
    for one in choices(reader):
        data = reader.read(None, one)
        first = by_version.setdefault(data.version, data)
        for field in ("sample", "group", "label", "sequence", "time"):
            np.testing.assert_equal(getattr(data, field), getattr(first, field))


def test_no_argument_is_changed_by_reading(case):
    reader, settings, _ = case
    before = dict(settings)
    reader.read(None, settings)
    assert settings == before
