import dataclasses

import numpy as np

from search_spaces.faces.face_vae import TINY
from tests import small_data
from training.methods.faces import face_vae as method


def test_it_is_told_nothing_of_valence_and_arousal():
    """With every label turned round it is the same autoencoder."""
    split = small_data.split(method.METHOD, test=False)
    turned = dataclasses.replace(
        split,
        train=dataclasses.replace(split.train, y=-split.train.targets()),
        validation=dataclasses.replace(split.validation, y=-split.validation.targets()),
    )
    one, other = (method.fit(TINY, of, small_data.lent("faces/face_vae", epochs=1)) for of in (split, turned))
    np.testing.assert_array_equal(one.predictions["validation"], other.predictions["validation"])
    np.testing.assert_array_equal(one.images["validation"], other.images["validation"])
