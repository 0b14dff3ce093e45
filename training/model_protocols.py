"""What a model can do beyond predicting: small protocols, each for the evaluations and pages that need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from training.data import Floats, Values
    from training.views import Inputs


@runtime_checkable
class Encodes(Protocol):
    """A model that has a code of each sample."""

    def encode(self, inputs: Inputs) -> Any:
        """Map inputs to codes (n, d); where a model has several, to code name → (n, d)."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """A model that makes a sample from a code."""

    def decode(self, codes: Any) -> Values:
        """Map what `Encodes.encode` returns to values in the data's own units, (n, …)."""
        ...


@runtime_checkable
class ReadsCodes(Protocol):
    """A model that reads valence and arousal from its codes z_v and z_a."""

    def read(self, codes: Mapping[str, Floats]) -> Floats:
        """Map codes to valence and arousal (n, 2)."""
        ...

    def probabilities(self, codes: Mapping[str, Floats]) -> Floats | None:
        """Map codes to the probabilities (n, 2, 21) of −10 … 10; None where labels are continuous."""
        ...

    def directions(self) -> Mapping[str, Floats] | None:
        """Return code → (d,), the direction along which its trained projection rises; None without one."""
        ...


@runtime_checkable
class EmbedsVertices(Protocol):
    """A model that has an embedding of each vertex of a mesh."""

    def vertices(self, inputs: Inputs) -> Floats:
        """Map inputs to embeddings (n, v, d), before pooling."""
        ...


@runtime_checkable
class Generates(Protocol):
    """A model that makes images from noise, and tells real ones from its own."""

    def generate(self, n: int, seed: int) -> tuple[NDArray[np.uint8], Floats, Floats]:
        """Return n images uint8 (n, 3, h, w), what is predicted for them, and `realness` (n,) of each."""
        ...

    def realness(self, inputs: Inputs) -> Floats:
        """Map inputs to the probability (n,) that each is real."""
        ...


@runtime_checkable
class Attends(Protocol):
    """A model with attention over the steps of its windows."""

    def attend(self, inputs: Inputs) -> Mapping[str, Floats]:
        """Map inputs to block → how much the last step takes of each step of its window (n, heads, steps).

        "nothing" (n, heads, 1) is what is taken of no step. Steps are in time order; padded ones have weight 0. Empty
        for a model without attention.
        """
        ...


@runtime_checkable
class KeepsColumns(Protocol):
    """A model that keeps which columns it was fitted on, so that others in new rows are found."""

    @property
    def input_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return block → its columns in order."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A model whose logits can be traced back to features of the vertices."""

    def features(self, inputs: Inputs) -> Floats:
        """Map inputs to what `logits` takes, (n, v, c)."""
        ...

    def logits(self, features: Tensor) -> Tensor:
        """Map features (n, v, c) to logits (n, classes), differentiably."""
        ...
