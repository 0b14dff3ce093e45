import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from affect.record import ALL, PICTURE
from tests import small_data
from training.contract import Method
from training.data import Block, Part, Split
from training.networks import face_vae
from training.views import single

PARAMS = {
    "width": 4,
    "kl_weight": 1e-5,
    "alignment_weight": 0.1,
    "learning_rate": 3e-3,
    "horizontal_flip": False,
    "learning_rate_schedule": "none",
    "batch": 16,
    "epochs": 3,
}
METHOD = Method("Toy", "none", "faces", "images", "va", objective="mse", objective_weights={PICTURE: 5.0, ALL: 1.0})


def module(outputs: int = 1) -> face_vae.FaceVae:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return face_vae.FaceVae(face_vae.Shape(4, outputs)).eval()


def toys(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images whose lower half is as bright as valence says and whose upper half as arousal says."""
    rng = np.random.default_rng(seed)
    va = rng.uniform(-1, 1, (n, 2))
    images = np.full((n, 3, 64, 64), 128.0)
    images[:, :, 32:] += 90 * va[:, 0, None, None, None]
    images[:, :, :32] += 90 * va[:, 1, None, None, None]
    images += rng.normal(0, 20, (n, 3, 1, 1))
    return images.clip(0, 255).astype(np.uint8), va


def split(n: int = 48, test: bool = True) -> Split:
    parts = []
    for seed, count in enumerate((n, 24, 24)):
        images, va = toys(count, seed)
        names = np.array([f"{seed}-{i}" for i in range(count)])
        parts.append(Part(names, names, single(images, "images"), va if seed < 2 else None))
    return Split(
        *parts[:2], parts[2] if test else None, {"images": Block(images[:0])}, ("valence", "arousal"), -1.0, 1.0
    )


def test_it_has_four_convolutions_either_way_and_three_chunks_of_32():
    made = module()
    kinds = [type(layer).__name__ for layer in made.modules()]
    assert kinds.count("Conv2d") == kinds.count("ConvTranspose2d") == 4
    images = torch.from_numpy(toys(2, 0)[0])
    mean, log_variance = made.encode(images)
    assert mean.shape == log_variance.shape == (2, 3 * 32)
    again = made.decode(mean)
    assert again.shape == images.shape
    assert 0 <= again.min() <= again.max() <= 1
    assert made.project(mean).shape == (2, 2, 1)


def test_each_axis_is_read_from_its_own_chunk_alone():
    made, z = module(), torch.randn(1, 96, generator=torch.Generator().manual_seed(0))
    for alignment in (None, *map(face_vae.ALIGNMENTS.get, ("mse", "bce", "ce"))):
        own = module(alignment.outputs if alignment else 0)
        before = face_vae.reading(own, z, alignment)
        for chunk, moved in (
            (slice(0, 32), [True, False]),
            (slice(32, 64), [False, True]),
            (slice(64, 96), [False] * 2),
        ):
            other = z.clone()
            other[:, chunk] += 1
            assert (face_vae.reading(own, other, alignment) != before).squeeze(0).tolist() == moved
    assert face_vae.reading(made, torch.ones(1, 96), None).tolist() == [[1, 1]]


def test_about_every_second_image_is_mirrored_and_none_is_otherwise_changed():
    images = torch.arange(64, dtype=torch.uint8).expand(200, 3, 64, 64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = face_vae.mirrored(images)
    turned = (found == images.flip(-1)).flatten(1).all(dim=1)
    assert ((found == images).flatten(1).all(dim=1) ^ turned).all()
    assert 70 < turned.sum() < 130


def test_a_label_in_tenths_is_one_of_21_classes():
    va = torch.tensor([[-1.0, 1.0], [0.04, 0.06], [-0.31, 0.0]])
    assert face_vae.classes(va).tolist() == [[0, 20], [10, 11], [7, 10]]


def test_alignments_are_zero_where_the_projection_is_right_and_chance_where_it_says_nothing():
    va = torch.tensor([[-0.5, 0.3], [1.0, -1.0]])
    assert face_vae.squared_error(va[..., None], va) == 0
    assert face_vae.squared_error(va[..., None] + 0.5, va) == pytest.approx(0.25)
    right = 200.0 * functional.one_hot(face_vae.classes(va), 21) - 100.0
    nothing = torch.zeros(2, 2, 21)
    assert face_vae.cross_entropy(right, va) == pytest.approx(0, abs=1e-6)
    assert face_vae.cross_entropy(nothing, va) == pytest.approx(np.log(21))
    assert face_vae.binary_cross_entropy(right, va) == pytest.approx(0, abs=1e-6)
    assert face_vae.binary_cross_entropy(nothing, va) == pytest.approx(21 * np.log(2))


@pytest.mark.parametrize("name", ["bce", "ce"])
def test_a_discrete_reading_is_the_expected_class_over_ten(name):
    alignment = face_vae.ALIGNMENTS[name]
    assert alignment is not None
    va = torch.tensor([[-0.5, 0.3]])
    sure = 200.0 * functional.one_hot(face_vae.classes(va), 21) - 100.0
    levels = torch.arange(-10, 11) / 10
    assert (alignment.probabilities(sure) @ levels).tolist() == [pytest.approx([-0.5, 0.3])]
    unsure = alignment.probabilities(torch.zeros(1, 2, 21))
    torch.testing.assert_close(unsure, torch.full((1, 2, 21), 1 / 21))
    assert (unsure @ levels).tolist() == [pytest.approx([0, 0], abs=1e-7)]


@pytest.mark.parametrize("name", ["", "mse", "bce", "ce"])
def test_the_direction_is_the_one_in_which_the_reading_rises_most(name):
    alignment = face_vae.ALIGNMENTS[name]
    shape = face_vae.Shape(4, alignment.outputs if alignment else 0)
    model = face_vae.FittedFaceVae(module(shape.outputs), shape, name)
    directions = model.directions()
    if not name:
        assert directions is None
        return
    codes = {code: np.zeros((1, 32), np.float32) for code in face_vae.CODES}
    for axis, code in enumerate(face_vae.ALIGNED):
        step = 0.1 * directions[code] / np.linalg.norm(directions[code])
        moved = model.read({**codes, code: codes[code] + step.astype(np.float32)})
        assert moved[0, axis] > model.read(codes)[0, axis]
        assert moved[0, 1 - axis] == model.read(codes)[0, 1 - axis]


@pytest.fixture(scope="module")
def continuous():
    log: list = []
    return face_vae.fit(METHOD, {**PARAMS, "epochs": 10}, split(n=160), small_data.job(log=log), "mse"), log


def test_it_learns_labels_and_images(continuous):
    outcome, log = continuous
    true, va = toys(24, 1)
    assert np.square(outcome.predictions["validation"] - va).mean() < 0.3 * np.square(va - va.mean(axis=0)).mean()
    first, best = log[0][2], min(log, key=lambda one: one[1])[2]
    assert best[f"val__mse__{PICTURE}"] < 0.5 * first[f"val__mse__{PICTURE}"]
    error = np.square((outcome.images["validation"].astype(float) - true) / 255).mean()
    assert error == pytest.approx(best[f"val__mse__{PICTURE}"], rel=1e-4)


def test_each_epoch_reports_what_the_search_optimises_and_the_terms_of_the_loss(continuous):
    for _, value, figures in continuous[1]:
        assert value == pytest.approx(5 * figures[f"val__mse__{PICTURE}"] + figures["val__mse__all"])
        terms = [figures[f"train__{term}"] for term in ("reconstruction", "kl", "alignment")]
        # the last batch is as long as the others: means over batches add up
        assert figures["train__loss"] == pytest.approx(np.dot([1, 1e-5, 0.1], terms), rel=1e-4)


def test_what_it_gives_back_is_of_the_model(continuous):
    outcome, _ = continuous
    x = split().test.inputs
    assert set(outcome.images) == {"validation", "test"}
    codes = outcome.model.encode(x)
    for code in ("z_v", "z_a", "z_z"):
        assert codes[code].shape == (24, 32)
        np.testing.assert_array_equal(outcome.embeddings[code]["test"], codes[code])
    np.testing.assert_array_equal(outcome.model.decode(codes), outcome.images["test"])
    assert outcome.images["test"].dtype == np.uint8
    np.testing.assert_array_equal(outcome.model.predict(x), outcome.predictions["test"])
    assert outcome.model.probabilities(codes) is None


def test_parts_of_many_images_are_the_images(continuous, monkeypatch):
    model, x = continuous[0].model, split().test.inputs
    whole = model.predict(x)
    monkeypatch.setattr(face_vae, "ROWS_AT_ONCE", 5)
    np.testing.assert_allclose(model.predict(x), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["", "bce"])
def test_a_saved_model_is_the_same(name, tmp_path):
    params = {key: value for key, value in PARAMS.items() if name or key != "alignment_weight"}
    outcome = face_vae.fit(
        dataclasses.replace(METHOD, objective_weights={PICTURE: 1.0}), params, split(), small_data.job(), name
    )
    outcome.model.save(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["face_vae.json", "face_vae.safetensors"]
    again = face_vae.load(tmp_path, "cpu")
    x = split().test.inputs
    np.testing.assert_array_equal(again.predict(x), outcome.model.predict(x))
    np.testing.assert_array_equal(again.decode(again.encode(x)), outcome.images["test"])
    assert again.discrete == bool(name)
    if name:
        found = again.probabilities(again.encode(x))
        np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-5)
        np.testing.assert_allclose(found @ (np.arange(-10, 11) / 10), outcome.predictions["test"], atol=1e-5)
    else:
        np.testing.assert_allclose(again.encode(x)["z_v"].mean(axis=1), outcome.predictions["test"][:, 0], atol=1e-6)
