"""What the GANs on frames are searched over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

DEFAULTS: dict[str, Any] = {
    "learning_rate": 1e-3,
    "generator_learning_rate": 1e-3,
    "beta1": 0.5,
    "learning_rate_schedule": "cosine",
    "dropout": 0.1,
    "adversarial_weight": 0.4,
    "real_label": 0.9,
    "matching_weight": 1.0,
    "last_weight": 0.1,
    "annealed_steps": 2000,
    "generator_updates": 1,
    "max_grad_norm": 10.0,
    "horizontal_flip": True,
    "max_shift": 0,
    "batch": 32,
    "epochs": 16,
    "patience": 10,
    "show_every": 300,
}
"""The label smoothing and the updates of the generator are the source's. Its learning rates of 1e-4 and 2e-4 and its
dropout of .5 are among what is searched: they ask for many more steps than these (*ours*). With an
adversarial weight of 1 the generator made one image of all noise on the synthetic frames, and with .4 faces."""

TINY: dict[str, Any] = {
    "learning_rate": 3e-3,
    "generator_learning_rate": 3e-3,
    "dropout": 0.1,
    "horizontal_flip": False,
    "batch": 128,
    "epochs": 1,
    "show_every": 100,
    "width": 0.0625,
    "unlabelled": "ignored",
}


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw one configuration."""
    return {
        # the discriminator's
        "learning_rate": trial.suggest_float("learning_rate", 3e-5, 3e-3, log=True),
        "generator_learning_rate": trial.suggest_float("generator_learning_rate", 3e-5, 3e-3, log=True),
        # of Adam, for both networks (Radford et al. 2016 found .9 unstable and .5 not)
        "beta1": trial.suggest_categorical("beta1", [0.0, 0.5, 0.9]),
        "learning_rate_schedule": trial.suggest_categorical("learning_rate_schedule", ["none", "cosine"]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        # of real or generated, beside the loss of the labels
        "adversarial_weight": trial.suggest_float("adversarial_weight", 0.03, 3.0, log=True),
        # what the discriminator is to say of a real frame: below 1 is one-sided label smoothing
        "real_label": trial.suggest_float("real_label", 0.7, 1.0),
        # of matching beside fooling, at first and at last, and the steps between
        "matching_weight": trial.suggest_float("matching_weight", 0.1, 30.0, log=True),
        "last_weight": trial.suggest_float("last_weight", 0.0, 1.0),
        "annealed_steps": trial.suggest_int("annealed_steps", 100, 20000, log=True),
        "generator_updates": trial.suggest_categorical("generator_updates", [1, 2]),
        "max_grad_norm": trial.suggest_float("max_grad_norm", 1.0, 100.0, log=True),
        "horizontal_flip": trial.suggest_categorical("horizontal_flip", [False, True]),
        # pixels of 64
        "max_shift": trial.suggest_int("max_shift", 0, 6),
        "batch": trial.suggest_categorical("batch", [32, 64, 128]),
        "epochs": trial.suggest_int("epochs", 1, 300, log=True),
        "patience": trial.suggest_int("patience", 5, 60),
        # steps between two grids of generated images
        "show_every": trial.suggest_int("show_every", 50, 2000, log=True),
    }
