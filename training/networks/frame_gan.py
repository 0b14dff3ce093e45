"""GANs on frames: a discriminator that reads valence and arousal, or emotions, and a generator against it.

Each step updates the discriminator once and the generator once or twice. The discriminator sees labelled frames, frames
without a label where there are any, and generated ones. Its loss is that of the labels (1 − CCC of the batch, or the
cross-entropy of the classes) and that of telling real from generated, with one-sided label smoothing. The generator's
is to fool it, and to match: the mean features of real and generated frames, or the images themselves, by a Huber loss
whose weight falls along a line (`training.networks.adversarial.annealed`).

Salimans et al., Improved Techniques for Training GANs, NIPS 2016: feature matching, one-sided label smoothing, and of
K classes the one that is generated: its logit is fixed at 0, so that real is the sigmoid of the others' log-sum-exp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.contract import Outcome
from training.networks import augmentation, ccc, cnns, fitted, frame_cnn, gans, loop
from training.networks.adversarial import Adversarial, annealed
from training.networks.batches import Batches, Shuffled, Together
from training.networks.step import optimiser

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Job, Method, Params
    from training.data import Floats, Part, Split
    from training.networks.batches import Batch, Epochs
    from training.views import Inputs

NAME = "frame_gan"
TARGETS = 2
SHOWN = 36
"""Images of a grid, always of the same noise."""
JUDGED = 256
"""Generated images of which the accuracy of the discriminator is taken after each epoch."""

DISCRIMINATORS: Mapping[str, Callable[..., gans.Discriminator | gans.CapsuleDiscriminator]] = {
    "convolutions": gans.Discriminator,
    "capsules": gans.CapsuleDiscriminator,
}


@dataclass(frozen=True)
class Shape:
    """The sizes of a `FrameGan`.

    width : of both networks, 1 as published.  discriminator : convolutions or capsules.  dropout : in it.
    classes : number of emotions; 0 where it reads valence and arousal.
    """

    width: float
    discriminator: str
    dropout: float
    classes: int = 0


class FrameGan(nn.Module):
    """A generator and a discriminator. Frames are uint8 (n, 3, 64, 64), or generated: floats in −1 … 1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.classes = shape.classes
        self.generator = gans.Generator(shape.width)
        outputs = shape.classes or TARGETS + 1
        self.discriminator = DISCRIMINATORS[shape.discriminator](shape.width, outputs, shape.dropout)

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames to the discriminator's features (n, d)."""
        images = cnns.scaled(frames) if frames.dtype == torch.uint8 else frames
        with cnns.autocast(frames.device):
            features: Tensor = self.discriminator.features(images)
        return features.float()

    def read(self, codes: Tensor) -> Tensor:
        """Map features to valence and arousal (n, 2), or to the probabilities (n, c) of the classes."""
        outputs = self.discriminator.read(codes)
        return outputs.softmax(dim=1) if self.classes else torch.tanh(outputs[:, :TARGETS])

    def real(self, codes: Tensor) -> Tensor:
        """Map features to the logit (n,) of being real."""
        outputs = self.discriminator.read(codes)
        return outputs.logsumexp(dim=1) if self.classes else outputs[:, TARGETS]

    def forward(self, frames: Tensor) -> Tensor:
        """Map frames to valence and arousal (n, 2), or to the probabilities (n, c) of the classes."""
        return self.read(self.encode(frames))

    def labels_loss(self, codes: Tensor, y: Tensor) -> Tensor:
        """Return the loss of the labels: 1 − CCC of valence and arousal (n, 2), or cross-entropy of classes (n,)."""
        if self.classes:
            return functional.cross_entropy(self.discriminator.read(codes), y.long())
        return ccc.loss(self.read(codes), y)


@dataclass(frozen=True)
class FittedGan:
    """A fitted `FrameGan` that takes frames uint8 (n, 3, 64, 64)."""

    module: FrameGan
    shape: Shape

    def predict(self, inputs: Inputs) -> Floats:
        """Map frames to valence and arousal (n, 2), or to the probabilities (n, c) of the classes."""
        return fitted.run(self.module, self.module, [inputs.x])

    def encode(self, inputs: Inputs) -> Floats:
        """Map frames to the discriminator's features (n, d)."""
        return fitted.run(self.module, self.module.encode, [inputs.x])

    def realness(self, inputs: Inputs) -> Floats:
        """Map frames to the probability (n,) that the discriminator takes each for real."""
        return fitted.run(self.module, self._realness, [inputs.x])

    def generate(self, n: int, seed: int) -> tuple[NDArray[np.uint8], Floats, Floats]:
        """Return n generated images uint8 (n, 3, 64, 64), what the discriminator reads from them, and its realness."""
        device = next(self.module.parameters()).device
        draws = noise(n, seed)
        images, read, real = [], [], []
        with torch.inference_mode():
            for part in draws.split(fitted.AT_ONCE):
                made = self.module.generator(part.to(device))
                codes = self.module.encode(made)
                images.append(as_bytes(made))
                read.append(self.module.read(codes).cpu().numpy())
                real.append(self.module.real(codes).sigmoid().cpu().numpy())
        return np.concatenate(images), np.concatenate(read), np.concatenate(real)

    def save(self, folder: Path) -> None:
        """Write frame_gan.safetensors and frame_gan.json."""
        fitted.save_state(folder, NAME, self.module, asdict(self.shape))

    def _realness(self, frames: Tensor) -> Tensor:
        return self.module.real(self.module.encode(frames)).sigmoid()


