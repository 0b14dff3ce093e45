"""The key of a fit: a hash of all that decides its result, by which it knows its own checkpoint again."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from affect.record import digest

if TYPE_CHECKING:
    from types import ModuleType

    from training.contract import Params
    from training.data import Split
    from training.study.fitting import Bench

TRAINING = Path(__file__).resolve().parents[1]
SHARED = ("networks", "models", "geometry")
"""Folders below training/ that methods are made of."""


def key(module: ModuleType, bench: Bench, params: Params, split: Split, seed: int) -> str:
    """Return the key of a fit of the method `module`.

    Prerequisites are not part of it: a study keeps those that it has begun with.
    """
    return digest(
        [
            _code(getattr(module, "__file__", None)),
            dict(params),
            dict(bench.settings),
            bench.data_version,
            _samples(split),
            seed,
            bench.epochs,
        ],
        length=24,
    )


@functools.cache
def _code(file: str | None) -> str:
    """Return a hash of a method's file, of what its family shares, and of the folders that methods are made of."""
    files = [path for folder in SHARED for path in sorted((TRAINING / folder).rglob("*.py"))]
    if file is not None:
        files += [Path(file), *sorted(Path(file).parent.glob("_*.py"))]
    content = hashlib.sha256()
    for one in files:
        content.update(one.name.encode() + b"\0" + one.read_bytes() + b"\0")
    return content.hexdigest()


def _samples(split: Split) -> str:
    """Return a hash of the samples that a fit learns from and is stopped on, in their order."""
    content = hashlib.sha256()
    for part in (split.train, split.validation, split.unlabelled):
        if part is not None:
            content.update(f"{part.sample.dtype} {len(part)}".encode() + part.sample.tobytes())
    return content.hexdigest()
