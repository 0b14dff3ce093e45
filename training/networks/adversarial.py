"""A step with two optimisers: a generator against a discriminator.

What the two networks and their losses are is the method's::

    step = Adversarial(
        generator, discriminator, optimiser(generator, "adam", 2e-4), optimiser(discriminator, "adam", 1e-4),
        generate=lambda batch: generator(torch.rand(len(batch[0]), 100, device=batch[0].device)),
        discriminator_loss=lambda batch, made, n: real_or_fake(discriminator(batch[0]), discriminator(made)),
        generator_loss=lambda batch, made, n: fooling(discriminator(made)) + annealed(n, 1000, 1.0, 0.0) * …,
        generator_updates=2,
    )
    loop.fit(step, batches, validate, loop.Schedule(epochs=100, steps=60), job, best=["discriminator"])

Goodfellow et al., Generative Adversarial Nets, NIPS 2014, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor, nn, optim

from training.networks.step import LOSS, Step, descend

if TYPE_CHECKING:
    from training.networks.batches import Batch

Generate: TypeAlias = Callable[["Batch"], Tensor]
"""Makes samples (b, …) for a batch, with the generator, from noise drawn anew at each call."""

AgainstLoss: TypeAlias = Callable[["Batch", Tensor, int], "Tensor | tuple[Tensor, Mapping[str, Tensor]]"]
"""Maps a batch, samples made for it and the number of the step to a loss, and to its terms where they are curves."""


class Adversarial(Step):
    """One update of the discriminator, then one or more of the generator, each on samples made anew.

    Parameters
    ----------
    generator, discriminator : the modules; their optimisers follow in the same order.
    generate : see `Generate`; called without gradients for the discriminator's update.
    discriminator_loss, generator_loss : see `AgainstLoss`. Each update changes the weights of its own module alone.
    generator_updates : updates of the generator in a step.
    max_grad_norm : limit on the norm of each module's gradient, or None.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        generator_optimiser: optim.Optimizer,
        discriminator_optimiser: optim.Optimizer,
        *,
        generate: Generate,
        discriminator_loss: AgainstLoss,
        generator_loss: AgainstLoss,
        generator_updates: int = 1,
        max_grad_norm: float | None = None,
    ) -> None:
        super().__init__(
            {"generator": generator, "discriminator": discriminator},
            {"generator": generator_optimiser, "discriminator": discriminator_optimiser},
        )
        self.generate, self.discriminator_loss, self.generator_loss = generate, discriminator_loss, generator_loss
        self.generator_updates, self.max_grad_norm = generator_updates, max_grad_norm
        self.judging = [p for p in discriminator.parameters() if p.requires_grad]

    def take(self, batch: Batch, n: int) -> Mapping[str, Tensor]:
        """Take the step; the scalars are the two losses, their sum as "loss", and the losses' terms."""
        with torch.no_grad():
            generated = self.generate(batch)
        scalars = self._update("discriminator", self.discriminator_loss(batch, generated, n))
        # the generator's gradient goes through the discriminator and need not be kept for the weights of that
        for parameter in self.judging:
            parameter.requires_grad_(False)
        try:
            for _ in range(self.generator_updates):
                scalars |= self._update("generator", self.generator_loss(batch, self.generate(batch), n))
        finally:
            for parameter in self.judging:
                parameter.requires_grad_(True)
        return {LOSS: scalars["discriminator"] + scalars["generator"], **scalars}

    def _update(self, name: str, loss: Tensor | tuple[Tensor, Mapping[str, Tensor]]) -> dict[str, Tensor]:
        value, terms = loss if isinstance(loss, tuple) else (loss, {})
        descend(value, self.optimisers[name], self.max_grad_norm)
        return {name: value.detach(), **{term: of.detach() for term, of in terms.items()}}


def annealed(n: int, steps: int, first: float, last: float) -> float:
    """Return a weight that goes from `first` at step 0 to `last` at step `steps` along a line, and stays there."""
    return first + (last - first) * min(n / steps, 1.0)
