"""A variational autoencoder of faces whose code has a chunk for valence, one for arousal and one for all else.

Four convolutions and four transposed ones with batch norm and ReLU; the chunks z_v, z_a and z_z of 32 values each. The
three methods ``faces/face_vae*`` share this network and its fit and differ by `Alignment`: what their loss says of z_v
and z_a. Source: The Bridge from D to E; the size of
the chunks is that of its public code, and the widths are searched, for it states none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from affect import record
from training.contract import Outcome
from training.networks import fitted, loop, vae
from training.networks.batches import Batches, Shuffled, in_order, placed
from training.networks.step import Descent, optimiser

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Job, Method, Params
    from training.data import Floats, Split
    from training.networks.batches import Batch, Item
    from training.views import Inputs

    Images = NDArray[np.uint8]
    Codes = Mapping[str, Floats]

SIDE = 64
CHUNK = 32
CODES = ("z_v", "z_a", "z_z")
ALIGNED = ("z_v", "z_a")
"""The chunks that stand for valence and arousal, in the order of the block ``va``."""

LEVELS = 10
CLASSES = 2 * LEVELS + 1
"""A discrete label is round(10 · label): an integer from −10 to 10, and its class that plus 10."""

ROWS_AT_ONCE = 256
PATIENCE = 12


@dataclass(frozen=True)
class Shape:
    """The sizes of a `FaceVae`: channels of the first convolution, and what each aligned chunk is projected to.

    `outputs` is 0 where nothing is projected, 1 for a continuous label and `CLASSES` for a discrete one.
    """

    width: int
    outputs: int


class FaceVae(nn.Module):
    """Four convolutions of stride 2 (64 → 4 pixels; width, 2, 4 and 8 times that) and the same way back."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = [shape.width * factor for factor in (1, 2, 4, 8)]
        inner = (widths[-1], SIDE // 16, SIDE // 16)
        down: list[nn.Module] = []
        for size_in, size_out in zip([3, *widths[:-1]], widths, strict=True):
            # batch norm has a shift of its own: a bias before it would do nothing
            down += [nn.Conv2d(size_in, size_out, 4, 2, 1, bias=False), nn.BatchNorm2d(size_out), nn.ReLU()]
        up: list[nn.Module] = []
        for size_in, size_out in zip(widths[:0:-1], widths[-2::-1], strict=True):
            up += [nn.ConvTranspose2d(size_in, size_out, 4, 2, 1, bias=False), nn.BatchNorm2d(size_out), nn.ReLU()]
        self.down = nn.Sequential(*down, nn.Flatten())
        self.moments = nn.Linear(int(np.prod(inner)), 2 * CHUNK * len(CODES))
        self.start = nn.Sequential(nn.Linear(CHUNK * len(CODES), int(np.prod(inner))), nn.Unflatten(1, inner))
        self.up = nn.Sequential(*up, nn.ConvTranspose2d(widths[0], 3, 4, 2, 1))
        self.projections = nn.ModuleList(nn.Linear(CHUNK, shape.outputs) for _ in ALIGNED if shape.outputs)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map uint8 images (n, 3, 64, 64) to the mean and the log variance of z, each (n, 96): z_v, z_a, z_z."""
        mean, log_variance = self.moments(self.down(scaled(images))).chunk(2, dim=-1)
        return mean, log_variance.clamp(-10.0, 10.0)

    def decode(self, z: Tensor) -> Tensor:
        """Map z (n, 96) to images (n, 3, 64, 64) in 0 … 1."""
        return torch.sigmoid(self.up(self.start(z)))

    def project(self, z: Tensor) -> Tensor:
        """Map z (n, 96) to what its chunks z_v and z_a say of valence and arousal, (n, 2, outputs)."""
        chunks = z.split(CHUNK, dim=-1)
        return torch.stack([own(chunk) for own, chunk in zip(self.projections, chunks[: len(ALIGNED)], strict=True)], 1)


def scaled(images: Tensor) -> Tensor:
    """Return uint8 images in 0 … 1: all are kept as bytes, and only a batch is ever converted."""
    return images.to(torch.float32, memory_format=torch.channels_last).div_(255.0)


def mirrored(images: Tensor) -> Tensor:
    """Return images of which about every second one, drawn at random, is seen in a mirror: valence stays the same."""
    some = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(some[:, None, None, None], images.flip(-1), images)


@dataclass(frozen=True)
class Alignment:
    """What a regularised loss adds, and how a label is read from it.

    Parameters
    ----------
    outputs : values that each aligned chunk is projected to.
    loss : from the projections (n, 2, outputs) and the labels (n, 2) in −1 … 1 to a scalar.
    probabilities : from the projections to those of the classes, (n, 2, CLASSES); None where labels are continuous.
    """

    outputs: int
    loss: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor] | None = None


def classes(va: Tensor) -> Tensor:
    """Return the discrete label's class, 0 … 20, of labels in −1 … 1."""
    return (LEVELS * va).round().long().clamp(-LEVELS, LEVELS) + LEVELS


def squared_error(projected: Tensor, va: Tensor) -> Tensor:
    """Return the mean squared error of projections (n, 2, 1), the mean over both axes."""
    return functional.mse_loss(projected.squeeze(-1), va)


def cross_entropy(projected: Tensor, va: Tensor) -> Tensor:
    """Return the cross-entropy over the 21 classes (natural logarithm), the mean over both axes."""
    return functional.cross_entropy(projected.flatten(0, 1), classes(va).flatten())


def binary_cross_entropy(projected: Tensor, va: Tensor) -> Tensor:
    """Return the binary cross-entropy against one-hot labels, summed over the 21 classes, the mean over both axes."""
    wanted = functional.one_hot(classes(va), CLASSES).to(projected.dtype)
    return CLASSES * functional.binary_cross_entropy_with_logits(projected, wanted)


def softmax(projected: Tensor) -> Tensor:
    """Return the probabilities of classes that a cross-entropy has fitted."""
    return projected.softmax(dim=-1)


def normalised(projected: Tensor) -> Tensor:
    """Return what a binary cross-entropy has fitted, each class for itself, as probabilities that add up to 1."""
    each = projected.sigmoid()
    return each / each.sum(dim=-1, keepdim=True)


CONTINUOUS = Alignment(1, squared_error)
DISCRETE = {
    "bce": Alignment(CLASSES, binary_cross_entropy, normalised),
    "ce": Alignment(CLASSES, cross_entropy, softmax),
}
ALIGNMENTS: dict[str, Alignment | None] = {"": None, "mse": CONTINUOUS, **DISCRETE}
"""Every alignment by the name that a saved model remembers it by; "" is the vanilla VAE's, which has none."""


@dataclass(frozen=True)
class FittedFaceVae:
    """A fitted `FaceVae` that takes and gives images uint8 (n, 3, 64, 64)."""

    module: FaceVae
    shape: Shape
    aligned_by: str

    @property
    def discrete(self) -> bool:
        """Say whether labels are read from probabilities of integers."""
        alignment = ALIGNMENTS[self.aligned_by]
        return alignment is not None and alignment.probabilities is not None

    def predict(self, inputs: Inputs) -> Floats:
        """Map images to valence and arousal (n, 2), as `read` does with their codes."""
        return self.read(self.encode(inputs))

    def encode(self, inputs: Inputs) -> dict[str, Floats]:
        """Map images to the means of z_v, z_a and z_z, each (n, 32)."""
        z = fitted.run(self.module, lambda part: self.module.encode(part)[0], [inputs.x], ROWS_AT_ONCE)
        return dict(zip(CODES, np.split(z, len(CODES), axis=1), strict=True))

    def decode(self, codes: Codes) -> Images:
        """Map z_v, z_a and z_z, each (n, 32), to images."""
        return self._run(lambda z: to_bytes(self.module.decode(z)), codes)

    def read(self, codes: Codes) -> Floats:
        """Map z_v and z_a to valence and arousal (n, 2).

        The trained projection of each chunk, for discrete labels the expected one over 10; without a projection the
        mean over the chunk.
        """
        return self._run(lambda z: reading(self.module, z, ALIGNMENTS[self.aligned_by]), codes)

    def probabilities(self, codes: Codes) -> Floats | None:
        """Map z_v and z_a to the probabilities (n, 2, 21) of −10 … 10; None where the method has none."""
        alignment = ALIGNMENTS[self.aligned_by]
        if alignment is None or (to_probabilities := alignment.probabilities) is None:
            return None
        return self._run(lambda z: to_probabilities(self.module.project(z)), codes)

    def directions(self) -> dict[str, Floats] | None:
        """Return for z_v and z_a the direction (32,) along which the trained projection rises; None without one.

        For discrete labels that is the classes' weights, each times its label.
        """
        if not self.shape.outputs:
            return None
        levels = np.ones(1) if self.shape.outputs == 1 else np.arange(-LEVELS, LEVELS + 1) / LEVELS
        linear: list[Any] = list(self.module.projections)
        weights = [own.weight.detach().cpu().numpy() for own in linear]
        return {code: levels @ weight for code, weight in zip(ALIGNED, weights, strict=True)}

    def parameters(self) -> int:
        """Return the number of weights."""
        return fitted.count(self.module)

    def save(self, folder: Path) -> None:
        """Write face_vae.safetensors and face_vae.json."""
        state = {"shape": asdict(self.shape), "aligned_by": self.aligned_by}
        fitted.save_state(folder, NAME, self.module, state)

    def _run(self, function: Callable[[Tensor], Tensor], codes: Codes) -> Any:
        return fitted.run(self.module, function, [_whole(codes)], ROWS_AT_ONCE)


def _whole(codes: Codes) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(codes[code], np.float32) for code in CODES], axis=1)


