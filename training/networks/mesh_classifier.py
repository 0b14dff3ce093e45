"""A network that classifies meshes sharing one graph: layers of one kind, pooling, and a head; fitted, saved and read.

A method gives the layer; all else is the same for all of them. The outputs of all layers are joined and mapped to the
vertices' embeddings, whose maximum and mean over the mesh the head classifies (Wang et al., Dynamic Graph CNN for
Learning on Point Clouds, ACM Transactions on Graphics 38, 2019, figure 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.contract import Outcome
from training.geometry import mesh_features, topology
from training.geometry.mesh_features import Features
from training.geometry.rotations import draws, rotate
from training.networks import fitted, loop
from training.networks.batches import Batches, Shuffled
from training.networks.step import Descent, optimiser

if TYPE_CHECKING:
    from pathlib import Path

    from training.contract import Job, Params
    from training.data import Floats, Split
    from training.networks.batches import Batch
    from training.views import Inputs

SLOPE = 0.2
"""Of the leaky rectifier, as in DGCNN."""

AT_ONCE = 64
"""Meshes that a fitted network is given at a time."""


@dataclass(frozen=True)
class Graph:
    """The graph that all meshes share: edges (2, e) of `topology.edges` between so many vertices."""

    edges: Tensor
    vertices: int


Layer = Callable[[int, int, Mapping[str, Any], Graph], nn.Module]
"""Makes a layer from (n, v, width_in) to (n, v, width_out): of the two widths, the method's parameters, the graph."""


@dataclass(frozen=True)
class Shape:
    """What a `MeshNetwork` is built of, beside its method's parameters.

    Parameters
    ----------
    channels : c, a vertex's features.  classes : how many are told apart.
    placed : whether train meshes all stand alike, as they do where they or their features do not turn: a vertex's
        difference from its own train mean then stands beside the features, so that layers, whose weights are the same
        for all vertices, see what is unusual for this one.
    """

    channels: int
    classes: int
    placed: bool


class MeshNetwork(nn.Module):
    """Features (n, v, c) to logits (n, classes).

    params : ``depth`` layers of ``width``, vertices' embeddings of ``embedding``, ``dropout`` in the head.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, layer: Layer, params: Params, graph: Graph, shape: Shape) -> None:
        super().__init__()
        self.placed = shape.placed
        rows = 2 if shape.placed else 1
        self.register_buffer("mean", torch.zeros(graph.vertices, rows, shape.channels))
        self.register_buffer("scale", torch.ones(rows, shape.channels))
        width, depth, embedding = params["width"], params["depth"], params["embedding"]
        widths = [rows * shape.channels, *[width] * depth]
        pairs = pairwise(widths)
        self.layers = nn.ModuleList([layer(one, other, params, graph) for one, other in pairs])
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in range(depth)])
        self.embed, self.embed_norm = nn.Linear(width * depth, embedding), nn.BatchNorm1d(embedding)
        self.hidden, self.hidden_norm = nn.Linear(2 * embedding, embedding), nn.BatchNorm1d(embedding)
        self.dropout = nn.Dropout(params["dropout"])
        self.classify = nn.Linear(embedding, shape.classes)

    def measure(self, x: Tensor) -> None:
        """Take the means and scales by which inputs are standardised from train features (n, v, c)."""
        per_vertex = x.mean(dim=0)
        means = [per_vertex.mean(dim=0).expand_as(per_vertex), per_vertex][: len(self.scale)]
        self.mean.copy_(torch.stack(means, dim=1))
        self.scale.copy_(torch.stack([(x - mean).square().mean(dim=(0, 1)).sqrt() for mean in means]).clamp_min(1e-6))

    def vertices(self, x: Tensor) -> Tensor:
        """Map features (n, v, c) to the vertices' embeddings (n, v, embedding)."""
        x = ((x[:, :, None] - self.mean) / self.scale).flatten(start_dim=2)
        embeddings = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = _rectified(norm, layer(x))
            embeddings.append(x)
        return _rectified(self.embed_norm, self.embed(torch.cat(embeddings, dim=2)))

    def encode(self, x: Tensor) -> Tensor:
        """Map features (n, v, c) to the head's last hidden layer (n, embedding)."""
        vertices = self.vertices(x)
        pooled = torch.cat([vertices.amax(dim=1), vertices.mean(dim=1)], dim=1)
        return _rectified(self.hidden_norm, self.hidden(pooled))

    def forward(self, x: Tensor) -> Tensor:
        """Map features (n, v, c) to logits (n, classes)."""
        return self.classify(self.dropout(self.encode(x)))


def _rectified(norm: nn.Module, x: Tensor) -> Tensor:
    """Return x (…, d) normalised over all but its last axis, and rectified."""
    return functional.leaky_relu(norm(x.flatten(end_dim=-2)).view_as(x), SLOPE)


