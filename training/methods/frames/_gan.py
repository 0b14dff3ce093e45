"""What the GANs on frames declare alike."""

from __future__ import annotations

from typing import Any

from training.contract import IMAGES, Method


def gan(title: str, targets: str, objective: str, source: str = "aff-wild-net") -> Method:
    """Return the declaration of a GAN whose discriminator predicts `targets`.

    Settings: matching, what the generator matches (the source's text says features, its formula images);
    labelled_share, of how many train groups the labels are seen; unlabelled, whether the frames of the others are used
    or ignored; width, what the channels of every layer are multiplied by, 1 as published.
    """
    settings: dict[str, tuple[Any, ...]] = {
        "labelled_share": (1.0, 0.5, 0.1),
        "matching": ("features", "images"),
        "unlabelled": ("used", "ignored"),
        "width": (1, 0.5, 0.25, 0.0625),
    }
    return Method(
        title=title,
        source=source,
        data="frames",
        inputs=IMAGES,
        targets=targets,
        objective=objective,
        settings=settings,
    )
