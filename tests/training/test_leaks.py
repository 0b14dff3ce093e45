from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from training import leaks, protocols, registry, splits
from training.contract import UserError
from training.datasets import synthetic_embeddings, synthetic_motion
from training.study import plan


@pytest.fixture(scope="module")
def talks():
    return synthetic_embeddings.read(None, {})


def by_recording(data, tmp_path):
    """Write a split file of recordings, every third of them in test, whoever speaks in it."""
    names = np.unique(data.sequence).tolist()
    parts = {"train": [n for i, n in enumerate(names) if i % 3 != 2], "test": names[2::3]}
    path = tmp_path / "split.json"
    path.write_text(json.dumps(parts), encoding="utf-8")
    return path


def test_a_split_by_recordings_divides_persons(talks, tmp_path):
    path = by_recording(talks, tmp_path)
    data = leaks.regrouped(talks, splits.names(path))
    assert (data.group_kind, data.persons_known) == ("recording", talks.persons_known)
    assert (data.group == talks.sequence).all()
    protocol = protocols.make(data, "va", published=splits.read(path, data))
    of_person = {leak.name: leak for leak in protocol.leaks}
    for person in np.unique(talks.group):
        parts = np.unique(protocol.part[(talks.group == person) & (protocol.part != "")])
        assert (person in of_person) == (len(parts) > 1)
        if person in of_person:
            assert of_person[person].parts == tuple(parts)
            assert of_person[person].samples == (talks.group == person).sum()
    assert leaks.counts(protocol.leaks) == {talks.group_kind: len(of_person)}
    assert protocol.name.endswith("LEAK")
    assert any(note.startswith("LEAK: ") for note in protocol.notes)


def test_frames_drawn_at_random_divide_recordings_and_persons(talks):
    parts = dict(zip(talks.sample.tolist(), ["train", "validation", "test"] * len(talks.sample), strict=False))
    data = leaks.regrouped(talks, parts)
    assert data.group_kind == "sample"
    found = protocols.make(data, "va", published=parts).leaks
    assert leaks.counts(found) == {
        talks.group_kind: len(np.unique(talks.group)),
        "recording": len(np.unique(talks.sequence)),
    }


def test_a_split_by_groups_leaks_nothing_and_keeps_its_id(talks):
    protocol = protocols.make(talks, "va")
    assert protocol.leaks == ()
    assert "LEAK" not in protocol.name
    assert leaks.regrouped(talks, np.unique(talks.group)) is talks
    assert leaks.regrouped(talks, ["nobody"]) is talks


def test_copies_in_two_parts_are_found_and_unknown_names_are_not():
    data = synthetic_motion.read(None, {k: v[0] for k, v in registry.reader("synthetic_motion").settings.items()})
    whole = protocols.make(data, "pad")
    one, other = (np.flatnonzero(whole.part == part)[0] for part in ("train", "test"))
    copies = np.full(len(data.sample), "", "U20")
    copies[[one, other]] = "copy"
    copied = protocols.make(replace(data, kept_together={"near-duplicate": copies}), "pad")
    assert copied.leaks == (leaks.Leak("near-duplicate", "copy", ("test", "train"), 2),)
    folds = protocols.make(replace(data, kept_together={"near-duplicate": copies}), "pad", test_folds="loso")
    assert leaks.counts(folds.leaks) == {"near-duplicate": 1}
    assert copied.split_id == whole.split_id


def test_it_is_refused_unless_it_is_allowed(talks, tmp_path):
    path = by_recording(talks, tmp_path)
    asked = plan.Plan("fusion/bayesian_ridge", "synthetic_embeddings", split_file=path)
    with pytest.raises(UserError) as caught:
        plan.prepare(asked)
    said = str(caught.value)
    assert "the split leaks: " in said
    assert f"{talks.group_kind}s in two parts of the split ('" in said
    assert "--allow-leak" in said
    prepared = plan.prepare(replace(asked, allow_leak=True))
    assert prepared.protocol.leaks
    honest = plan.prepare(replace(asked, split_file=None))
    assert prepared.protocol.id != honest.protocol.id
