"""The recurrent network over frames: padding is never seen, and a recording's first frames are frames like others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training import views
from training.networks import cnns, frame_rnn
from training.networks.frame_rnn import FittedFrames, FrameRnn, Shape

SEQUENCE = np.repeat(["a", "b"], [9, 14])
TIME = np.concatenate([np.arange(9), np.arange(14)]) / 5
IMAGES = np.random.default_rng(0).integers(0, 256, (23, 3, 64, 64)).astype(np.uint8)


def model(cell: str = "gru", cnn: str = "cnn_m", layers: int = 2) -> FittedFrames:
    torch.manual_seed(0)
    shape = Shape(cnn, 0.0625, 64, 1, cell, layers, 16, 0.3)
    return FittedFrames(FrameRnn(shape).eval(), shape)


def inputs(seconds: float, rows: slice = slice(None), images: np.ndarray = IMAGES) -> views.Inputs:
    sequence, time = SEQUENCE[rows], TIME[rows]
    windows = views.look_back(sequence, time, sequence, time, seconds)
    return views.Inputs({"images": views.View(images[rows], windows)}, sequence, time)


@pytest.mark.parametrize("cell", frame_rnn.CELLS)
def test_padding_changes_nothing(cell):
    """The same steps in a longer window, whose padding has places of its own."""
    module = model(cell).module
    frames = torch.from_numpy(IMAGES)
    short = torch.tensor([[0, 1, 2], [-1, 4, 5]])
    long = torch.cat([torch.full((2, 6), -1), short], dim=1)
    with torch.inference_mode():
        torch.testing.assert_close(module(frames, long), module(frames, short), rtol=1e-5, atol=1e-6)
        alone = module(frames, torch.tensor([[4, 5]]))
    torch.testing.assert_close(module(frames, short)[1:], alone, rtol=1e-5, atol=1e-6)


def test_padding_stands_behind_the_steps():
    first, count = frame_rnn.steps_first(torch.tensor([[-1, -1, 3, 4], [0, 1, 2, 3], [-1, -1, -1, 9]]))
    assert first.tolist() == [[3, 4, -1, -1], [0, 1, 2, 3], [9, -1, -1, -1]]
    assert count.tolist() == [2, 4, 1]


def test_the_first_frames_of_a_recording_are_predicted_by_what_there_is():
    fitted = model()
    whole = fitted.predict(inputs(2.0))
    assert np.isfinite(whole).all()
    # a recording's first frame by itself, its third with the two before it: the same
    np.testing.assert_allclose(whole[9:10], fitted.predict(inputs(2.0, slice(9, 10))), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(whole[9:12], fitted.predict(inputs(2.0, slice(9, 12))), rtol=1e-4, atol=1e-5)


def test_another_recording_is_not_looked_at():
    fitted = model()
    other = IMAGES.copy()
    other[:9] = 255 - other[:9]
    before, after = fitted.predict(inputs(2.0)), fitted.predict(inputs(2.0, images=other))
    np.testing.assert_allclose(after[9:], before[9:], rtol=1e-4, atol=1e-5)
    assert (before[:9] != after[:9]).any(axis=1).all()


def test_the_frames_before_matter_and_their_order():
    fitted = model()
    assert not np.allclose(fitted.predict(inputs(2.0))[8], fitted.predict(inputs(0.2))[8], atol=1e-4)
    with torch.inference_mode():
        one, other = fitted.module(torch.from_numpy(IMAGES), torch.tensor([[0, 1, 2], [1, 0, 2]]))
    assert not torch.allclose(one, other, atol=1e-4)


def test_how_many_samples_are_predicted_at_once_changes_nothing(monkeypatch):
    fitted = model()
    expected = fitted.predict(inputs(1.0))
    monkeypatch.setattr(frame_rnn, "AT_ONCE", 4)
    np.testing.assert_allclose(fitted.predict(inputs(1.0)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("cell", "cnn", "layers"), [("lstm", "vgg16", 1), ("gru", "resnet50", 2)])
def test_a_saved_network_predicts_the_same(cell, cnn, layers, tmp_path):
    fitted = model(cell, cnn, layers)
    fitted.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frame_rnn.json", "frame_rnn.safetensors"]
    again = frame_rnn.load(tmp_path, "cpu")
    np.testing.assert_allclose(again.predict(inputs(1.0)), fitted.predict(inputs(1.0)), rtol=1e-5, atol=1e-6)
    assert again.encode(inputs(1.0)).shape == (23, 16)


@pytest.mark.parametrize(
    ("name", "layer", "given"), [("cnn_m", 1, 2), ("cnn_m", 2, 2), ("vgg16", 2, 3), ("resnet50", 1, 1)]
)
def test_it_begins_from_a_fitted_network_as_far_as_both_have_the_same_layers(name, layer, given):
    """Of the layers of its head: CNN-M has one, VGG-16 three, ResNet-50 none."""
    torch.manual_seed(1)
    before = cnns.Cnn(name, 0.0625, cnns.HIDDEN[name], 0.0)
    cnn = cnns.Cnn(name, 0.0625, cnns.hidden(name, layer), 0.0)
    own = [one.weight.clone() for one in cnn.hidden if isinstance(one, torch.nn.Linear)]
    parts = frame_rnn.begin_from(cnn, before)
    assert len(parts) == given
    for key, value in cnn.trunk.state_dict().items():
        assert torch.equal(value, before.trunk.state_dict()[key])
    linear = [[one for one in of.hidden if isinstance(one, torch.nn.Linear)] for of in (cnn, before)]
    for k, one in enumerate(linear[0]):
        assert torch.equal(one.weight, linear[1][k].weight if k < given - 1 else own[k])
