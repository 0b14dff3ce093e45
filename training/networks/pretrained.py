"""Weights of a convolutional network from a local safetensors file.

A file's names may be those of a model that this bench has saved, those of torchvision's and timm's VGG-16 and
ResNet-50, or those of VGG's own releases (``conv1_1 … fc8``, of CNN-M ``conv1 … conv5``). What has no counterpart in
the network, such as the layer of 1000 classes, is left out and named.

Images stay RGB in −1 … 1, whatever the weights were trained on.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from training.networks.cnns import Cnn

TRUNK = "trunk."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """What a file gave: names of the network's tensors that were loaded, and of those that keep their own weights.

    left_out : names in the file → why they were not loaded.
    """

    loaded: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: dict[str, str]

    def __str__(self) -> str:
        words = [f"{len(self.loaded)} tensors loaded"]
        if self.kept:
            words.append(f"random weights kept in {_few(self.kept)}")
        if self.left_out:
            words.append(f"left out of the file: {_few([f'{k} ({v})' for k, v in self.left_out.items()])}")
        return "; ".join(words)


def load(network: Cnn, name: str, path: Path) -> Loaded:
    """Give a network of `training.networks.cnns` the weights of a file; say in the log what was loaded and what not.

    Fully connected layers of another shape are left out: theirs depends on the size of the images.

    Raises
    ------
    UserError : the file is no safetensors file, none of its tensors belongs to a convolution of the network, or one
        has another shape there.
    """
    own = network.state_dict()
    loaded: dict[str, Tensor] = {}
    left_out: dict[str, str] = {}
    for theirs, tensor in sorted(_read(path).items()):
        ours = counterpart(theirs, name, network)
        if ours is None or ours not in own:
            left_out[theirs] = "no such layer"
        elif tensor.shape == own[ours].shape:
            loaded[ours] = tensor
        elif ours.startswith(TRUNK):
            raise UserError(
                f"{path}: {theirs} has shape {tuple(tensor.shape)}, expected {tuple(own[ours].shape)} for {ours} of "
                f"{name}; published weights need --set width=1"
            )
        else:
            left_out[theirs] = f"shape {tuple(tensor.shape)}, expected {tuple(own[ours].shape)}"
    if not any(ours.startswith(TRUNK) for ours in loaded):
        raise UserError(f"{path}: no tensor of a convolution of {name}; found {_few([*left_out]) or 'no tensors'}")
    network.load_state_dict(loaded, strict=False)
    counts = "num_batches_tracked"  # PyTorch's own, which changes nothing here
    kept = tuple(key for key in own if key not in loaded and not key.endswith(counts))
    result = Loaded(tuple(loaded), kept, left_out)
    log.info("weights of %s: %s", path.name, result)
    return result


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: expected a safetensors file: {error}") from error


def counterpart(theirs: str, name: str, network: nn.Module) -> str | None:
    """Return the name that a file's tensor has in the network `name`; None for one whose name says nothing here."""
    key = theirs.removeprefix("module.").removeprefix("cnn.")
    if key.startswith((TRUNK, "hidden.")):
        return key
    if name == "resnet50":
        return _of_resnet(key)
    layer, _, kind = key.rpartition(".")
    if match := re.fullmatch(r"features\.(\d+)", layer):  # torchvision and timm: places as in our sequence
        return f"trunk.{match[1]}.{kind}"
    if match := re.fullmatch(r"classifier\.(\d+)", layer):
        return f"hidden.{match[1]}.{kind}"
    if match := re.fullmatch(r"fc(\d)", layer):
        return f"hidden.{3 * (int(match[1]) - 6)}.{kind}"
    if re.fullmatch(r"conv\d(_\d)?", layer):
        places = [place for place, one in network.get_submodule("trunk").named_children() if isinstance(one, nn.Conv2d)]
        blocks = {"vgg16": (2, 2, 3, 3, 3), "cnn_m": (1, 1, 1, 1, 1)}[name]
        names = [f"conv{i + 1}_{j + 1}" for i, count in enumerate(blocks) for j in range(count)]
        wanted = layer if "_" in layer else f"{layer}_1"
        return f"trunk.{places[names.index(wanted)]}.{kind}" if wanted in names else None
    return None


def _of_resnet(key: str) -> str | None:
    """Return the name here of a tensor of torchvision's or timm's ResNet-50."""
    if match := re.fullmatch(r"(conv1|bn1)\.(\w+)", key):
        return f"trunk.{0 if match[1] == 'conv1' else 1}.{match[2]}"
    match = re.fullmatch(r"layer([1-4])\.(\d+)\.(conv|bn|downsample)\.?([0-3])\.(\w+)", key)
    if match is None:
        return None
    stage, block, layer, number = int(match[1]), int(match[2]), match[3], int(match[4])
    place = 4 + sum((3, 4, 6, 3)[: stage - 1]) + block
    inner = {
        "conv": f"residual.{3 * (number - 1)}",
        "bn": "last" if number == 3 else f"residual.{3 * (number - 1) + 1}",
        "downsample": f"shortcut.{number}",
    }[layer]
    return f"trunk.{place}.{inner}.{match[5]}"


def _few(names: list[str] | tuple[str, ...], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
