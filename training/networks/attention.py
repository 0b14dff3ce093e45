"""Attention between steps of windows, and transformer blocks of it (Vaswani et al., Attention Is All You Need, 2017).

Steps are (n, T, width) with a mask (n, T), True where there is one. Padding stands before a window's steps, so that
positions count from its end, and longer padding changes nothing. Beside the steps there is always a learnt "nothing" to
attend to: a window without any step of a modality, such as a frame before the first audio window has ended, is no
special case.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head attention from one series of steps to another, or to itself.

    width : of steps, a multiple of `heads`.  dropout : of weights.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width is {width}, expected a multiple of the {heads} heads")
        self.heads, self.dropout = heads, dropout
        self.query, self.key_value, self.output = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )
        self.nothing = nn.Parameter(torch.zeros(2, heads, 1, width // heads))

    def forward(self, asking: Tensor, answering: Tensor, mask: Tensor) -> Tensor:
        """Map steps that ask (n, Q, width) to what they take of those that answer (n, K, width), with mask (n, K)."""
        query, key, value, there = self._split(asking, answering, mask)
        dropout = self.dropout if self.training else 0.0
        taken = functional.scaled_dot_product_attention(query, key, value, there, dropout)
        taken_side_by_side: Tensor = self.output(taken.transpose(1, 2).flatten(2))
        return taken_side_by_side

    def weights(self, asking: Tensor, answering: Tensor, mask: Tensor) -> Tensor:
        """Return how much each step takes of each that answers, and at last of nothing: (n, heads, Q, K + 1)."""
        query, key, _, there = self._split(asking, answering, mask)
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
        return scores.masked_fill(~there, float("-inf")).softmax(dim=-1)

    def _split(self, asking: Tensor, answering: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        n = len(asking)
        query = self.query(asking).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(answering).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        key, value = (torch.cat([of, self.nothing[k].expand(n, -1, -1, -1)], 2) for k, of in enumerate((key, value)))
        there = functional.pad(mask, (0, 1), value=True)[:, None, None]
        return query, key, value, there


class Block(nn.Module):
    """A transformer block: attention, then two dense layers, each after a layer norm and beside a shortcut.

    Layer norms come first (Xiong et al., On Layer Normalization in the Transformer Architecture, ICML 2020): a block
    needs no warm-up so.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dense = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, asking: Tensor, answering: Tensor, mask: Tensor) -> Tensor:
        """Map steps (n, Q, width) to the same number of steps; of self-attention `asking` answers itself."""
        x = asking + self.attention(*self._normed(asking, answering), mask)
        y: Tensor = x + self.dense(self.between(x))
        return y

    def weights(self, asking: Tensor, answering: Tensor, mask: Tensor) -> Tensor:
        """Return the attention's weights, as `Attention.weights`."""
        return self.attention.weights(*self._normed(asking, answering), mask)

    def _normed(self, asking: Tensor, answering: Tensor) -> tuple[Tensor, Tensor]:
        return self.before(asking), self.before(answering)


def positions(steps: int, width: int, like: Tensor) -> Tensor:
    """Return sines and cosines (steps, width) of how many steps each is before the last (Vaswani et al., 3.5)."""
    before_last = torch.arange(steps - 1, -1, -1, device=like.device, dtype=like.dtype)
    frequency = 10000 ** (-torch.arange(0, width, 2, device=like.device, dtype=like.dtype) / width)
    angle = before_last[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :width]


def averaged(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (n, width) over the steps that are there, 0 where there is none."""
    there = mask[..., None]
    return (x * there).sum(dim=1) / there.sum(dim=1).clamp_min(1)
