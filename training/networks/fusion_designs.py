"""The designs of networks over windows of one modality or two: from windows to a code (n, size).

A window is `Masked`: steps (n, T, c), 0 where padded, and the mask (n, T); padding stands before the steps. Blocks are
given in the order video, audio. What the source leaves unsaid is *ours*: both modalities are projected to one `width`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.networks import attention
from training.networks.attention import Block

if TYPE_CHECKING:
    from training.networks.batches import Masked

POOLINGS = ("avg", "max", "conv")


class Gru(nn.Module):
    """A GRU over the steps, pooled over time: their average, their maximum, or a convolution and its maximum."""

    def __init__(self, features: int, width: int, layers: int, dropout: float, pooling: str) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(POOLINGS)}")
        self.pooling, self.size = pooling, width
        between = dropout if layers > 1 else 0.0
        self.recurrent = nn.GRU(features, width, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.convolution = nn.Conv1d(width, width, 3, padding=1) if pooling == "conv" else None
        self.dense = nn.Linear(width, width)

    def forward(self, window: Masked) -> Tensor:
        """Map a window of steps (n, T, features) to a code (n, width)."""
        x, there = steps_first(*window)
        x, _ = self.recurrent(x)
        x = self.dropout(x) * there[..., None]
        if self.convolution is not None:
            x = functional.relu(self.convolution(x.transpose(1, 2))).transpose(1, 2)
        if self.pooling == "avg":
            pooled = attention.averaged(x, there)
        else:
            # a sample without any step has a maximum of 0
            pooled = x.masked_fill(~there[..., None], float("-inf")).amax(dim=1)
            pooled = torch.where(there.any(dim=1, keepdim=True), pooled, 0.0)
        return functional.relu(self.dense(pooled))


class SelfAttention(nn.Module):
    """Steps of both modalities one behind the other, transformer blocks with positions, and their average."""

    def __init__(self, video: int, audio: int, width: int, heads: int, dropout: float, layers: int = 2) -> None:
        super().__init__()
        self.size = width
        self.video, self.audio = nn.Linear(video, width), nn.Linear(audio, width)
        self.modality = nn.Parameter(torch.randn(2, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))

    def steps(self, video: Masked, audio: Masked) -> tuple[Tensor, Tensor]:
        """Return the projected steps of video and then of audio (n, T + U, width), and their mask."""
        placed = [
            projection(steps) + attention.positions(steps.shape[1], self.size, steps) + self.modality[k]
            for k, (projection, steps) in enumerate(((self.video, video.values), (self.audio, audio.values)))
        ]
        return torch.cat(placed, dim=1), torch.cat([video.mask, audio.mask], dim=1)

    def forward(self, video: Masked, audio: Masked) -> Tensor:
        """Map windows to a code (n, width)."""
        x, mask = self.steps(video, audio)
        for block in self.blocks:
            x = block(x, x, mask)
        return attention.averaged(x, mask)

    def attention(self, video: Masked, audio: Masked) -> dict[str, Tensor]:
        """Return block → the last block's weights from the last step of video to each step (n, heads, steps)."""
        x, mask = self.steps(video, audio)
        for block in self.blocks[:-1]:
            x = block(x, x, mask)
        last = video.values.shape[1] - 1
        weights = _last(self.blocks).weights(x[:, last : last + 1], x, mask)[:, :, 0]
        return {"video": weights[..., : last + 1], "audio": weights[..., last + 1 : -1], "nothing": weights[..., -1:]}


