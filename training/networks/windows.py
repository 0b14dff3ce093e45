"""Windows of frames that overlap, each frame of a batch once.

Neighbouring samples look back on nearly the same frames. A batch of windows is therefore handed over as the distinct
frames that stand in it, and the place of each step of each window among them::

    frames  (u, 3, 64, 64)      u distinct frames, in the order of their rows
    place   (s, T)              of each window's steps in time order, its row in `frames`; −1 for padding

so that a convolutional network sees each frame once, and only what it makes of it is laid out as windows. With chunks
of 4 neighbours a step of CNN-M at a quarter of its width takes 1/2.3 of the time that windows of 1 s take frame by
frame, and 1/4.3 of that of windows of 4 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from training.networks.batches import Batch, Mapped, Source, as_tensor
from training.views import PADDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.views import View


def distinct(view: View, samples: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct frames (u, …) of the windows of s samples, and their places (s, T); see this module's head.

    A view without windows has T = 1.
    """
    rows = view.rows[samples]
    rows = rows[:, None] if rows.ndim == 1 else rows
    unique, place = np.unique(rows, return_inverse=True)
    place = place.reshape(rows.shape)
    if len(unique) and unique[0] == PADDING:
        unique, place = unique[1:], place - 1
    return view.values[unique], place


class WindowBatches:
    """Batches (frames, place, …) of the samples that `source` asks for, as this module's head describes them.

    Parameters
    ----------
    source : draws sample numbers, (b,) or (b, T) with −1 for padding. Of `Chunks` neighbours stand together, so that
        their windows share most frames.
    view : n windows of frames.
    items : arrays (n, …); a batch's rows of each stand behind frames and place.
    device : where batches are needed.
    """

    def __init__(self, source: Source, view: View, items: Sequence[NDArray[Any]], device: str) -> None:
        self.source, self.view, self.device = source, view, torch.device(device)
        self.items = [as_tensor(item).to(self.device) for item in items]
        self.mapped = Mapped([view])

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield one epoch of batches, in an order drawn from `generator` (on the CPU)."""
        for drawn in self.source.epoch(generator):
            samples = drawn[drawn >= 0]
            frames, place = _tensors(self.view, samples.numpy(), self.device)
            self.mapped.release((frames,))
            yield (frames, place, *(item[samples] for item in self.items))


def in_turn(view: View, device: torch.device, at_once: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield frames and place of all windows, `at_once` samples at a time in their own order."""
    mapped = Mapped([view])
    for start in range(0, len(view), at_once):
        samples = np.arange(start, min(start + at_once, len(view)))
        frames, place = _tensors(view, samples, device)
        mapped.release((frames,))
        yield frames, place


def _tensors(view: View, samples: NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor]:
    frames, place = distinct(view, samples)
    return as_tensor(frames).to(device), torch.from_numpy(place).to(device)
