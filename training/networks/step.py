"""One step of a fit: what is done with a batch. `Descent` is the usual one; a network with two losses brings its own.

A step of one's own names its modules and optimisers, so that the loop can save and restore them, and says in `take`
what is done with a batch::

    class Mine(Step):
        def take(self, batch: Batch, n: int) -> dict[str, Tensor]:
            value = …
            descend(value, self.optimisers["module"], max_grad_norm=10.0)
            return {"loss": value.detach()}

See `training.networks.adversarial` for one with two optimisers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor, nn, optim

if TYPE_CHECKING:
    from training.networks.batches import Batch

OPTIMISERS = ("adam", "adamw", "rmsprop", "sgd")

LOSS = "loss"
"""The number that every step returns: it ends the fit when it is no longer finite."""

Loss: TypeAlias = Callable[["Batch"], "Tensor | tuple[Tensor, Mapping[str, Tensor]]"]
"""Maps a batch to the scalar that is minimised, and to its terms by name where they are to be shown as curves."""


class Step:
    """What is fitted, and how. Subclasses say in `take` what is done with a batch.

    Parameters
    ----------
    modules : by name; all of them are in a checkpoint.
    optimisers : by name; the learning-rate schedule acts on all of them.
    """

    def __init__(self, modules: Mapping[str, nn.Module], optimisers: Mapping[str, optim.Optimizer]) -> None:
        self.modules, self.optimisers = dict(modules), dict(optimisers)

    def train_mode(self) -> None:
        """Put the modules into training mode; called at the beginning of each epoch. See `train_mode`."""
        for module in self.modules.values():
            train_mode(module)

    def take(self, batch: Batch, n: int) -> Mapping[str, Tensor]:
        """Take the step; `n` counts the fit's steps from 0, for what is annealed.

        Returns scalars by name, detached and on their device: "loss", and others that become curves. Their means over
        an epoch are reported as ``train__<name>``.
        """
        raise NotImplementedError


class Descent(Step):
    """One module, one loss, one optimiser.

    loss : called in training mode.  max_grad_norm : limit on the gradient's norm, or None.
    """

    def __init__(
        self, module: nn.Module, loss: Loss, optimiser: optim.Optimizer, max_grad_norm: float | None = None
    ) -> None:
        super().__init__({"module": module}, {"module": optimiser})
        self.loss, self.optimiser, self.max_grad_norm = loss, optimiser, max_grad_norm

    def take(self, batch: Batch, n: int) -> Mapping[str, Tensor]:
        """Take a step down the gradient of the loss."""
        del n
        result = self.loss(batch)
        value, terms = result if isinstance(result, tuple) else (result, {})
        descend(value, self.optimiser, self.max_grad_norm)
        return {LOSS: value.detach(), **{name: term.detach() for name, term in terms.items()}}


def descend(loss: Tensor, optimiser: optim.Optimizer, max_grad_norm: float | None = None) -> None:
    """Take one optimiser's step down the gradient of a loss, its norm limited."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if max_grad_norm is not None:
        nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], max_grad_norm)
    optimiser.step()


def train_mode(module: nn.Module) -> None:
    """Put a module into training mode, but for the parts of it whose parameters are all frozen.

    A frozen trunk stays in evaluation mode: in training mode its batch norm would go on moving, and its dropout would
    go on dropping.
    """
    module.train()
    for part in module.modules():
        parameters = list(part.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            part.eval()


def optimiser(
    module: nn.Module, name: str, learning_rate: float, weight_decay: float = 0.0, beta1: float = 0.9
) -> optim.Optimizer:
    """Return an optimiser of the module's trained parameters by its name in `OPTIMISERS`; ValueError for another.

    beta1 : how much of the gradient's running mean Adam and AdamW keep at each step.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    if name == "adam":
        return optim.Adam(trained, lr=learning_rate, betas=(beta1, 0.999), weight_decay=weight_decay, fused=True)
    if name == "adamw":
        return optim.AdamW(trained, lr=learning_rate, betas=(beta1, 0.999), weight_decay=weight_decay, fused=True)
    if name == "rmsprop":
        return optim.RMSprop(trained, lr=learning_rate, weight_decay=weight_decay)
    if name == "sgd":
        return optim.SGD(trained, lr=learning_rate, weight_decay=weight_decay, momentum=0.9, fused=True)
    raise ValueError(f"optimiser is {name!r}, expected one of {', '.join(OPTIMISERS)}")
