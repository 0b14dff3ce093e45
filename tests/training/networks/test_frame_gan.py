"""GANs on frames: what each update changes, which labels are seen, and that images and updates are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.frames import regression_gan as space
from tests import small_data
from training import registry
from training.networks import frame_gan
from training.networks.frame_gan import FittedGan, FrameGan, Gan, Shape

PARAMS = {**space.TINY, "dropout": 0.0, "epochs": 1, "batch": 32, "show_every": 4}
PARAMS.pop("width")
SETTINGS = {"labelled_share": 1.0, "matching": "features", "unlabelled": "used", "width": 0.0625}


def module(discriminator: str = "convolutions", classes: int = 0) -> FrameGan:
    torch.manual_seed(0)
    return FrameGan(Shape(0.0625, discriminator, 0.0, classes))


def step(gan: FrameGan, matching: str = "features", shown: list | None = None, **params: Any) -> Gan:
    kept = [] if shown is None else shown
    job = small_data.job(SETTINGS, show=lambda n, images, read: kept.append((n, images, read)))
    return Gan(gan, {**PARAMS, **params}, matching, job)


def batch(n: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (n, 3, 64, 64), generator=generator, dtype=torch.uint8)
    return frames, torch.rand(n, 2, generator=generator) * 2 - 1


def weights(of: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in of.parameters()]


def same(of: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    return all(torch.equal(p, b) for p, b in zip(of.parameters(), before, strict=True))


@pytest.mark.parametrize("matching", ["features", "images"])
@pytest.mark.parametrize("discriminator", ["convolutions", "capsules"])
def test_a_step_changes_both_networks_and_counts_its_terms(discriminator, matching):
    gan = module(discriminator)
    taken = step(gan, matching)
    before = weights(gan.generator), weights(gan.discriminator)
    scalars = taken.take(batch(), 0)
    assert not same(gan.generator, before[0])
    assert not same(gan.discriminator, before[1])
    assert {"loss", "labels", "real_or_generated", "fooling", "matching", "accuracy_real"} <= {*scalars}
    assert all(bool(value.isfinite()) for value in scalars.values())
    assert taken.updates == 1


def test_without_the_loss_of_real_or_generated_the_labels_alone_move_the_discriminator():
    gan = module()
    frames, va = batch()
    taken = step(gan, adversarial_weight=0.0, horizontal_flip=False, max_shift=0)
    real_row = gan.discriminator.output.weight.detach()[2].clone()
    taken.take((frames, va), 0)
    # Adam moves no weight whose gradient is 0
    assert torch.equal(gan.discriminator.output.weight.detach()[2], real_row)


def test_frames_without_labels_enter_the_loss_of_real_or_generated_alone():
    gan = module().eval()
    taken = step(gan, horizontal_flip=False, max_shift=0)
    frames, va = batch()
    other = torch.zeros(8, 3, 64, 64, dtype=torch.uint8)
    made = gan.generator(frame_gan.noise(16, 0))
    _, alone = taken._discriminator_loss((frames, va, None), made, 0)
    _, beside = taken._discriminator_loss((frames, va, other), made, 0)
    torch.testing.assert_close(beside["labels"], alone["labels"])
    assert beside["real_or_generated"] != alone["real_or_generated"]


def test_real_and_generated_frames_are_normalised_together():
    """Batch norm over each alone would make their means alike, and the discriminator could not tell them apart."""
    gan = module().train()
    taken = step(gan, horizontal_flip=False, max_shift=0)
    frames, _ = batch()
    bright, dark = torch.ones(16, 3, 64, 64), -torch.ones(16, 3, 64, 64)
    torch.manual_seed(0)
    beside_bright, _ = taken._encoded(frames, bright)
    torch.manual_seed(0)
    beside_dark, _ = taken._encoded(frames, dark)
    assert not torch.allclose(beside_bright, beside_dark)


def test_both_optimisers_have_the_beta1_of_the_parameters():
    taken = step(module(), beta1=0.3)
    assert {group["betas"][0] for one in taken.optimisers.values() for group in one.param_groups} == {0.3}


def test_matching_is_0_where_generated_frames_are_the_real_ones():
    gan = module().eval()
    frames, va = batch()
    images = frames.float() / 127.5 - 1
    for matching in ("features", "images"):
        taken = step(gan, matching, horizontal_flip=False, max_shift=0)
        _, terms = taken._generator_loss((frames, va, None), images, 0)
        assert float(terms["matching"].detach()) == pytest.approx(0.0, abs=1e-9)


def test_of_classes_real_is_the_sigmoid_of_the_log_sum_exp():
    """Salimans et al.: with the logit of the generated class at 0, D = Z / (Z + 1), Z the sum of the others' exp."""
    gan = module(classes=5).eval()
    codes = gan.encode(batch(4)[0])
    z = gan.discriminator.read(codes).exp().sum(dim=1)
    torch.testing.assert_close(gan.real(codes).sigmoid(), z / (z + 1))
    torch.testing.assert_close(gan.read(codes).sum(dim=1), torch.ones(4))


