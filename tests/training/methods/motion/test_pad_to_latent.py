import numpy as np
import pytest

from search_spaces.motion.pad_to_latent import TINY
from tests import small_data
from training.contract import UserError
from training.methods.motion import pad_to_latent as method

SETTINGS = {"latent_size": 2}


def test_predictions_are_decoded_codes_and_the_report_is_of_features():
    log: list = []
    job = small_data.lent("motion/pad_to_latent", SETTINGS, log=log)
    made = small_data.protocol(method.METHOD)
    outcome = method.fit(TINY, made.split(method.METHOD, SETTINGS, test=False), job)
    z = outcome.embeddings["z"]["validation"]
    assert z.shape[1] == 2
    np.testing.assert_allclose(job.prerequisites["vae"].decode(z), outcome.predictions["validation"])
    error = np.abs(outcome.predictions["validation"] - made.truth()["validation"]).mean()
    assert log[-1][1] == pytest.approx(error, rel=0.02)


def test_a_need_with_another_latent_size_is_refused():
    job = small_data.lent("motion/pad_to_latent", SETTINGS)
    wrong = small_data.job({**job.settings, "latent_size": 4}, prerequisites=job.prerequisites)
    with pytest.raises(UserError, match="has latent_size=2, this study 4"):
        method.fit(TINY, small_data.split(method.METHOD, test=False), wrong)
