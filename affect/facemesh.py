"""The face that all meshes share: 468 vertices and 898 triangles in MediaPipe FaceMesh's order, regions, mirror image.

The canonical face is MediaPipe's (``canonical_face_model.obj``, Copyright The MediaPipe Authors, Apache License 2.0:
https://www.apache.org/licenses/LICENSE-2.0), with the triangles of mind-ar (MIT). The regions are this project's own,
drawn on it by hand; landmarks that FaceMesh finds in a picture have the same vertices in the same order.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOLDER = Path(__file__).parent


def _rows(name: str) -> list[list[str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _fixed(values: NDArray[Any]) -> NDArray[Any]:
    values.flags.writeable = False
    return values


_VERTICES = _rows("facemesh_vertices.csv")

VERTICES: NDArray[np.float64] = _fixed(np.array([row[:3] for row in _VERTICES], float))
"""(468, 3) the canonical face in cm: x to the picture's right, y up, z towards the viewer. It is symmetric in x."""

TRIANGLES: NDArray[np.int64] = _fixed(np.array(_rows("facemesh_triangles.csv"), np.int64))
"""(898, 3) rows of vertices, which seen from the front turn in one sense; eyes and mouth are closed by triangles."""

REST = "forehead"
"""What `region_of` calls the vertices of no region: forehead and temples, which no facial action moves much alone."""

REGIONS: dict[str, tuple[int, ...]] = {
    name: tuple(i for i, row in enumerate(_VERTICES) if row[3] == name)
    for name in ("brow", "eye", "nose", "cheek", "lips", "chin")
}
"""Region → its vertices; disjoint, each symmetric, and with `REST` they cover the face."""


def _mirrored() -> NDArray[np.int64]:
    apart = np.linalg.norm(VERTICES[:, None] * (-1, 1, 1) - VERTICES, axis=2)
    nearest: NDArray[np.int64] = apart.argmin(axis=1)
    return nearest


MIRROR: NDArray[np.int64] = _fixed(_mirrored())
"""(468,) the vertex on the other side of the face; a vertex on the middle line is its own."""


def region_of() -> NDArray[np.str_]:
    """Return the name of the region (468,) of each vertex, `REST` where it is in none."""
    return np.array([row[3] for row in _VERTICES], np.str_)