def test_grids_are_of_the_same_noise_and_come_every_so_many_steps():
    shown: list = []
    gan = module()
    taken = step(gan, shown=shown, show_every=2)
    for n in range(5):
        taken.take(batch(), n)
    assert [n for n, _, _ in shown] == [0, 2, 4]
    assert shown[0][1].shape == (frame_gan.SHOWN, 3, 64, 64)
    assert shown[0][1].dtype == np.uint8
    assert shown[0][2].shape == (frame_gan.SHOWN, 2)
    assert gan.generator.training  # showing leaves the networks as they were


@pytest.fixture(scope="module")
def handed() -> Any:
    method = registry.method("frames/regression_gan").METHOD
    return method, small_data.split(method)


def test_whole_groups_keep_their_labels(handed):
    _, split = handed
    groups = np.unique(split.train.group)
    for share in (1.0, 0.5, 0.1):
        keep = frame_gan.labelled(split.train, share, seed=0)
        kept, hidden = {*split.train.group[keep]}, {*split.train.group[~keep]}
        assert not kept & hidden
        assert len(kept) == max(1, round(share * len(groups)))
    assert not np.array_equal(frame_gan.labelled(split.train, 0.5, 0), frame_gan.labelled(split.train, 0.5, 1))


def test_hidden_labels_are_never_seen(handed):
    method, split = handed
    keep = frame_gan.labelled(split.train, 0.5, seed=0)
    y = split.train.targets().copy()
    y[~keep] = np.random.default_rng(0).permutation(y[~keep])
    other = replace(split, train=replace(split.train, y=y))
    settings = {**SETTINGS, "labelled_share": 0.5}
    predictions = []
    for one in (split, other):
        job = small_data.job(settings, **small_data.scored(method, one))
        predictions.append(frame_gan.fit(method, PARAMS, one, job).predictions["validation"])
    np.testing.assert_array_equal(predictions[0], predictions[1])


def test_updates_accuracies_and_spread_are_reported(handed):
    method, split = handed
    log: list = []
    job = small_data.job(SETTINGS, log=log, **small_data.scored(method, split))
    outcome = frame_gan.fit(method, {**PARAMS, "generator_updates": 2}, split, job)
    (_, _, scores) = log[0]
    steps = -(-len(split.train) // PARAMS["batch"])
    assert scores["train__discriminator_updates"] == steps
    assert scores["train__generator_updates"] == 2 * steps
    assert 0 <= scores["val__accuracy_real"] <= 1
    assert 0 <= scores["val__accuracy_generated"] <= 1
    assert scores["val__spread_generated"] > 0
    assert {*outcome.embeddings} == {"discriminator"}


@pytest.mark.parametrize("discriminator", ["convolutions", "capsules"])
def test_a_saved_model_predicts_and_generates_the_same(tmp_path, discriminator):
    gan = module(discriminator).eval()
    model = FittedGan(gan, Shape(0.0625, discriminator, 0.0))
    model.save(tmp_path)
    read = frame_gan.load(tmp_path, "cpu")
    for one, other in zip(model.generate(5, seed=3), read.generate(5, seed=3), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(model.generate(5, seed=3)[0], model.generate(5, seed=4)[0])


def test_a_fit_is_built_inside_the_seed(handed):
    method, split = handed
    first, again = (
        frame_gan.fit(method, PARAMS, split, small_data.job(SETTINGS, **small_data.scored(method, split)))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.predictions["validation"], again.predictions["validation"])
    assert not torch.are_deterministic_algorithms_enabled()
