"""What changes images of faces and not their valence and arousal: a mirror, and a shift by some pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def mirrored(images: Tensor) -> Tensor:
    """Return images (n, c, h, w), about every second one in a mirror."""
    flip = (torch.rand(len(images)) < 0.5).to(images.device)
    return torch.where(flip[:, None, None, None], images.flip(-1), images)


def moved(images: Tensor, furthest: int) -> Tensor:
    """Return images (n, c, h, w) all moved by the same number of pixels, up to `furthest` along each axis.

    What a shift uncovers repeats the edge.
    """
    if not furthest:
        return images
    down, right = torch.randint(-furthest, furthest + 1, (2,)).tolist()
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) - down).clamp_(0, height - 1)
    columns = (torch.arange(width, device=images.device) - right).clamp_(0, width - 1)
    return images.index_select(-2, rows).index_select(-1, columns)