def to_bytes(images: Tensor) -> Tensor:
    """Return images in 0 … 1 as uint8."""
    return images.mul(255.0).round().to(torch.uint8)


def reading(module: FaceVae, z: Tensor, alignment: Alignment | None) -> Tensor:
    """Return the valence and arousal (n, 2) that z (n, 96) is read as: see `FittedFaceVae.read`."""
    if alignment is None:
        return torch.stack([chunk.mean(dim=-1) for chunk in z.split(CHUNK, dim=-1)[: len(ALIGNED)]], dim=1)
    projected = module.project(z)
    if alignment.probabilities is None:
        return projected.squeeze(-1)
    levels = torch.arange(-LEVELS, LEVELS + 1, device=z.device) / LEVELS
    return alignment.probabilities(projected) @ levels


NAME = "face_vae"


def load(folder: Path, device: str) -> FittedFaceVae:
    """Read what `FittedFaceVae.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    shape = Shape(**state["shape"])
    module = FaceVae(shape)
    module.load_state_dict(weights)
    return FittedFaceVae(_to_device(module, device).eval(), shape, state["aligned_by"])


def fit(method: Method, params: Params, split: Split, job: Job, aligned_by: str = "") -> Outcome:
    """Fit on train, stopped where what `method` optimises is best on validation.

    The loss is the mean squared error of a pixel (0 … 1), ``kl_weight`` times the divergence of all three chunks, and
    ``alignment_weight`` times the alignment of that name, if any, for one draw of z. The epochs' terms are curves.

    `split` has images uint8 (n, 3, 64, 64) as inputs and valence and arousal in −1 … 1 as targets.
    """
    with loop.seeded(job):
        return _fit(method, params, split, job, aligned_by)


def _fit(method: Method, params: Params, split: Split, job: Job, aligned_by: str) -> Outcome:
    alignment = ALIGNMENTS[aligned_by]
    shape = Shape(params["width"], alignment.outputs if alignment else 0)
    module = _to_device(FaceVae(shape), job.device)

    def loss(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        images, va = batch
        if params["horizontal_flip"]:
            images = mirrored(images)
        mean, log_variance = module.encode(images)
        z = vae.draw(mean, log_variance)
        terms = {
            "reconstruction": functional.mse_loss(module.decode(z), scaled(images)),
            "kl": vae.kl(mean, log_variance).mean(),
        }
        value = terms["reconstruction"] + params["kl_weight"] * terms["kl"]
        if alignment is not None:
            terms["alignment"] = alignment.loss(module.project(z), va)
            value = value + params["alignment_weight"] * terms["alignment"]
        return value, terms

    validation = placed([split.validation.x, split.validation.targets()], torch.device(job.device))

    def validate() -> tuple[float, dict[str, float]]:
        errors = _errors(module, validation, alignment)
        beside = {f"val__{method.objective}__{target}": value for target, value in errors.items()}
        return method.objective_value(errors), beside

    loop.fit(
        Descent(module, loss, optimiser(module, "adam", params["learning_rate"]), max_grad_norm=10.0),
        Batches(Shuffled(len(split.train), params["batch"]), [split.train.x, split.train.targets()], job.device),
        validate,
        loop.Schedule(
            epochs=params["epochs"], patience=PATIENCE, learning_rate_schedule=params["learning_rate_schedule"]
        ),
        job,
    )
    model = FittedFaceVae(module, shape, aligned_by)
    codes = {name: model.encode(part.inputs) for name, part in split.parts().items()}
    return Outcome(
        model=model,
        predictions={name: model.read(of) for name, of in codes.items()},
        images={name: model.decode(of) for name, of in codes.items() if name != "train"},
        embeddings={code: {name: of[code] for name, of in codes.items()} for code in CODES},
        parameters=model.parameters(),
    )


def _to_device(module: FaceVae, device: str) -> FaceVae:
    # a step takes at least a tenth less time than with channels first
    moved: FaceVae = module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def _errors(module: FaceVae, items: Sequence[Item], alignment: Alignment | None) -> dict[str, float]:
    """Return the mean squared errors of the reconstructed images (0 … 1, as bytes are) and of the labels read.

    items : images and labels.
    """
    device = module.moments.weight.device
    sums = torch.zeros(2, device=device)
    for images, va in in_order(items, device, ROWS_AT_ONCE):
        z = module.encode(images)[0]
        reconstructed = scaled(to_bytes(module.decode(z)))
        errors = (reconstructed - scaled(images)).square().mean(), (reading(module, z, alignment) - va).square().mean()
        sums += torch.stack(errors) * len(images)
    of_images, of_labels = (sums / len(items[0])).tolist()
    return {record.PICTURE: of_images, record.ALL: of_labels}