class CrossThenSelf(nn.Module):
    """Audio padded to the video's steps; video asks audio, both are joined, a self-attention block, the average."""

    def __init__(self, video: int, audio: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.size = width
        self.video, self.audio = nn.Linear(video, width), nn.Linear(audio, width)
        self.cross, self.self_ = Block(width, heads, dropout), Block(width, heads, dropout)

    def _steps(self, video: Masked, audio: Masked) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        missing = max(0, video.values.shape[1] - audio.values.shape[1])
        values, there = functional.pad(audio.values, (0, 0, missing, 0)), functional.pad(audio.mask, (missing, 0))
        x, y = self.video(video.values), self.audio(values)
        x, y = (of + attention.positions(of.shape[1], self.size, of) for of in (x, y))
        return x, video.mask, y, there

    def forward(self, video: Masked, audio: Masked) -> Tensor:
        """Map windows to a code (n, width)."""
        x, mask, y, there = self._steps(video, audio)
        x = self.cross(x, y, there)
        return attention.averaged(self.self_(x, x, mask), mask)

    def attention(self, video: Masked, audio: Masked) -> dict[str, Tensor]:
        """Return block → both blocks' weights from the last step of video to each step (n, heads, steps)."""
        x, mask, y, there = self._steps(video, audio)
        audio_weights = self.cross.weights(x[:, -1:], y, there)[:, :, 0]
        x = self.cross(x, y, there)
        video_weights = self.self_.weights(x[:, -1:], x, mask)[:, :, 0]
        return {
            "video": video_weights[..., :-1],
            "audio": audio_weights[..., -1 - audio.values.shape[1] : -1],
            "nothing": audio_weights[..., -1:],
        }


class CrossAttention(nn.Module):
    """A convolution on video; video asks audio; then blocks that ask themselves, the video or the audio; the average.

    second : self, video or audio (the source's v1, v2, v3).  repeats : how many second blocks there are.
    """

    def __init__(
        self, video: int, audio: int, width: int, heads: int, dropout: float, second: str = "self", repeats: int = 1
    ) -> None:
        super().__init__()
        if second not in ("self", "video", "audio"):
            raise ValueError(f"second is {second!r}, expected self, video or audio")
        self.size, self.second = width, second
        self.video, self.audio = nn.Conv1d(video, width, 3, padding=1), nn.Linear(audio, width)
        self.cross = Block(width, heads, dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(repeats))

    def _steps(self, video: Masked, audio: Masked) -> tuple[Tensor, Tensor]:
        x = functional.relu(self.video(video.values.transpose(1, 2))).transpose(1, 2) * video.mask[..., None]
        y = self.audio(audio.values)
        return tuple(of + attention.positions(of.shape[1], self.size, of) for of in (x, y))  # type: ignore[return-value]

    def forward(self, video: Masked, audio: Masked) -> Tensor:
        """Map windows to a code (n, width)."""
        x, y = self._steps(video, audio)
        z = self.cross(x, y, audio.mask)
        for block in self.blocks:
            z = block(z, *self._answering(z, x, y, video, audio))
        return attention.averaged(z, video.mask)

    def attention(self, video: Masked, audio: Masked) -> dict[str, Tensor]:
        """Return block → weights (n, heads, steps): the first block's to audio, the last one's where it asks video."""
        x, y = self._steps(video, audio)
        to_audio = self.cross.weights(x[:, -1:], y, audio.mask)[:, :, 0]
        z = self.cross(x, y, audio.mask)
        for block in self.blocks[:-1]:
            z = block(z, *self._answering(z, x, y, video, audio))
        shown = {"audio": to_audio[..., :-1], "nothing": to_audio[..., -1:]}
        if self.second != "audio":
            answering, mask = self._answering(z, x, y, video, audio)
            shown["video"] = _last(self.blocks).weights(z[:, -1:], answering, mask)[:, :, 0, :-1]
        return shown

    def _answering(self, z: Tensor, x: Tensor, y: Tensor, video: Masked, audio: Masked) -> tuple[Tensor, Tensor]:
        return {"self": (z, video.mask), "video": (x, video.mask), "audio": (y, audio.mask)}[self.second]


class TransformerLstm(nn.Module):
    """Transformer blocks over the steps of both modalities, then an LSTM over those of video; its last output."""

    def __init__(self, video: int, audio: int, width: int, heads: int, dropout: float, layers: int = 1) -> None:
        super().__init__()
        self.size = width
        self.transformer = SelfAttention(video, audio, width, heads, dropout, layers)
        self.recurrent = nn.LSTM(width, width, batch_first=True)

    def forward(self, video: Masked, audio: Masked) -> Tensor:
        """Map windows to a code (n, width)."""
        x, mask = self.transformer.steps(video, audio)
        for block in self.transformer.blocks:
            x = block(x, x, mask)
        x, there = steps_first(x[:, : video.values.shape[1]], video.mask)
        out, _ = self.recurrent(x)
        last = there.sum(dim=1).sub(1).clamp_min(0)
        code: Tensor = out[torch.arange(len(out), device=out.device), last] * there.any(dim=1, keepdim=True)
        return code

    def attention(self, video: Masked, audio: Masked) -> dict[str, Tensor]:
        """Return the last block's weights from the last step of video: see `attended`."""
        return self.transformer.attention(video, audio)


def _last(blocks: nn.ModuleList) -> Block:
    last = blocks[-1]
    assert isinstance(last, Block)
    return last


def steps_first(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return steps (n, T, c) before their padding, which is 0, and the mask: a recurrent network begins with a step."""
    order = (~mask).int().argsort(dim=1, stable=True)
    moved = values.gather(1, order[..., None].expand_as(values))
    there = mask.gather(1, order)
    return moved * there[..., None], there


DESIGNS: Mapping[str, Callable[..., nn.Module]] = {
    "gru": Gru,
    "self_attention": SelfAttention,
    "cross_then_self": CrossThenSelf,
    "cross_attention": CrossAttention,
    "transformer_lstm": TransformerLstm,
}
