"""Weights from a file: under the names of other libraries, and what does not fit is said."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from training.contract import UserError
from training.networks import cnns, pretrained

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""Of VGG-16's convolutions."""
PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Of them in torchvision's ``features``."""


def network(name: str, width: float = 1) -> cnns.Cnn:
    return cnns.Cnn(name, width, cnns.HIDDEN[name], 0.0)


def normed(prefix: str, size: int) -> dict[str, Tensor]:
    tensors = {f"{prefix}.{name}": torch.rand(size) for name in ("weight", "bias", "running_mean", "running_var")}
    return {**tensors, f"{prefix}.num_batches_tracked": torch.tensor(5)}


def torchvision_resnet50() -> dict[str, Tensor]:
    """Return tensors with the names and shapes of torchvision's ResNet-50."""
    state = {"conv1.weight": torch.rand(64, 3, 7, 7), **normed("bn1", 64)}
    size_in = 64
    for stage, (inner, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in range(blocks):
            at, out = f"layer{stage}.{block}", 4 * inner
            for k, (a, b, kernel) in enumerate(((size_in, inner, 1), (inner, inner, 3), (inner, out, 1)), start=1):
                state[f"{at}.conv{k}.weight"] = torch.rand(b, a, kernel, kernel)
                state |= normed(f"{at}.bn{k}", b)
            if block == 0:
                state[f"{at}.downsample.0.weight"] = torch.rand(out, size_in, 1, 1)
                state |= normed(f"{at}.downsample.1", out)
            size_in = out
    return {**state, "fc.weight": torch.rand(1000, 2048), "fc.bias": torch.rand(1000)}


def torchvision_vgg16() -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for place, a, b in zip(PLACES, (3, *CHANNELS), CHANNELS, strict=False):
        state |= {f"features.{place}.weight": torch.rand(b, a, 3, 3), f"features.{place}.bias": torch.rand(b)}
    for place, a, b in ((3, 4096, 4096), (6, 4096, 1000)):  # and classifier.0, of 224×224 pixels
        state |= {f"classifier.{place}.weight": torch.rand(b, a), f"classifier.{place}.bias": torch.rand(b)}
    return {**state, "classifier.0.weight": torch.rand(4096, 1), "classifier.0.bias": torch.rand(4096)}


def saved(tmp_path: Path, state: dict[str, Tensor]) -> Path:
    save_file(state, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_every_convolution_and_norm_of_resnet50_is_loaded_from_torchvisions_names(tmp_path):
    state, module = torchvision_resnet50(), network("resnet50")
    result = pretrained.load(module, "resnet50", saved(tmp_path, state))
    assert result.kept == ()
    assert {*result.left_out} == {"fc.weight", "fc.bias"}
    assert len(result.loaded) == len(state) - 2 == len(module.state_dict())
    blocks = [one for one in module.modules() if isinstance(one, cnns.Bottleneck)]
    assert torch.equal(blocks[3].last.running_var, state["layer2.0.bn3.running_var"])
    assert torch.equal(blocks[3].residual[3].weight, state["layer2.0.conv2.weight"])
    assert torch.equal(blocks[-1].residual[1].bias, state["layer4.2.bn1.bias"])


def test_vgg16_takes_what_fits_and_says_what_does_not(tmp_path, caplog):
    state, module = torchvision_vgg16(), network("vgg16")
    with caplog.at_level(logging.INFO):
        result = pretrained.load(module, "vgg16", saved(tmp_path, state))
    assert torch.equal(module.trunk[28].weight, state["features.28.weight"])
    assert torch.equal(module.hidden[3].weight, state["classifier.3.weight"])
    assert set(result.kept) == {"hidden.0.weight", "hidden.6.weight", "hidden.6.bias"}
    assert result.left_out["classifier.6.weight"] == "shape (1000, 4096), expected (2622, 4096)"
    assert "random weights kept in hidden.0.weight" in caplog.text
    assert "classifier.0.weight (shape (4096, 1), expected (4096, 2048))" in caplog.text


def test_vggs_own_names_are_known(tmp_path):
    names = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")
    state = {
        f"conv{name}.weight": torch.rand(b, a, 3, 3)
        for name, a, b in zip(names, (3, *CHANNELS), CHANNELS, strict=False)
    }
    module = network("vgg16")
    result = pretrained.load(module, "vgg16", saved(tmp_path, {**state, "fc8.weight": torch.rand(2622, 4096)}))
    assert len(result.loaded) == 14
    assert torch.equal(module.trunk[24].weight, state["conv5_1.weight"])
    assert pretrained.counterpart("conv3.weight", "cnn_m", network("cnn_m")) == "trunk.8.weight"


def test_a_saved_model_of_this_bench_is_read_back(tmp_path):
    other = network("cnn_m", 0.25)
    state = {f"cnn.{key}": value for key, value in other.state_dict().items()}
    module = network("cnn_m", 0.25)
    result = pretrained.load(module, "cnn_m", saved(tmp_path, {**state, "output.weight": torch.rand(2, 1024)}))
    assert result.kept == ()
    assert result.left_out == {"output.weight": "no such layer"}
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in module.state_dict().items())


def test_convolutions_of_another_width_are_refused_by_name(tmp_path):
    with pytest.raises(
        UserError,
        match=r"features.0.bias has shape \(64,\), expected \(16,\) for trunk.0.bias of vgg16; "
        "published weights need --set width=1",
    ):
        pretrained.load(network("vgg16", 0.25), "vgg16", saved(tmp_path, torchvision_vgg16()))


def test_a_file_of_another_network_is_refused(tmp_path):
    file = saved(tmp_path, {"encoder.0.weight": torch.rand(3, 3)})
    with pytest.raises(UserError, match=r"no tensor of a convolution of vgg16; found encoder.0.weight"):
        pretrained.load(network("vgg16", 0.0625), "vgg16", file)


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"not this")
    with pytest.raises(UserError, match=r"weights.safetensors: expected a safetensors file"):
        pretrained.load(network("cnn_m", 0.0625), "cnn_m", file)
