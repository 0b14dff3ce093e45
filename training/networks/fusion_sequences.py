"""Networks that see the steps of each modality's window: fitted, saved and read.

A design is a module from a window of each block, steps (n, T, c) and their mask (n, T), to a code (n, d). An output
with tanh reads valence and arousal from it. Steps are standardised by those of train; padding is 0 and is never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from training.contract import Outcome, UserError
from training.models.preparation import Scaling
from training.networks import ccc, fitted, fusion_designs, loop
from training.networks.batches import Batches, Masked, Shuffled
from training.networks.step import Descent, optimiser

if TYPE_CHECKING:
    from pathlib import Path

    from training.contract import Job, Params
    from training.data import Floats, Split
    from training.networks.batches import Batch
    from training.views import Inputs, View

NAME = "fusion_sequences"
AT_ONCE = 4096
PATIENCE = 10


@dataclass(frozen=True)
class Shape:
    """All that is needed to build a `Network` again.

    design : of `fusion_designs.DESIGNS`.  columns : block → its columns, in the order in which the design takes them.
    options : what the design is given besides.  targets : number of outputs.
    """

    design: str
    columns: Mapping[str, tuple[str, ...]]
    targets: int
    options: Mapping[str, Any] = field(default_factory=dict)


class Network(nn.Module):
    """A design with an output: windows of each block to valence and arousal (n, targets)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        sizes = [len(names) for names in shape.columns.values()]
        design: Any = fusion_designs.DESIGNS[shape.design](*sizes, **shape.options)
        self.design = design
        self.output = nn.Linear(design.size, shape.targets)

    def encode(self, *windows: Masked) -> Tensor:
        """Map windows to codes (n, d)."""
        codes: Tensor = self.design(*windows)
        return codes

    def forward(self, *windows: Masked) -> Tensor:
        """Map windows to valence and arousal (n, targets)."""
        return torch.tanh(self.output(self.encode(*windows)))


