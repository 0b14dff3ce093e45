"""What changes images of faces and not their valence and arousal: a mirror, and a shift by some pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def mirrored(images: Tensor) -> Tensor:
    """Return images (n, c, h, w), about every second one in a mirror."""
    n = len(images)
    mirrored_ones = (torch.rand(n) < 0.5).to(images.device)
    # whole images are chosen, which copies them at once: a mask would copy them pixel by pixel
    rows = torch.arange(n, device=images.device) + n * mirrored_ones
    return torch.cat([images, images.flip(-1)]).index_select(0, rows)


def moved(images: Tensor, furthest: int) -> Tensor:
    """Return images (n, c, h, w) all moved by the same number of pixels, up to `furthest` along each axis.

    What a shift uncovers repeats the edge.
    """
    if not furthest:
        return images
    down, right = torch.randint(-furthest, furthest + 1, (2,)).tolist()
    height, width = images.shape[-2:]
    top, bottom = max(down, 0), height + min(down, 0)
    left, end = max(right, 0), width + min(right, 0)
    made = torch.empty_like(images)
    made[..., top:bottom, left:end] = images[..., top - down : bottom - down, left - right : end - right]
    made[..., :top, left:end] = made[..., top : top + 1, left:end]
    made[..., bottom:, left:end] = made[..., bottom - 1 : bottom, left:end]
    made[..., :left] = made[..., left : left + 1]
    made[..., end:] = made[..., end - 1 : end]
    return made
