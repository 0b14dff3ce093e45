"""Emotion from meshes by feature-steered convolutions on the mesh's edges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.contract import Job, Outcome, Params
from training.data import Split
from training.methods.meshes._family import MESHES

if TYPE_CHECKING:
    from training.networks.feast_conv import FeastConv
    from training.networks.mesh_classifier import FittedMeshes, Graph

METHOD = replace(MESHES, title="FeaStNet on face meshes")


def layer(width_in: int, width_out: int, params: Params, graph: Graph) -> FeastConv:
    """Make one layer."""
    from training.networks.feast_conv import FeastConv

    return FeastConv(width_in, width_out, params["heads"], graph.edges, graph.vertices)


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where macro F1 on validation is highest."""
    from training.networks import mesh_classifier

    return mesh_classifier.fit(layer, params, split, job)


def load(folder: Path, device: str) -> FittedMeshes:
    """Read a saved model."""
    from training.networks import mesh_classifier

    return mesh_classifier.load(folder, device, layer)
