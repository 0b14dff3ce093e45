"""What all methods that classify face meshes declare alike."""

from __future__ import annotations

from training.contract import LABEL, Method
from training.geometry import mesh_features

MESHES = Method(
    title="Face meshes",
    source="face-mesh-graphs",
    data="meshes",
    inputs="landmarks",
    targets=LABEL,
    objective="f1",
    settings=mesh_features.SETTINGS,
)
