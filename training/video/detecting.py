"""Where the faces of a video's frames are: in the whole frame, and near where they were.

The detectors are OpenCV's boosted cascades of Haar features (Viola and Jones, Rapid Object Detection using a Boosted
Cascade of Simple Features, CVPR 2001; Lienhart and Maydt, ICIP 2002), which are inside the package; see
docs/decisions/0013. The frontal one looks at whole frames. Near a face of the frame before, where hardly anything can
be mistaken for it, the frontal one looks first, and the profile, left and right, where that finds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

LONGER_SIDE = 480
"""Pixels to which a whole frame is made smaller."""
SMALLEST = 0.08
"""Of the longer side: smaller faces have too few pixels to be read."""
AROUND = 1.8
"""Near a face of the frame before, the search is in a square so many times its side."""
SIDE = 48
"""Pixels of that face in the search."""
LEAST, MOST = (round(0.65 * SIDE),) * 2, (round(1.5 * SIDE),) * 2
"""Width and height that a finding there has."""


class Detector:
    """Finds faces in grey images. Not to be used by several threads at once."""

    def __init__(self) -> None:
        import cv2
        import cv2.data

        cv2.setNumThreads(1)  # videos are searched side by side already
        folder = cv2.data.haarcascades
        self._cv2 = cv2
        self._frontal = cv2.CascadeClassifier(f"{folder}haarcascade_frontalface_alt2.xml")
        self._profile = cv2.CascadeClassifier(f"{folder}haarcascade_profileface.xml")

    def everywhere(self, grey: Grey) -> list[Box]:
        """Return the boxes of the frontal faces in a whole frame (h, w), in its pixels."""
        scale = min(1.0, LONGER_SIDE / max(grey.shape))
        small = grey if scale == 1.0 else self._resized(grey, scale)
        smallest = max(20, round(SMALLEST * max(small.shape)))
        found = self._frontal.detectMultiScale(small, 1.15, 3, minSize=(smallest, smallest))
        return [_box(one, 0.0, 0.0, scale) for one in found]

    def near(self, grey: Grey, box: Box) -> Box | None:
        """Return the box of the face in a frame (h, w) that is near `box`, that of the frame before; None without."""
        left, top, right, bottom = box
        side = right - left
        half, x, y = AROUND * side / 2, (left + right) / 2, (top + bottom) / 2
        height, width = grey.shape
        rows = slice(max(0, round(y - half)), min(height, round(y + half)))
        columns = slice(max(0, round(x - half)), min(width, round(x + half)))
        part = grey[rows, columns]
        if min(part.shape, default=0) < 8:
            return None
        scale = SIDE / side
        small = self._resized(part, scale)
        origin = columns.start, rows.start
        for mirrored, cascade in ((False, self._frontal), (False, self._profile), (True, self._profile)):
            seen = np.ascontiguousarray(small[:, ::-1]) if mirrored else small
            boxes = cascade.detectMultiScale(seen, 1.1, 2, minSize=LEAST, maxSize=MOST)
            found = [tuple(map(float, one)) for one in boxes]
            if mirrored:
                found = [(small.shape[1] - at - size, below, size, tall) for at, below, size, tall in found]
            if found:
                return max((_box(one, *origin, scale) for one in found), key=lambda other: overlap(other, box))
        return None

    def _resized(self, grey: Grey, scale: float) -> Grey:
        size = [max(1, round(scale * side)) for side in grey.shape[::-1]]
        how = self._cv2.INTER_AREA if scale < 1 else self._cv2.INTER_LINEAR
        resized: Grey = np.asarray(self._cv2.resize(grey, size, interpolation=how), np.uint8)
        return resized


def _box(found: Any, left: float, top: float, scale: float) -> Box:
    x, y, width, height = (float(number) / scale for number in found)
    return left + x, top + y, left + x + width, top + y + height


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union, 0 … 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
