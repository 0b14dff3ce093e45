"""A mirror and a shift: the same pixels at another place."""

import torch

from training.networks import augmentation


def images(n: int = 64) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_about_every_second_image_is_mirrored_and_the_given_ones_are_not_changed():
    torch.manual_seed(0)
    given = images()
    before = given.clone()
    made = augmentation.mirrored(given)
    same = (made == given).flatten(1).all(dim=1)
    assert torch.equal(made[~same], given[~same].flip(-1))
    assert 16 < int(same.sum()) < 48
    assert torch.equal(given, before)


def test_a_shift_moves_all_images_and_repeats_the_edge(monkeypatch):
    given = images(2)
    monkeypatch.setattr(torch, "randint", lambda *_: torch.tensor([2, -1]))  # down, right
    made = augmentation.moved(given, 2)
    assert torch.equal(made[..., 2:, :-1], given[..., :-2, 1:])
    assert torch.equal(made[..., 0, :-1], given[..., 0, 1:]), "above, the first row stands again"
    assert torch.equal(made[..., 2:, -1], given[..., :-2, -1]), "at the right, the last column does"


def test_no_shift_changes_nothing():
    given = images(2)
    assert augmentation.moved(given, 0) is given
