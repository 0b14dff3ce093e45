"""Where the face of an image is, for sets that do not say. The underscore marks what readers share.

The detector is OpenCV's boosted cascade of Haar features (Viola and Jones 2001; Lienhart's frontal face, alt2), which
is inside the package: nothing is downloaded. It finds frontal faces; see docs/decisions/0013.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGER_SIDE = 96
"""Pixels to which an image is made smaller before the search: what is looked for is a face, not a crowd."""

_BORDER = 0.2
"""What is added around, by its outermost pixels: faces that fill their image are not found without."""

_SMALLEST = 0.2
"""Of the longer side: smaller findings are hardly ever the face that an image was taken of."""

_of_thread = threading.local()
_importing = threading.Lock()


def find(grey: NDArray[np.uint8]) -> tuple[float, float, float, float] | None:
    """Return the box (left, top, right, bottom) of the largest face of the image `grey` (h, w), in its pixels.

    None where there is none. The box may reach over the image's edge.
    """
    cv2 = _opencv()
    scale = min(1.0, _LONGER_SIDE / max(grey.shape))
    if scale < 1:
        # a strip would have no pixels left across
        size = [max(1, round(scale * side)) for side in grey.shape[::-1]]
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    longer = max(grey.shape)
    border = round(_BORDER * longer)
    smallest = round(_SMALLEST * longer)
    found = _cascade().detectMultiScale(
        np.pad(grey, border, mode="edge"), scaleFactor=1.15, minNeighbors=2, minSize=(smallest, smallest)
    )
    if not len(found):
        return None
    left, top, width, height = (float(number) for number in max(found, key=lambda box: box[2] * box[3]))
    left, top = left - border, top - border
    return left / scale, top / scale, (left + width) / scale, (top + height) / scale


def _cascade() -> Any:
    """Return this thread's cascade: one is not to be used by several at once."""
    if not hasattr(_of_thread, "cascade"):
        cv2 = _opencv()
        _of_thread.cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")
    return _of_thread.cascade


def _opencv() -> Any:
    """Return OpenCV, imported when it is first needed, by one thread: it breaks where two import it at once."""
    with _importing:
        import cv2
        import cv2.data

        cv2.setNumThreads(1)  # images are searched side by side already
        return cv2