@dataclass(frozen=True)
class FittedMeshes:
    """A fitted `MeshNetwork` that takes meshes (n, v, 3) in pixels, with all that is needed to build it again."""

    module: MeshNetwork
    seen: Features
    params: Params
    graph: Graph
    shape: Shape

    def predict(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to the probabilities (n, classes)."""
        return self.classify(self.encode(inputs))

    def encode(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to the penultimate layer (n, d)."""
        return self._run(self.module.encode, inputs)

    def classify(self, codes: Floats) -> Floats:
        """Map the penultimate layer (n, d) to the probabilities (n, classes)."""
        with torch.inference_mode():
            tensor = _tensor(codes, next(self.module.parameters()).device)
            return torch.softmax(self.module.classify(tensor), dim=1).cpu().numpy()

    def vertices(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to the embeddings (n, v, d) of their vertices, before pooling."""
        return self._run(self.module.vertices, inputs)

    def features(self, inputs: Inputs) -> Floats:
        """Map meshes (n, v, 3) to what `logits` takes, (n, v, c)."""
        return self.seen.of(np.asarray(inputs.x))

    def logits(self, features: Tensor) -> Tensor:
        """Map features (n, v, c) to logits (n, classes), differentiably."""
        return self.module(features)

    def parameters(self) -> int:
        """Return the number of weights."""
        return fitted.count(self.module)

    def save(self, folder: Path) -> None:
        """Write meshes.safetensors and meshes.json."""
        state = {
            "params": dict(self.params),
            "vertices": self.graph.vertices,
            "shape": asdict(self.shape),
            "features": self.seen.state(),
        }
        fitted.save_state(folder, NAME, self.module, state, {EDGES: self.graph.edges})

    def _run(self, function: Callable[[Tensor], Tensor], inputs: Inputs) -> Floats:
        return fitted.run(self.module, function, [self.features(inputs)], AT_ONCE)


NAME, EDGES = "meshes", "edges"


def load(folder: Path, device: str, layer: Layer) -> FittedMeshes:
    """Read what `FittedMeshes.save` wrote."""
    values, state = fitted.load_state(folder, NAME)
    graph, shape = Graph(values.pop(EDGES), state["vertices"]), Shape(**state["shape"])
    module = MeshNetwork(layer, state["params"], graph, shape)
    module.load_state_dict(values)
    seen = Features.from_state(state["features"])
    return FittedMeshes(module.to(device).eval(), seen, state["params"], graph, shape)


def fit(layer: Layer, params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where validation is predicted best; classes weigh the same.

    params : those of `MeshNetwork` and of the layer; ``horizontal_flip`` shows every second face as its mirror image;
        ``label_smoothing``, ``learning_rate``, ``weight_decay``, ``batch``, ``epochs``, ``patience``.
    """
    with loop.seeded(job):
        return _fit(layer, params, split, job)


def _fit(layer: Layer, params: Params, split: Split, job: Job) -> Outcome:
    triangles, meshes = split.block.triangles, np.asarray(split.train.x)
    if triangles is None:
        raise ValueError("a graph network needs the triangles of the meshes")
    seen = Features.fit(meshes, job)
    x = _tensor(seen.of(meshes), job.device)
    y = torch.tensor(split.train.targets(), device=job.device)
    others = [_tensor(seen.of(mesh_features.mirrored(meshes)), job.device)] if params["horizontal_flip"] else []
    validation = _tensor(seen.of(np.asarray(split.validation.x)), job.device)

    # rotations change nothing where features do not turn: the same meshes would be drawn
    turned = job.settings["rotations"] == "train" and seen.turns
    graph = Graph(topology.edges(torch.as_tensor(np.array(triangles))), x.shape[1])
    shape = Shape(x.shape[2], len(split.classes), placed=not turned)
    module = MeshNetwork(layer, params, graph, shape)
    module.measure(x.cpu())
    module.to(job.device)
    weight = class_weights(y, shape.classes)

    def loss(batch: Batch) -> Tensor:
        x, *mirrored, y = batch
        for other in mirrored:
            x = torch.where(torch.rand(len(x), 1, 1, device=x.device) < 0.5, x, other)
        if turned:
            # seeded by torch, whose state a checkpoint keeps
            rng = np.random.default_rng(int(torch.randint(2**62, ())))
            x = rotate(x, _tensor(draws(len(x), rng), x.device))
        return functional.cross_entropy(module(x), y, weight, label_smoothing=params["label_smoothing"])

    def validate() -> float:
        logits = torch.cat([module(part) for part in validation.split(AT_ONCE)])
        return job.score(logits.softmax(dim=1).cpu().numpy())

    loop.fit(
        Descent(
            module,
            loss,
            optimiser(module, "adamw", params["learning_rate"], params["weight_decay"]),
            max_grad_norm=10.0,
        ),
        Batches(Shuffled(len(y), params["batch"]), [x, *others, y], job.device),
        validate,
        loop.Schedule(epochs=params["epochs"], patience=params["patience"]),
        job,
    )
    model = FittedMeshes(module, seen, params, graph, shape)
    codes = {name: model.encode(part.inputs) for name, part in split.parts().items()}
    return Outcome(
        model=model,
        predictions={name: model.classify(code) for name, code in codes.items()},
        embeddings={"penultimate": codes},
        parameters=model.parameters(),
    )


def class_weights(y: Tensor, classes: int) -> Tensor:
    """Return the weight of each class in the loss, (classes,): each class that y (n,) has weighs the same in all.

    A class that y lacks weighs nothing. Any other weight would make label smoothing pull all predictions towards it.
    """
    count = torch.bincount(y, minlength=classes)
    return torch.where(count > 0, len(y) / (count * (count > 0).sum()).clamp_min(1), 0.0)


def _tensor(values: Floats, device: str | torch.device) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32, device=device)
