"""What all variational autoencoders of faces declare alike."""

from __future__ import annotations

from affect.record import ALL, PICTURE
from training.contract import Method

FACES = Method(
    title="Variational autoencoder of faces",
    source="bridge-from-d-to-e",
    data="faces",
    inputs="images",
    targets="va",
    objective="mse",
    # always-the-mean costs about the same in both: pixels vary by some .04 and labels by some .2
    objective_weights={PICTURE: 5.0, ALL: 1.0},
)
