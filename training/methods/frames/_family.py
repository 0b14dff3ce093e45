"""What the convolutional networks on frames declare alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.contract import IMAGES, Method
from training.file_settings import NONE, FileSetting

SHARED: Mapping[str, tuple[Any, ...]] = {
    "loss": ("batch", "sequence"),
    "weights": FileSetting((NONE,)),
    "width": (1, 0.5, 0.25, 0.0625),
}
"""Settings of all of them. loss : 1 − CCC of all frames of a batch together, or the mean over its recordings. weights :
a safetensors file from which the network begins. width : what the channels of every layer are multiplied by, 1 as
published, less for machines without a GPU."""


def cnn(title: str, settings: Mapping[str, tuple[Any, ...]] | None = None) -> Method:
    """Return the declaration of a network that sees each frame alone, with `settings` of its own beside the shared."""
    return Method(
        title=title,
        source="aff-wild-net",
        data="frames",
        inputs=IMAGES,
        targets="va",
        objective="ccc",
        settings={**(settings or {}), **SHARED},
    )
