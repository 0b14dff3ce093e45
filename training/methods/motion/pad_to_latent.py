"""Laban Movement Analysis features through the latent space of a fitted autoencoder, which P, A and D are mapped to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import views
from training.contract import Job, Method, Outcome, Params, UserError
from training.data import Split
from training.models import preparation, trees

if TYPE_CHECKING:
    from training.data import Floats
    from training.networks import vae
    from training.views import Inputs

METHOD = Method(
    title="Boosted trees from PAD to a VAE's latent space",
    source="lma-thesis-report-8",
    data="motion",
    inputs="pad",
    targets="features",
    settings={"latent_size": (1, 2, 4, 8)},
    prerequisites={"vae": "motion/lma_vae"},
)


@dataclass(frozen=True)
class ThroughLatent:
    """Trees from PAD to z, and the autoencoder whose decoder goes from z to features."""

    trees: trees.Trees
    vae: vae.FittedVae

    def predict(self, inputs: Inputs) -> Floats:
        """Map PAD (n, 3) to features (n, d) in the data's own units."""
        return self.vae.decode(self.trees.predict(inputs))

    def encode(self, inputs: Inputs) -> Floats:
        """Map PAD (n, 3) to z (n, latent_size)."""
        return self.trees.predict(inputs)

    def decode(self, z: Floats) -> Floats:
        """Map z (n, latent_size) to features (n, d)."""
        return self.vae.decode(z)

    def save(self, folder: Path) -> None:
        """Write the trees, and a copy of the autoencoder, so that the run can be read without the run it needed."""
        for part in ("trees", "vae"):
            (folder / part).mkdir()
        self.trees.save(folder / "trees")
        self.vae.save(folder / "vae")


def fit(params: Params, split: Split, job: Job) -> Outcome:
    """Fit one regressor for each value of z; the z of train and validation are the autoencoder's means.

    Reports the mean absolute error of features decoded from the z of validation. Rows whose z are outliers leave train.
    """
    fitted: vae.FittedVae = job.prerequisites["vae"]
    asked = job.settings["latent_size"]
    if fitted.latent_size != asked:
        raise UserError(
            f"the lma_vae that is its prerequisite has latent_size={fitted.latent_size}, this study {asked}"
        )
    z, z_validation = (fitted.encode(views.single(part.targets())) for part in (split.train, split.validation))
    inliers = preparation.inliers(z, params, job.seed)
    x, z = np.asarray(split.train.x)[inliers], z[inliers]
    features = split.validation.targets()
    regressors = trees.fit(
        (x, z),
        (np.asarray(split.validation.x), z_validation),
        params,
        job,
        (preparation.scaling(x, "none"), preparation.scaling(z, params["scaling"])),
        objective=lambda z: float(np.abs(fitted.decode(z) - features).mean()),
    )
    model = ThroughLatent(regressors, fitted)
    codes = {name: model.encode(part.inputs) for name, part in split.parts().items()}
    return Outcome(
        model=model,
        predictions={name: model.decode(z) for name, z in codes.items()},
        embeddings={"z": codes},
        parameters=regressors.leaves(),
    )


def load(folder: Path, device: str) -> ThroughLatent:
    """Read a saved model."""
    from training.networks import vae

    return ThroughLatent(trees.load(folder / "trees"), vae.load(folder / "vae", device))
