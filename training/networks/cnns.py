"""The convolutional networks of frames: CNN-M, VGG-16 and ResNet-50, each a trunk and fully connected layers on it.

Images are uint8 (n, 3, h, w). `width` scales the number of channels of every layer: 1 as published, less for machines
without a GPU. Sources:

- CNN-M: Chatfield, Simonyan, Vedaldi, Zisserman, Return of the Devil in the Details, BMVC 2014, with the batch norm and
  the one hidden layer of the source on Aff-Wild.
- VGG-16: Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
  configuration D; the layer of 2622 is that of Parkhi, Vedaldi, Zisserman, Deep Face Recognition, BMVC 2015.
- ResNet-50: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016, table 1; as is usual since, a
  block that halves the image does so in its 3×3 convolution.

Weights begin as He et al. (Delving Deep into Rectifiers, ICCV 2015) draw them: VGG-16 has no batch norm, and from
smaller weights it does not learn. A residual block begins as the identity (Goyal et al., Accurate, Large Minibatch SGD,
2017, section 5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

MEAN = 127.5
"""Bytes are mapped from 0 … 255 to −1 … 1."""

HIDDEN: dict[str, tuple[int, ...]] = {"cnn_m": (4096,), "vgg16": (4096, 4096, 2622), "resnet50": ()}
"""Network → the fully connected layers before its output, as published. ResNet-50 has none."""

Placed = TypeVar("Placed", bound=nn.Module)

WIDEST = 4096
"""Of a fully connected layer that a network is given beyond its own."""


def scaled(images: Tensor) -> Tensor:
    """Return uint8 images in −1 … 1: all are kept as bytes, and only a batch is ever converted."""
    return images.to(torch.float32, memory_format=torch.channels_last).sub_(MEAN).div_(MEAN)


class Cnn(nn.Module):
    """A trunk of convolutions, and fully connected layers with ReLU and dropout on it.

    Parameters
    ----------
    name : cnn_m, vgg16 or resnet50; ValueError for another.
    width : what the number of channels of every layer is multiplied by.
    hidden : sizes of the fully connected layers at width 1.
    side : height and width of the images, in pixels.

    ``size`` is the number of features that it makes.
    """

    def __init__(self, name: str, width: float, hidden: Sequence[int], dropout: float, side: int = 64) -> None:
        super().__init__()
        if name not in TRUNKS:
            raise ValueError(f"the network is {name!r}, expected one of {', '.join(TRUNKS)}")
        self.trunk = TRUNKS[name](width)
        with torch.no_grad():
            size = self.trunk.eval()(torch.zeros(1, 3, side, side)).shape[1]
        self.trunk.train()
        layers: list[nn.Module] = []
        for each in hidden:
            made = channels(each, width)
            layers += [nn.Linear(size, made), nn.ReLU(), nn.Dropout(dropout)]
            size = made
        self.hidden, self.size = nn.Sequential(*layers), size
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.last.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Map uint8 images (n, 3, side, side) to features (n, size)."""
        return self.hidden(self.trunk(scaled(images)))


def autocast(device: torch.device) -> torch.autocast:
    """Return the context in which convolutions on a GPU compute in bfloat16; elsewhere it changes nothing.

    Weights, the loss and everything that adds up stay float32.
    """
    return torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")


def placed(module: Placed, device: str) -> Placed:
    """Return the module on the device, channels last: a step of convolutions takes less time so."""
    return module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def hidden(name: str, layers: int) -> tuple[int, ...]:
    """Return the sizes of a network's first `layers` fully connected layers; where it has fewer, others are of 4096."""
    return (*HIDDEN[name][:layers], *[WIDEST] * (layers - len(HIDDEN[name])))


def channels(published: int, width: float) -> int:
    """Return a layer's number of channels at a width, at least 1."""
    return max(1, round(published * width))


# ------------------------------------------------------------------------------------------------------- trunks


def cnn_m(width: float) -> nn.Sequential:
    """Return the convolutions of CNN-M, (n, 3, h, w) to (n, c · h' · w'): of 64×64 pixels 512 features at width 1."""

    def block(size_in: int, size_out: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
        # batch norm has a shift of its own: a bias before it would do nothing
        convolution = nn.Conv2d(size_in, size_out, kernel, stride, padding, bias=False)
        return [convolution, nn.BatchNorm2d(size_out), nn.ReLU()]

    a, b, c = (channels(size, width) for size in (96, 256, 512))
    return nn.Sequential(
        *block(3, a, 7, 2, 0),
        nn.MaxPool2d(3, 2),
        *block(a, b, 5, 2, 2),
        nn.MaxPool2d(3, 2),
        *block(b, c, 3, 1, 1),
        *block(c, c, 3, 1, 1),
        *block(c, c, 3, 1, 1),
        nn.MaxPool2d(2, 2),
        nn.Flatten(),
    )


def vgg16(width: float) -> nn.Sequential:
    """Return the thirteen convolutions of VGG-16, (n, 3, h, w) to (n, c · h' · w'): of 64×64 pixels 2048 features."""
    layers: list[nn.Module] = []
    size_in = 3
    for size, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(size_in, channels(size, width), 3, padding=1), nn.ReLU()]
            size_in = channels(size, width)
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers, nn.Flatten())


def resnet50(width: float) -> nn.Sequential:
    """Return ResNet-50 up to its pooling over the image, (n, 3, h, w) to (n, 2048) at width 1."""
    size_in = channels(64, width)
    layers: list[nn.Module] = [
        nn.Conv2d(3, size_in, 7, 2, 3, bias=False),
        nn.BatchNorm2d(size_in),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    for size, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        inner = channels(size, width)
        for k in range(count):
            layers.append(Bottleneck(size_in, inner, stride if k == 0 else 1))
            size_in = Bottleneck.EXPANSION * inner
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Bottleneck(nn.Module):
    """A residual block: 1×1, 3×3 and 1×1 convolutions with batch norm, (n, size_in, h, w) to (n, 4 · inner, h', w')."""

    EXPANSION = 4

    def __init__(self, size_in: int, inner: int, stride: int) -> None:
        super().__init__()
        size_out = self.EXPANSION * inner
        self.residual = nn.Sequential(
            nn.Conv2d(size_in, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, size_out, 1, bias=False),
        )
        self.last = nn.BatchNorm2d(size_out)
        same = size_in == size_out and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(size_in, size_out, 1, stride, bias=False), nn.BatchNorm2d(size_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, size_in, h, w) to (n, 4 · inner, h / stride, w / stride)."""
        return functional.relu(self.last(self.residual(x)) + self.shortcut(x))


TRUNKS = {"cnn_m": cnn_m, "vgg16": vgg16, "resnet50": resnet50}
