"""A made-up data set of clips, for the tests of splits and protocols."""

from __future__ import annotations

import dataclasses

import numpy as np

from training.data import Block, Dataset

PARTS = ("train", "validation", "test")


def dataset(labels, rows=3, **changes):
    """One clip per label, `rows` windows each; the label of a clip may be a list, one for each window."""
    label = [one for each in labels for one in ([each] * rows if isinstance(each, str) else each)]
    group = [
        f"clip{i:03}" for i, each in enumerate(labels) for _ in range(rows if isinstance(each, str) else len(each))
    ]
    n = len(group)
    rng = np.random.default_rng(0)
    blocks = {
        "features": Block(rng.normal(size=(n, 5)), ("a", "b", "c", "d", "e")),
        "pad": Block(rng.uniform(-1, 1, (n, 3)), ("pleasure", "arousal", "dominance"), -1.0, 1.0),
        "images": Block(rng.normal(size=(n, 2, 2))),
    }
    full = {
        "name": "lma",
        "version": "v1",
        "synthetic": False,
        "blocks": blocks,
        "sample": np.array([f"s{i}" for i in range(n)]),
        "group": np.array(group),
        "group_kind": "clip",
        "persons_known": True,
        "label": np.array(label),
        "sequence": np.array(group),
        "time": np.arange(n, dtype=float),
    }
    return Dataset(**(full | changes))


def reordered(data, order):
    arrays = {name: getattr(data, name)[order] for name in ("sample", "group", "label", "sequence", "time")}
    blocks = {name: dataclasses.replace(block, values=block.values[order]) for name, block in data.blocks.items()}
    return dataclasses.replace(data, blocks=blocks, **arrays)


def group_parts(protocol):
    return dict(zip(protocol.data.group.tolist(), protocol.part.tolist(), strict=True))