def load(folder: Path, device: str) -> FittedGan:
    """Read what `FittedGan.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    shape = Shape(**state)
    module = FrameGan(shape)
    module.load_state_dict(weights)
    return FittedGan(cnns.placed(module, device).eval(), shape)


def noise(n: int, seed: int) -> Tensor:
    """Return uniform noise (n, 100) in −1 … 1, the same for the same seed."""
    return 2 * torch.rand(n, gans.NOISE, generator=torch.Generator().manual_seed(seed)) - 1


def as_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Return images in −1 … 1 as uint8."""
    bytes_: NDArray[np.uint8] = ((images.float() + 1) * cnns.MEAN).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return bytes_


# --------------------------------------------------------------------------------------------------------- fitting


def labelled(train: Part, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which train frames (n,) keep their labels: those of a share of the groups, drawn by the seed.

    Groups keep or lose their labels as a whole: neighbouring frames have nearly the same label, and a video is
    annotated or it is not. At least one group keeps them.
    """
    groups = np.unique(train.group)
    count = max(1, round(share * len(groups)))
    chosen = np.random.default_rng([seed, len(groups)]).permutation(groups)[:count]
    return np.isin(train.group, chosen)


def fit(method: Method, params: Params, split: Split, job: Job, discriminator: str = "convolutions") -> Outcome:
    """Fit both networks; the discriminator ends with its weights where validation is best, the generator with its last.

    `split` has images uint8 (n, 3, 64, 64) as inputs, and valence and arousal or classes as targets. Settings:
    ``labelled_share``, of how many train groups the labels are seen; ``unlabelled``, whether the frames of the others,
    and those that have no label, are used; ``matching``. An epoch has as many steps whatever the share is.
    """
    train, settings = split.train, job.settings
    shape = Shape(settings["width"], discriminator, params["dropout"], len(split.classes))
    keep = labelled(train, settings["labelled_share"], job.seed)
    with loop.seeded(job):
        module = cnns.placed(FrameGan(shape), job.device)
        step = Gan(module, params, settings["matching"], job)
        loop.fit(
            step,
            _batches(split, keep, params["batch"], settings["unlabelled"] == "used", job.device),
            lambda: _validated(method, split, job, module, step),
            loop.Schedule(
                params["epochs"],
                params["patience"],
                params["learning_rate_schedule"],
                steps=math.ceil(len(train) / params["batch"]),
            ),
            job,
            best=["discriminator"],
        )
        model = FittedGan(module, shape)
        step.show(step.updates)
        predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
        codes = {name: model.encode(part.inputs) for name, part in split.parts().items()}
    return Outcome(
        model=model, predictions=predictions, embeddings={"discriminator": codes}, parameters=fitted.count(module)
    )


def _batches(split: Split, keep: NDArray[np.bool_], batch: int, used: bool, device: str) -> Epochs:
    """Return batches of labelled frames, or pairs of them and of frames without labels."""
    train = split.train
    rows = np.flatnonzero(keep)
    y = np.asarray(train.targets())[rows]
    first = Batches(Shuffled(len(rows), min(batch, len(rows))), [train.x.take(rows), y], device)
    hidden = np.flatnonzero(~keep)
    views = [train.x.take(hidden)] if len(hidden) else []
    if split.unlabelled is not None and len(split.unlabelled):
        views.append(split.unlabelled.x)
    if not used or not views:
        return first
    view = views[0] if len(views) == 1 else views[0].concatenate(views[1])
    return Together(first, Batches(Shuffled(len(view), min(batch, len(view))), [view], device))


class Gan(Adversarial):
    """The step of a GAN on frames; every `show_every` steps it shows a grid of generated images."""

    def __init__(self, module: FrameGan, params: Params, matching: str, job: Job) -> None:
        self.module, self.params, self.matching, self.job = module, params, matching, job
        self.device = torch.device(job.device)
        self.fixed = noise(SHOWN, job.seed)
        self.updates = 0
        super().__init__(
            module.generator,
            module.discriminator,
            optimiser(module.generator, "adam", params["generator_learning_rate"], beta1=params["beta1"]),
            optimiser(module.discriminator, "adam", params["learning_rate"], beta1=params["beta1"]),
            generate=self._generate,
            discriminator_loss=self._discriminator_loss,
            generator_loss=self._generator_loss,
            generator_updates=params["generator_updates"],
            max_grad_norm=params["max_grad_norm"],
        )

    def take(self, batch: Batch, n: int) -> Mapping[str, Tensor]:
        """Take the step; show a grid where one is due."""
        if n % self.params["show_every"] == 0:
            self.show(n)
        scalars = super().take(_pair(batch), n)
        self.updates = n + 1
        return scalars

    def show(self, n: int) -> None:
        """Show what the generator makes of the fixed noise at step n, and what the discriminator reads from it."""
        fitting = self.module.generator.training
        self.module.eval()
        with torch.no_grad():
            made = self.module.generator(self.fixed.to(self.device))
            read = self.module(made)
        self.job.show(n, as_bytes(made), read.cpu().numpy())
        self.module.train(fitting)

    def judge(self) -> tuple[float, float]:
        """Return which share of generated images the discriminator finds out, and how much these differ.

        That is the standard deviation of a pixel over the images, on average: near 0 where the generator makes one
        image of all noise.
        """
        made = self.module.generator(noise(JUDGED, self.job.seed + 1).to(self.device))
        found = (self.module.real(self.module.encode(made)) < 0).float().mean()
        spread = made.std(dim=0, unbiased=False).mean()
        return float(found), float(spread)

    def _generate(self, batch: Batch) -> Tensor:
        draws = 2 * torch.rand(len(batch[0]), gans.NOISE) - 1
        made: Tensor = self.module.generator(draws.to(self.device))
        return made

    def _real(self, batch: Batch) -> tuple[Tensor, int]:
        """Return the real frames of a batch, as the augmentation shows them, and how many of them have labels."""
        frames, _, unlabelled = batch
        count = len(frames)
        frames = frames if unlabelled is None else torch.cat([frames, unlabelled])
        if self.params["horizontal_flip"]:
            frames = augmentation.mirrored(frames)
        return augmentation.moved(frames, self.params["max_shift"]), count

    def _encoded(self, frames: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of real frames and of generated ones, encoded as one batch.

        Batch norm would make the means of two batches alike, and what is left would hardly tell one from the other.
        """
        codes = self.module.encode(torch.cat([cnns.scaled(frames), made]))
        return codes[: len(frames)], codes[len(frames) :]

    def _discriminator_loss(self, batch: Batch, made: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
        frames, count = self._real(batch)
        codes, fake = self._encoded(frames, made)
        labels = self.module.labels_loss(codes[:count], batch[1])
        real, generated = self.module.real(codes), self.module.real(fake)
        smooth = torch.full_like(real, self.params["real_label"])
        telling = 0.5 * (
            functional.binary_cross_entropy_with_logits(real, smooth)
            + functional.binary_cross_entropy_with_logits(generated, torch.zeros_like(generated))
        )
        terms = {
            "labels": labels,
            "real_or_generated": telling,
            "accuracy_real": (real > 0).float().mean(),
            "accuracy_generated": (generated < 0).float().mean(),
        }
        return labels + self.params["adversarial_weight"] * telling, terms

    def _generator_loss(self, batch: Batch, made: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
        frames, _ = self._real(batch)
        real, codes = self._encoded(frames, made)
        logits = self.module.real(codes)
        fooling = functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        if self.matching == "features":
            matching = functional.huber_loss(codes.mean(dim=0), real.mean(dim=0).detach())
        else:
            matching = functional.huber_loss(made, cnns.scaled(frames[: len(made)]))
        weight = annealed(n, self.params["annealed_steps"], self.params["matching_weight"], self.params["last_weight"])
        return fooling + weight * matching, {"fooling": fooling, "matching": matching}


def _pair(batch: Batch) -> Batch:
    """Return frames, labels, and frames without labels or None, whether a batch is a pair of two or not."""
    if isinstance(batch[0], tuple):
        (frames, y), (unlabelled,) = batch
        return frames, y, unlabelled
    frames, y = batch
    return frames, y, None


def _validated(method: Method, split: Split, job: Job, module: FrameGan, step: Gan) -> tuple[float, dict[str, float]]:
    """Return the objective on validation, and beside it the accuracies on real and generated and the updates."""
    validation = split.validation

    def outputs(frames: Tensor) -> Tensor:
        codes = module.encode(frames)
        return torch.cat([module.read(codes), module.real(codes)[:, None]], dim=1)

    read = fitted.run(module, outputs, [validation.x])
    predicted, real = read[:, :-1], read[:, -1]
    scores: dict[str, float] = {}
    if split.classes:
        value = job.score(predicted)
    else:
        value, scores = frame_cnn.scored(method, split, job, predicted)
    found, spread = step.judge()
    return value, {
        **scores,
        "val__accuracy_real": float((real > 0).mean()),
        "val__accuracy_generated": found,
        "val__spread_generated": spread,
        "train__discriminator_updates": float(step.updates),
        "train__generator_updates": float(step.updates * step.generator_updates),
    }
