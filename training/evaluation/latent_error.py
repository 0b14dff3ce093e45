"""How well a latent code is predicted, beside always-the-mean of the train codes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect import metrics, record
from training.contract import Evaluation, Findings, Fitted, Method
from training.views import single


def applies(method: Method) -> bool:
    """Say whether the method predicts the code of an autoencoder that it needs."""
    return "vae" in method.all_needed()


def evaluate(fitted: Fitted) -> Findings:
    """Return the test part's mean absolute error between predicted codes and the autoencoder's codes of real features.

    Its unit is that of z, which for a VAE is about a standard deviation of the codes.
    """
    vae = fitted.job.prerequisites["vae"]
    train, test = (vae.encode(single(fitted.truth[part])) for part in ("train", "test"))
    rows = {"": fitted.outcome.embeddings["z"]["test"], record.MEAN: metrics.mean_row(train, len(test))}
    if fitted.labels is not None and (fitted.labels["test"] != "").any():
        rows[record.LABEL_MEAN] = metrics.label_mean_row(train, fitted.labels["train"], fitted.labels["test"])
    codes = fitted.outcome.embeddings["z"]
    samples = {"train": fitted.split.train.sample, "test": fitted.test_sample}
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "sample": samples[part],
                    "part": part,
                    "label": "" if fitted.labels is None else fitted.labels[part],
                    **{f"true_d{i}": z for i, z in enumerate(true.T)},
                    **{f"pred_d{i}": z for i, z in enumerate(codes[part].T)},
                }
            )
            for part, true in (("train", train), ("test", test))
        ],
        ignore_index=True,
    )
    return Findings(
        tables={record.Artifact.LATENT: table},
        metrics={
            # nan where a sample has no label
            record.metric("test", "mae", "latent", aspect): float(np.nanmean(np.abs(pred - test)))
            for aspect, pred in rows.items()
        },
    )


EVALUATION = Evaluation(applies, evaluate)
