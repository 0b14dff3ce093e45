"""The networks of GANs have the published sizes; capsules are routed as the paper says."""

from __future__ import annotations

import pytest
import torch

from training.networks import gans


def test_noise_becomes_images_in_range():
    images = gans.Generator(0.0625)(torch.rand(3, gans.NOISE) * 2 - 1)
    assert images.shape == (3, 3, 64, 64)
    assert images.abs().max() <= 1


def test_at_width_1_the_layers_are_as_published():
    generator, discriminator = gans.Generator(1), gans.Discriminator(1, 3, 0.5)
    transposed = [m for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size, m.stride) for m in transposed] == [
        (512, 256, (5, 5), (2, 2)),
        (256, 128, (5, 5), (2, 2)),
        (128, 64, (5, 5), (2, 2)),
        (64, 3, (5, 5), (2, 2)),
    ]
    assert generator.dense.out_features == 4 * 4 * 512
    convolutions = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size, m.stride) for m in convolutions] == [
        (64, (5, 5), (2, 2)),
        (128, (5, 5), (2, 2)),
        (256, (5, 5), (2, 2)),
        (512, (5, 5), (2, 2)),
    ]
    # batch norm but for the first
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in discriminator.modules()) == 3
    assert discriminator.output.out_features == 3


@pytest.mark.parametrize("kind", [gans.Discriminator, gans.CapsuleDiscriminator])
def test_a_discriminator_maps_images_to_features_and_three_outputs(kind):
    network = kind(0.125, 3, 0.0).eval()
    features = network.features(torch.rand(4, 3, 64, 64) * 2 - 1)
    assert features.ndim == 2
    outputs = network.read(features)
    assert outputs.shape == (4, 3)
    assert outputs.isfinite().all()


def test_squashed_vectors_keep_their_direction_and_are_shorter_than_1():
    vectors = torch.tensor([[3.0, 4.0], [0.03, 0.04], [0.0, 0.0]])
    short = gans.squash(vectors)
    # |v|² / (1 + |v|²) of 5 is 25/26
    assert short[0].tolist() == pytest.approx([3 / 5 * 25 / 26, 4 / 5 * 25 / 26], abs=1e-5)
    assert short[1].norm() < 0.003
    assert short[2].tolist() == [0.0, 0.0]


def naive(primary: torch.Tensor, weights: torch.Tensor, routings: int) -> torch.Tensor:
    """Procedure 1 of Sabour et al., capsule by capsule."""
    n, i, _ = primary.shape
    o, _, e, _ = weights.shape
    out = torch.zeros(n, o, e)
    for row in range(n):
        votes = [[weights[j, k] @ primary[row, k] for k in range(i)] for j in range(o)]
        logits = torch.zeros(i, o)
        for round_ in range(routings):
            shares = logits.softmax(dim=1)
            v = [gans.squash(sum(shares[k, j] * votes[j][k] for k in range(i))) for j in range(o)]
            if round_ < routings - 1:
                for k in range(i):
                    for j in range(o):
                        logits[k, j] += votes[j][k] @ v[j]
        out[row] = torch.stack(v)
    return out


def test_routing_equals_the_procedure_of_the_paper():
    torch.manual_seed(0)
    primary, weights = torch.randn(2, 5, 4), torch.randn(3, 5, 6, 4)
    assert torch.allclose(gans.routed(primary, weights, 3), naive(primary, weights, 3), atol=1e-5)


def test_capsules_that_agree_are_given_to_one_output():
    """All capsules vote alike for output 0 and against each other for output 1: output 0 becomes the longer."""
    primary = torch.ones(1, 4, 2)
    weights = torch.zeros(2, 4, 2, 2)
    weights[0] = torch.eye(2)
    weights[1, 0::2], weights[1, 1::2] = torch.eye(2), -torch.eye(2)
    lengths = gans.routed(primary, weights, 3).norm(dim=-1)[0]
    assert lengths[0] > 0.9
    assert lengths[1] < 0.1


def test_a_capsule_discriminator_has_three_outputs_alone():
    with pytest.raises(ValueError, match="outputs is 7, expected 3"):
        gans.CapsuleDiscriminator(0.125, 7, 0.0)
