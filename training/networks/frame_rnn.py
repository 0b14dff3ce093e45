"""A recurrent network over what a convolutional one makes of frames: fitted, saved and read.

Each frame's features are those of the first or second fully connected layer of `training.networks.cnns`; a GRU or LSTM
goes over the frames that a prediction may look back on, in time order, and its last output is mapped to valence and
arousal by a tanh. The convolutional network is trained along, or was fitted alone before. A window that is shorter than
the context, as at the beginning of a recording, has fewer steps; what pads it is never seen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.contract import Outcome
from training.file_settings import FileValue
from training.networks import augmentation, ccc, cnns, fitted, frame_cnn, loop, pretrained, windows
from training.networks.batches import Chunks, Scattered
from training.networks.step import Descent, optimiser

if TYPE_CHECKING:
    from pathlib import Path

    from training.contract import Job, Method, Params
    from training.data import Floats, Split
    from training.networks.batches import Batch
    from training.views import Inputs, View

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}
ALONG, BEFORE, BEFORE_AND_ALONG = CNN_FITS = ("along", "before", "before_and_along")
"""The setting `cnn_fit`: the convolutional network is fitted together with the recurrent one, alone before it and then
left as it is, or alone before it and then further with it."""
TARGETS = 2
NAME = "frame_rnn"
AT_ONCE = 256
"""Samples that a fitted network is given at a time: their windows share frames."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a `FrameRnn`.

    Parameters
    ----------
    cnn : cnn_m, vgg16 or resnet50.  width : of it, 1 as published.  side : height and width of the images.
    layer : 1 or 2, the fully connected layer whose output is a frame's features.
    cell : gru or lstm.  recurrent_layers, recurrent_size : of it.
    dropout : after fully connected layers and between recurrent ones.
    """

    cnn: str
    width: float
    side: int
    layer: int
    cell: str
    recurrent_layers: int
    recurrent_size: int
    dropout: float


class FrameRnn(nn.Module):
    """Distinct frames and their places in windows (see `training.networks.windows`) to valence and arousal (s, 2)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        sizes = cnns.hidden(shape.cnn, shape.layer)
        self.cnn = cnns.Cnn(shape.cnn, shape.width, sizes, shape.dropout, shape.side)
        between = shape.dropout if shape.recurrent_layers > 1 else 0.0
        self.recurrent = CELLS[shape.cell](
            self.cnn.size, shape.recurrent_size, shape.recurrent_layers, batch_first=True, dropout=between
        )
        self.output = nn.Linear(shape.recurrent_size, TARGETS)

    def encode(self, frames: Tensor, place: Tensor) -> Tensor:
        """Map frames uint8 (u, 3, h, w) and places (s, T) to the last recurrent output (s, recurrent_size)."""
        with cnns.autocast(frames.device):
            features = self.cnn(frames)
        features = features.float()
        first, count = steps_first(place)
        s, steps = first.shape
        # what stands after a window's last step is computed and not looked at
        x = features.index_select(0, first.clamp_min(0).flatten()).unflatten(0, (s, steps))
        out, _ = self.recurrent(x)
        return out[torch.arange(s, device=out.device), count - 1]

    def read(self, codes: Tensor) -> Tensor:
        """Map the last recurrent output (s, recurrent_size) to valence and arousal (s, 2)."""
        return torch.tanh(self.output(codes))

    def forward(self, frames: Tensor, place: Tensor) -> Tensor:
        """Map frames uint8 (u, 3, h, w) and places (s, T) to valence and arousal (s, 2)."""
        return self.read(self.encode(frames, place))


def steps_first(place: Tensor) -> tuple[Tensor, Tensor]:
    """Return places (s, T) with each window's steps first and its padding behind them, and the number of steps (s,).

    Windows come with their padding before them. A network that goes on from step to step is not to begin with it.
    """
    count = (place >= 0).sum(dim=1)
    steps = place.shape[1]
    order = (torch.arange(steps, device=place.device) + steps - count[:, None]) % steps
    return place.gather(1, order), count


@dataclass(frozen=True)
class FittedFrames:
    """A fitted `FrameRnn` that takes windows of frames uint8 (n, T, 3, h, w)."""

    module: FrameRnn
    shape: Shape

    def predict(self, inputs: Inputs) -> Floats:
        """Map windows of frames to valence and arousal (n, 2)."""
        return self.read(self.encode(inputs))

    def encode(self, inputs: Inputs) -> Floats:
        """Map windows of frames to the recurrent network's last output (n, d)."""
        return _codes(self.module, inputs.x).cpu().numpy()

    def read(self, codes: Floats) -> Floats:
        """Map the recurrent network's last output (n, d) to valence and arousal (n, 2)."""
        device = next(self.module.parameters()).device
        with torch.inference_mode():
            return self.module.read(torch.as_tensor(codes, device=device)).cpu().numpy()

    def save(self, folder: Path) -> None:
        """Write frame_rnn.safetensors and frame_rnn.json."""
        fitted.save_state(folder, NAME, self.module, asdict(self.shape))