@dataclass(frozen=True)
class FittedSequences:
    """A fitted `Network` that takes windows of each block; `scaling` is of each block's steps."""

    module: Network
    shape: Shape
    scaling: Mapping[str, Scaling]

    @property
    def input_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return block → the columns that it was fitted on."""
        return self.shape.columns

    def predict(self, inputs: Inputs) -> Floats:
        """Map windows of n samples to valence and arousal (n, 2)."""
        return fitted.run(self.module, self._scaled(self.module), self._views(inputs), AT_ONCE)

    def encode(self, inputs: Inputs) -> Floats:
        """Map windows of n samples to codes (n, d)."""
        return fitted.run(self.module, self._scaled(self.module.encode), self._views(inputs), AT_ONCE)

    def attend(self, inputs: Inputs) -> dict[str, Floats]:
        """Map windows of n samples to how much the last step of video takes of each step: see `Attends`.

        Empty for a design without attention.
        """
        if not hasattr(self.module.design, "attention"):
            return {}
        named: list[str] = []

        def side_by_side(*windows: Masked) -> Tensor:
            weights = self.module.design.attention(*windows)
            named[:] = [block for block, of in weights.items() for _ in range(of.shape[-1])]
            return torch.cat([*weights.values()], dim=-1)

        weights = fitted.run(self.module, self._scaled(side_by_side), self._views(inputs), AT_ONCE)
        return {block: weights[..., [k for k, of in enumerate(named) if of == block]] for block in dict.fromkeys(named)}

    def save(self, folder: Path) -> None:
        """Write fusion_sequences.safetensors and fusion_sequences.json."""
        scaling = {block: one.state() for block, one in self.scaling.items()}
        fitted.save_state(folder, NAME, self.module, {"shape": asdict(self.shape), "scaling": scaling})

    def _views(self, inputs: Inputs) -> list[View]:
        for block, names in self.shape.columns.items():
            if inputs[block].shape[-1] != len(names):
                raise UserError(
                    f"the model was fitted on {len(names)} columns of {block}, and these rows have "
                    f"{inputs[block].shape[-1]}"
                )
        return [inputs[block] for block in self.shape.columns]

    def _scaled(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        scales = tensors(self.scaling, next(self.module.parameters()).device)
        return lambda *windows: function(*scaled(windows, scales))


def load(folder: Path, device: str) -> FittedSequences:
    """Read what `FittedSequences.save` wrote."""
    weights, state = fitted.load_state(folder, NAME)
    columns = {block: tuple(names) for block, names in state["shape"]["columns"].items()}
    shape = Shape(**{**state["shape"], "columns": columns})
    module = Network(shape)
    module.load_state_dict(weights)
    scaling = {block: Scaling.from_state(one) for block, one in state["scaling"].items()}
    return FittedSequences(module.to(device).eval(), shape, scaling)


def tensors(scaling: Mapping[str, Scaling], device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """Return shift and scale of each block on a device."""
    return [
        (
            torch.as_tensor(np.asarray(one.centre, np.float32), device=device),
            torch.as_tensor(np.asarray(one.scale, np.float32), device=device),
        )
        for one in scaling.values()
    ]


def scaled(windows: Any, scales: list[tuple[Tensor, Tensor]]) -> list[Masked]:
    """Return windows with standardised steps, 0 where there is none; a view without windows is one step."""
    made = []
    for window, (centre, scale) in zip(windows, scales, strict=True):
        if isinstance(window, Masked):
            values, mask = window
        else:
            values, mask = window[:, None], torch.ones(len(window), 1, dtype=torch.bool, device=window.device)
        made.append(Masked(((values - centre) / scale).masked_fill(~mask[..., None], 0.0), mask))
    return made


def step_scaling(view: View) -> Scaling:
    """Return shift and scale of the distinct steps in the windows of train; UserError where there is none."""
    from training.models import preparation

    rows = np.unique(np.asarray(view.rows[:]))
    rows = rows[rows >= 0]
    if not len(rows):
        raise UserError("no sample of train has any row of a block in its window")
    return preparation.scaling(np.asarray(view.values[rows], np.float64), "standard")


def fit(design: str, params: Params, options: Mapping[str, Any], split: Split, job: Job) -> Outcome:
    """Fit a design on train, stopped where validation agrees best.

    ``loss`` is rmse, the root of the mean squared error of each axis, added up, as in the source; or ccc, 1 − CCC.
    `options` are the design's, besides the sizes of the blocks.
    """
    train = split.train
    columns = {block: tuple(split.blocks[block].columns) for block in train.inputs}
    scaling = {block: step_scaling(train.inputs[block]) for block in columns}
    shape = Shape(design, columns, len(split.targets), dict(options))

    def loss(batch: Batch) -> Tensor:
        *windows, y = batch
        predicted = module(*scaled(windows, scales))
        if params["loss"] == "ccc":
            return ccc.loss(predicted, y)
        # the root of 0 has no gradient
        return torch.sqrt((predicted - y).square().mean(dim=0) + 1e-8).sum()

    # layers of this size take longer on two threads than on one
    with loop.seeded(job, most_threads=1):
        module = Network(shape).to(job.device)
        scales = tensors(scaling, torch.device(job.device))
        model = FittedSequences(module, shape, scaling)
        loop.fit(
            Descent(
                module,
                loss,
                optimiser(module, "adam", params["learning_rate"], params["weight_decay"]),
                max_grad_norm=5.0,
            ),
            Batches(
                Shuffled(len(train), params["batch"]),
                [*(train.inputs[block] for block in columns), train.targets()],
                job.device,
            ),
            lambda: job.score(model.predict(split.validation.inputs)),
            loop.Schedule(epochs=params["epochs"], patience=PATIENCE),
            job,
        )
        predictions = {name: model.predict(part.inputs) for name, part in split.parts().items()}
    return Outcome(model=model, predictions=predictions, parameters=fitted.count(module))
