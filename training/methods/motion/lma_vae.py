"""A variational autoencoder of Laban Movement Analysis features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.contract import Job, Method, Outcome, Params
from training.data import Split
from training.models import preparation

if TYPE_CHECKING:
    import torch

    from training.data import Floats
    from training.networks import vae
    from training.networks.batches import Batch

METHOD = Method(
    title="Variational autoencoder of LMA features",
    source="lma-thesis-report-8",
    data="motion",
    inputs="features",
    targets="features",
    settings={"latent_size": (1, 2, 4, 8)},
)

PATIENCE = 15


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train, stopped where the reconstructions of validation have the least mean absolute error."""
    from training.networks import loop

    # a step of layers of this size takes longer on two threads than on one
    with loop.seeded(job, most_threads=1):
        return _fit(params, split, job)


def _fit(params: Params, split: Split, job: Job) -> Outcome:
    import torch

    from training.networks import loop, vae
    from training.networks.batches import Batches, Shuffled
    from training.networks.step import Descent, optimiser

    features = np.asarray(split.train.x)
    features = features[preparation.inliers(features, params, job.seed)]
    scaling = preparation.scaling(features, params["scaling"])
    train = _tensor(scaling.apply(features), job)
    scale = _tensor(scaling.scale, job)
    weights = scale / scale.mean() if params["weighting"] == "own_units" else torch.ones_like(scale)
    shape = vae.Shape(
        train.shape[1], job.settings["latent_size"], params["width"], params["depth"], params["activation"]
    )
    module = vae.Vae(shape).to(job.device)
    model = vae.FittedVae(module, shape, scaling)
    measure = vae.RECONSTRUCTIONS[params["reconstruction"]]

    def loss(batch: Batch) -> torch.Tensor:
        (x,) = batch
        reconstructed, mean, log_variance = module(x)
        return (
            params["reconstruction_weight"] * measure(reconstructed * weights, x * weights)
            + vae.kl(mean, log_variance).mean()
        )

    def validate() -> float:
        return job.score(model.predict(split.validation.inputs))

    loop.fit(
        Descent(module, loss, optimiser(module, params["optimiser"], params["learning_rate"]), max_grad_norm=10.0),
        Batches(Shuffled(len(train), params["batch"]), [train], job.device),
        validate,
        loop.Schedule(epochs=params["epochs"], patience=PATIENCE),
        job,
    )
    codes = {name: model.encode(part.inputs) for name, part in split.parts().items()}
    return Outcome(
        model=model,
        predictions={name: model.decode(z) for name, z in codes.items()},
        embeddings={"z": codes},
        parameters=model.parameters(),
    )


def _tensor(values: Floats, job: Job) -> torch.Tensor:
    import torch

    return torch.as_tensor(np.asarray(values), dtype=torch.float32, device=job.device)


def load(folder: Path, device: str) -> vae.FittedVae:
    """Read a saved model."""
    from training.networks import vae

    return vae.load(folder, device)
