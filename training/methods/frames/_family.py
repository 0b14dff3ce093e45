"""What the convolutional networks of single frames declare alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.contract import IMAGES, Method

WIDTHS = (1, 0.5, 0.25, 0.0625)
"""What the channels of every layer are multiplied by: 1 as published, less for machines without a GPU."""


def cnn(title: str, settings: Mapping[str, tuple[Any, ...]] | None = None) -> Method:
    """Return the declaration of a network that sees each frame alone, with `settings` of its own beside the shared."""
    return Method(
        title=title,
        source="aff-wild-net",
        data="frames",
        inputs=IMAGES,
        targets="va",
        objective="ccc",
        settings={**(settings or {}), "loss": ("batch", "sequence"), "width": WIDTHS},
    )
