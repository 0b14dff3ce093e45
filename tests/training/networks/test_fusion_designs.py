"""Every design sees the steps of a window and nothing else; the first frames of a recording are frames like others."""

from __future__ import annotations

import pytest
import torch

from training.networks import fusion_designs
from training.networks.batches import Masked

OPTIONS = {
    "gru": {"width": 8, "layers": 2, "dropout": 0.0, "pooling": "avg"},
    "self_attention": {"width": 8, "heads": 2, "dropout": 0.0},
    "cross_then_self": {"width": 8, "heads": 2, "dropout": 0.0},
    "cross_attention": {"width": 8, "heads": 2, "dropout": 0.0, "second": "self", "repeats": 3},
    "transformer_lstm": {"width": 8, "heads": 2, "dropout": 0.0},
}
CASES = [
    *OPTIONS.items(),
    *(("gru", {**OPTIONS["gru"], "pooling": pooling}) for pooling in ("max", "conv")),
    *(("cross_attention", {**OPTIONS["cross_attention"], "second": second}) for second in ("video", "audio")),
]


def made(name: str, options: dict) -> torch.nn.Module:
    torch.manual_seed(0)
    sizes = (6,) if name == "gru" else (6, 5)
    return fusion_designs.DESIGNS[name](*sizes, **options).eval()


def windows(name: str, steps: int = 4, n: int = 3, audio: int = 2) -> list[Masked]:
    torch.manual_seed(1)
    found = [Masked(torch.randn(n, steps, 6), torch.ones(n, steps, dtype=torch.bool))]
    if name != "gru":
        found.append(Masked(torch.randn(n, audio, 5), torch.ones(n, audio, dtype=torch.bool)))
    return found


def padded(window: Masked, by: int, fill: float = 0.0) -> Masked:
    n, _, c = window.values.shape
    values = torch.cat([torch.full((n, by, c), fill), window.values], dim=1)
    return Masked(values, torch.cat([torch.zeros(n, by, dtype=torch.bool), window.mask], dim=1))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_padding_changes_nothing(name, options):
    design, handed = made(name, options), windows(name)
    longer = [padded(window, 5) for window in handed]
    torch.testing.assert_close(design(*longer), design(*handed), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_one_step_and_no_audio_are_enough(name, options):
    design = made(name, options)
    video, *audio = windows(name, steps=1)
    code = design(video, *(Masked(one.values, torch.zeros_like(one.mask)) for one in audio))
    assert code.shape == (3, design.size)
    assert code.isfinite().all()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_every_modality_matters(name, options):
    design, handed = made(name, options), windows(name)
    before = design(*handed)
    for k, window in enumerate(handed):
        moved = [*handed[:k], Masked(window.values + 1, window.mask), *handed[k + 1 :]]
        assert not torch.allclose(design(*moved), before, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "gru"])
def test_attention_is_shared_out_among_the_steps(name):
    design = made(name, OPTIONS[name])
    handed = [padded(window, 2) for window in windows(name)]
    weights = design.attention(*handed)
    assert weights["audio"].shape == (3, 2, 4)
    assert (weights["audio"][..., :2] == 0).all()
    assert (weights["video"][..., :2] == 0).all()
    if name in ("self_attention", "transformer_lstm"):  # one attention over both
        torch.testing.assert_close(sum(of.sum(-1) for of in weights.values()), torch.ones(3, 2))
    else:
        torch.testing.assert_close(weights["audio"].sum(-1) + weights["nothing"][..., 0], torch.ones(3, 2))


def test_a_recurrent_network_begins_with_a_step():
    values = torch.tensor([[[0.0], [0.0], [1.0], [2.0]], [[3.0], [4.0], [5.0], [6.0]]])
    mask = torch.tensor([[False, False, True, True], [True] * 4])
    moved, there = fusion_designs.steps_first(values, mask)
    assert moved[..., 0].tolist() == [[1, 2, 0, 0], [3, 4, 5, 6]]
    assert there.tolist() == [[True, True, False, False], [True] * 4]


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="pooling is 'sum', expected one of avg, max, conv"):
        made("gru", {**OPTIONS["gru"], "pooling": "sum"})
    with pytest.raises(ValueError, match="second is 'text', expected self, video or audio"):
        made("cross_attention", {**OPTIONS["cross_attention"], "second": "text"})
