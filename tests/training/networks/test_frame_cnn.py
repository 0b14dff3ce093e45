"""The network on single frames: what is fitted and what stays, what a batch is, what is saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from affect import metrics
from tests import small_data
from training import protocols, registry
from training.contract import UserError
from training.datasets import synthetic_frames
from training.methods.frames import cnn_m, cnn_rnn, resnet50, vgg16
from training.networks import cnns, frame_cnn
from training.networks.frame_cnn import FittedCnn, FrameCnn, Shape

TINY = registry.tiny("frames/cnn_m")[0]
SETTINGS = {**small_data.default_settings(cnn_m.METHOD), "width": 0.0625}


def file(tmp_path, name: str = "cnn_m", width: float = 0.0625):
    """Return a setting `weights`: a file of random weights whose batch norm has seen something."""
    torch.manual_seed(3)
    network = cnns.Cnn(name, width, cnns.HIDDEN[name], 0.0)
    network(torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8))
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    texts = {"weights": str(tmp_path / "weights.safetensors")}
    return network, registry.settings(texts, cnn_m.METHOD.settings)["weights"]


def fitted(settings, params=None, frames=240, **job):
    data = synthetic_frames.generate(frames=frames)
    protocol = protocols.for_method(cnn_m.METHOD, data, settings)
    split = protocol.split(cnn_m.METHOD, settings, test=True)
    return split, cnn_m.fit(
        {**TINY, "epochs": 1, **(params or {})},
        split,
        small_data.job(settings, **small_data.scored(cnn_m.METHOD, split), **job),
    )


@pytest.mark.parametrize("loss", ["batch", "sequence"])
def test_both_forms_of_the_loss_fit(loss):
    log: list = []
    split, outcome = fitted({**SETTINGS, "loss": loss}, {"max_shift": 3}, log=log)
    for part, values in outcome.predictions.items():
        assert values.shape == (len(split.parts()[part]), 2)
        assert (np.abs(values) <= 1).all()
    [(step, value, scores)] = log
    assert step == 1
    assert value == pytest.approx((scores["val__ccc__valence"] + scores["val__ccc__arousal"]) / 2)
    assert 0 < scores["train__loss"] < 2


def test_frozen_convolutions_stay_as_the_file_has_them_and_the_rest_is_fitted(tmp_path):
    network, weights = file(tmp_path)
    _, outcome = fitted({**SETTINGS, "weights": weights, "freeze": "convolutions"})
    made = outcome.model.module.cnn
    for key, value in network.trunk.state_dict().items():
        assert torch.equal(made.trunk.state_dict()[key], value), "its batch norm neither"
    assert not torch.equal(made.hidden[0].weight, network.hidden[0].weight)
    _, outcome = fitted({**SETTINGS, "weights": weights})
    assert not torch.equal(outcome.model.module.cnn.trunk[0].weight, network.trunk[0].weight)


def test_frozen_convolutions_need_a_file():
    with pytest.raises(UserError, match=r"freeze=convolutions .* add --set weights=FILE"):
        cnn_m.check({**SETTINGS, "freeze": "convolutions"})


def test_a_file_is_checked_before_a_study_begins(tmp_path):
    _, weights = file(tmp_path)
    cnn_m.check({**SETTINGS, "weights": weights})
    for wrong in (
        lambda: cnn_m.check({**SETTINGS, "weights": weights, "width": 0.25}),
        lambda: vgg16.check({**small_data.default_settings(vgg16.METHOD), "weights": weights}),
        lambda: resnet50.check({**small_data.default_settings(resnet50.METHOD), "weights": weights}),
        lambda: cnn_rnn.check({**small_data.default_settings(cnn_rnn.METHOD), "weights": weights, "cnn": "resnet50"}),
    ):
        with pytest.raises(UserError, match=r"weights\.safetensors"):
            wrong()


def test_the_loss_of_recordings_needs_recordings():
    data = synthetic_frames.generate(frames=240)
    split = protocols.for_method(cnn_m.METHOD, data, SETTINGS).split(cnn_m.METHOD, SETTINGS, test=False)
    train = split.train
    assert len(np.unique(frame_cnn.recordings(train))) == len(np.unique(train.inputs.sequence))
    without = type(train.inputs)(train.inputs.views, None, None)
    object.__setattr__(train, "inputs", without)
    assert not frame_cnn.recordings(train).any()
    with pytest.raises(UserError, match="loss=sequence needs data with recordings"):
        frame_cnn.scattered(train, 32)


@pytest.mark.parametrize("name", cnns.TRUNKS)
def test_a_saved_network_predicts_the_same(name, tmp_path):
    torch.manual_seed(0)
    shape = Shape(name, 0.0625, 64, 0.3)
    model = FittedCnn(FrameCnn(shape).eval(), shape)
    inputs = small_data.split(cnn_m.METHOD).validation.inputs
    model.save(tmp_path)
    again = frame_cnn.load(tmp_path, "cpu")
    np.testing.assert_allclose(again.predict(inputs), model.predict(inputs), rtol=1e-5, atol=1e-6)
    codes = again.encode(inputs)
    assert codes.shape == (len(inputs.x), model.module.cnn.size)
    with torch.inference_mode():
        np.testing.assert_allclose(again.module.read(torch.from_numpy(codes)), again.predict(inputs), atol=1e-6)


def test_it_begins_near_nothing_so_that_the_tanh_has_a_gradient():
    torch.manual_seed(0)
    for name in cnns.TRUNKS:
        module = FrameCnn(Shape(name, 0.25, 64, 0.0)).eval()
        with torch.inference_mode():
            begun = module(torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8))
        assert float(begun.abs().max()) < 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["frames/cnn_m", "frames/vgg16", "frames/resnet50"])
def test_it_reads_people_that_it_has_not_seen(name):
    """Of its DEFAULTS: a quarter of a minute to a minute on one core."""
    declared = registry.method(name).METHOD
    settings = {**small_data.default_settings(declared), "width": 0.25}
    protocol = protocols.for_method(declared, synthetic_frames.generate(), settings)
    split = protocol.split(declared, settings, test=True)
    job = small_data.job(settings, **small_data.scored(declared, split))
    outcome = registry.method(name).fit(registry.space(name).DEFAULTS, split, job)
    test = protocol.truth()["test"]
    scores = [metrics.ccc(true, pred) for true, pred in zip(test.T, outcome.predictions["test"].T, strict=True)]
    assert min(scores) >= 0.6