def load(folder: Path, device: str) -> FittedFrames:
    """Read what `FittedFrames.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    shape = Shape(**state)
    module = FrameRnn(shape)
    module.load_state_dict(weights)
    return FittedFrames(cnns.placed(module, device).eval(), shape)


def begin_from(cnn: cnns.Cnn, fitted_cnn: cnns.Cnn) -> list[nn.Module]:
    """Give a network the convolutions of a fitted one, and its fully connected layers as far as both have the same.

    Returns the parts that were given. A layer that the fitted network lacks (ResNet-50 has none) keeps its own weights.
    """
    parts: list[nn.Module] = [cnn.trunk]
    cnn.trunk.load_state_dict(fitted_cnn.trunk.state_dict())
    for own, other in zip(cnn.hidden, fitted_cnn.hidden, strict=False):
        if isinstance(own, nn.Linear) and isinstance(other, nn.Linear):
            if own.weight.shape != other.weight.shape:
                break
            own.load_state_dict(other.state_dict())
            parts.append(own)
    return parts


def fit(method: Method, params: Params, split: Split, job: Job) -> Outcome:
    """Fit on train by 1 − CCC, stopped where the CCC on validation is highest.

    A batch is of chunks of ``chunk`` successive frames, about ``batch`` frames together: a CCC needs frames of many
    people, and neighbours cost little (see `training.networks.windows`). With ``loss=sequence`` it is of frames from
    all of a few recordings, and the loss is the mean over these. With ``horizontal_flip`` about every second batch is
    seen in a mirror, with ``max_shift`` each is moved by up to so many pixels. ``cnn_fit``: see `CNN_FITS`.

    `split` has windows of images uint8 (n, T, 3, h, w) as inputs and valence and arousal in −1 … 1 as targets.
    """
    train, view = split.train, split.train.x
    sequence, time = train.inputs.sequence, train.inputs.time
    if sequence is None or time is None:
        raise ValueError("a recurrent network needs the samples' recordings and times")
    shape = Shape(
        cnn=job.settings["cnn"],
        width=job.settings["width"],
        side=view.shape[-1],
        layer=params["layer"],
        cell=job.settings["cell"],
        recurrent_layers=params["recurrent_layers"],
        recurrent_size=params["recurrent_size"],
        dropout=params["dropout"],
    )
    by_recording = job.settings["loss"] == "sequence"

    def loss(batch: Batch) -> Tensor:
        frames, place, va, recording = batch
        if params["horizontal_flip"] and bool(torch.rand(()) < 0.5):
            frames = frames.flip(-1)
        predicted = module(augmentation.moved(frames, params["max_shift"]), place)
        return ccc.by_recording(predicted, va, recording) if by_recording else ccc.loss(predicted, va)

    def validate() -> tuple[float, dict[str, float]]:
        predicted = module.read(_codes(module, split.validation.x)).cpu().numpy()
        return frame_cnn.scored(method, split, job, predicted)

    with loop.seeded(job):
        module = FrameRnn(shape)
        if job.settings["cnn_fit"] != ALONG:
            fitted_before: frame_cnn.FittedCnn = job.prerequisites["cnn"]
            for part in begin_from(module.cnn, fitted_before.module.cnn):
                part.requires_grad_(job.settings["cnn_fit"] == BEFORE_AND_ALONG)
        elif isinstance(weights := job.settings["weights"], FileValue):
            pretrained.load(module.cnn, shape.cnn, weights.path)
        module = cnns.placed(module, job.device)
        source: Chunks | Scattered = Chunks(sequence, time, params["chunk"], max(1, params["batch"] // params["chunk"]))
        if by_recording:
            source = frame_cnn.scattered(train, params["batch"])
        loop.fit(
            Descent(module, loss, optimiser(module, "adam", params["learning_rate"]), max_grad_norm=10.0),
            windows.WindowBatches(source, view, [train.targets(), frame_cnn.recordings(train)], job.device),
            validate,
            loop.Schedule(params["epochs"], params["patience"], params["learning_rate_schedule"]),
            job,
        )
        model = FittedFrames(module, shape)
        codes = {name: model.encode(part.inputs) for name, part in split.parts().items()}
    return Outcome(
        model=model,
        predictions={name: model.read(of) for name, of in codes.items()},
        embeddings={"recurrent": codes},
        parameters=fitted.count(module),
    )


def _codes(module: FrameRnn, view: View) -> Tensor:
    """Return the recurrent network's last output (n, d) of all windows of a view."""
    device = next(module.parameters()).device
    with torch.inference_mode():
        return torch.cat([module.encode(*batch) for batch in windows.in_turn(view, device, AT_ONCE)])
