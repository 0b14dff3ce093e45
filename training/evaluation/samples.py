"""Images to look at: test images and their reconstructions, and what a step along z_v or z_a does to a face.

Task 1 of The Bridge from D to E, and the traversals.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from affect import record
from training.contract import Evaluation, Findings, Fitted, Method
from training.evaluation import _predictors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data import Floats

OF_EACH = 2
"""Images of each emotion that are kept; as many as of eight emotions where there are no labels."""

TRAVERSED = 3
STEPS = tuple(np.linspace(-2.0, 2.0, 9).tolist())
"""Standard deviations of the train codes from their mean."""


def applies(method: Method) -> bool:
    """Say whether the method reconstructs the images that it is given."""
    return "images" in method.all_blocks() and record.PICTURE in method.objective_weights


def evaluate(fitted: Fitted) -> Findings:
    """Return samples.parquet: some test images, real and reconstructed, and traversals of z_v and z_a for a few.

    A traversal moves one code of an image and leaves all else of it as it is. Its coordinate is what the trained
    projection reads from the code, and without one what a linear probe (ridge) fitted on train codes does. The code is
    moved in the direction in which train codes go when that coordinate rises, their covariance with it: along the
    projection's own weights it would leave the codes that the decoder knows (Haufe et al., On the interpretation of
    weight vectors of linear models, NeuroImage 87, 2014).
    At step k the coordinate is the train codes' mean and k of their standard deviations, so that a step is the same
    reading for every image. Real images have their label's valence and arousal; reconstructions and
    traversals have those that the model reads from the code.
    """
    import pandas as pd

    test = fitted.split.test
    if test is None or not _predictors.coded(fitted) or "test" not in fitted.outcome.images:
        return Findings()
    names = fitted.test_sample
    labels = np.full(len(test), "") if fitted.labels is None else fitted.labels["test"]
    chosen = choose(labels, fitted.job.seed)
    reconstructed, read = fitted.outcome.images["test"], fitted.outcome.predictions["test"]
    columns = [fitted.split.targets.index(target) for target in _predictors.CODES.values()]
    rows: list[tuple[Any, ...]] = []
    real, _ = test.x[np.array(chosen)]  # no other image is read
    for k, i in enumerate(chosen):
        for kind, image, va in (
            ("real", real[k], fitted.truth["test"]),
            ("reconstruction", reconstructed[i], read),
        ):
            rows.append((kind, names[i], "", 0.0, png(image), *va[i, columns].tolist(), labels[i]))
    model: Any = fitted.outcome.model
    # one of each of the first emotions
    for code in _predictors.CODES:
        for i in chosen[:: max(1, len(chosen) // TRAVERSED)][:TRAVERSED]:
            here = {name: np.asarray(parts["test"])[i] for name, parts in fitted.outcome.embeddings.items()}
            moved = {name: np.tile(values, (len(STEPS), 1)) for name, values in here.items()}
            moved[code] = traversal(fitted, code, here[code])
            shown, va = model.decode(moved), model.read(moved)
            for k, step in enumerate(STEPS):
                rows.append(
                    ("traversal", names[i], code, step, png(shown[k]), *va[k, columns].tolist(), labels[i]),
                )
    table = pd.DataFrame(rows, columns=list(record.COLUMNS[record.Artifact.SAMPLES]))
    return Findings({record.Artifact.SAMPLES: table})


def choose(labels: NDArray[np.str_], seed: int) -> list[int]:
    """Return rows of labels (n,) drawn by `seed`: `OF_EACH` of every label, or of fewer where it has fewer."""
    rng = np.random.default_rng(seed)
    known = np.unique(labels)
    each = OF_EACH if len(known) > 1 else 8 * OF_EACH
    return [int(i) for name in known for i in np.sort(rng.permutation(np.flatnonzero(labels == name))[:each])]


def traversal(fitted: Fitted, code: str, values: Floats) -> NDArray[np.float32]:
    """Return a code (d,) moved to each step, (len(STEPS), d): see `evaluate`."""
    train: Any = fitted.outcome.embeddings[code]["train"]
    model: Any = fitted.outcome.model
    trained = model.directions()
    if trained is None:
        target = fitted.truth["train"][:, fitted.split.targets.index(_predictors.CODES[code])]
        along = _predictors.direction(train, target)
    else:
        along = trained[code]
    coordinate = train @ along
    centred = coordinate - coordinate.mean()
    # one unit of this is one of the coordinate; a code that does not move at all has none
    pattern = centred @ train / max(float(centred @ centred), 1e-12)
    wanted = coordinate.mean() + np.array(STEPS) * coordinate.std()
    return np.asarray(values + np.outer(wanted - values @ along, pattern), np.float32)


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an image uint8 (3, height, width) as the bytes of a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.moveaxis(image, 0, -1))).save(out, "PNG")
    return out.getvalue()


EVALUATION = Evaluation(applies, evaluate)
