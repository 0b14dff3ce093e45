"""The convolutional networks: the published shapes, counted, and the same at less width."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.networks import cnns


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_vgg16_has_as_many_weights_as_published():
    """138,357,544 with three layers of 4096, 4096 and 1000 on 7×7 positions (224×224 pixels)."""
    assert weights(cnns.vgg16(1)) == 14_714_688
    with torch.device("meta"):
        layers = [nn.Linear(512 * 7 * 7, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000)]
    assert weights(cnns.vgg16(1)) + sum(map(weights, layers)) == 138_357_544


def test_resnet50_has_as_many_weights_as_published():
    """25,557,032 with its layer of 1000 outputs."""
    trunk = cnns.resnet50(1)
    assert weights(trunk) + 2048 * 1000 + 1000 == 25_557_032
    assert sum(isinstance(module, nn.Conv2d) for module in trunk.modules()) == 49 + 4  # and 4 shortcuts


def test_cnn_m_has_the_layers_that_are_described():
    convolutions = [module for module in cnns.cnn_m(1).modules() if isinstance(module, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in convolutions] == [
        (96, 7, 2),
        (256, 5, 2),
        *[(512, 3, 1)] * 3,
    ]


@pytest.mark.parametrize(("name", "size"), [("cnn_m", 512), ("vgg16", 2048), ("resnet50", 2048)])
def test_a_trunk_makes_so_many_features_of_64_pixels(name, size):
    trunk = cnns.TRUNKS[name](1).eval()
    with torch.inference_mode():
        assert trunk(torch.zeros(1, 3, 64, 64)).shape == (1, size)


def test_fully_connected_layers_are_the_published_ones_and_then_of_4096():
    assert cnns.hidden("vgg16", 2) == (4096, 4096)
    assert cnns.hidden("cnn_m", 2) == (4096, 4096)
    assert cnns.hidden("resnet50", 1) == (4096,)


@pytest.mark.parametrize("name", cnns.TRUNKS)
def test_width_scales_every_layer(name):
    full, quarter = (cnns.Cnn(name, width, cnns.hidden(name, 1), 0.5) for width in (1, 0.25))
    assert quarter.size == full.size // 4 == 1024
    # all but the layer on the three colours shrink with the square
    assert weights(quarter) < weights(full) / 15


@pytest.mark.parametrize("name", cnns.TRUNKS)
def test_features_of_random_images_neither_vanish_nor_explode(name):
    """Sixteen layers without batch norm would make nothing of an image from smaller weights."""
    torch.manual_seed(0)
    module = cnns.Cnn(name, 0.25, cnns.hidden(name, 1), 0.0).eval()
    with torch.inference_mode():
        features = module(torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8))
    assert 0.05 < features.std() < 20


def test_bytes_are_mapped_to_one_about_zero():
    scaled = cnns.scaled(torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 2, 2))
    assert scaled[0].unique().tolist() == [-1.0]
    assert scaled[1].unique().tolist() == [1.0]


def test_a_residual_block_begins_as_the_identity_rectified():
    block = next(module for module in cnns.Cnn("resnet50", 0.0625, (), 0.0).modules() if _same_size(module))
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(block.eval()(x), x.relu())
    nn.init.ones_(block.last.weight)
    assert not torch.allclose(block(x), x.relu(), atol=0.1)


def _same_size(module: nn.Module) -> bool:
    return isinstance(module, cnns.Bottleneck) and isinstance(module.shortcut, nn.Identity)


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="the network is 'vgg', expected one of cnn_m, vgg16, resnet50"):
        cnns.Cnn("vgg", 1, (), 0.0)
