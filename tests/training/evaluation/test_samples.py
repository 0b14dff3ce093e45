import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from affect import record
from tests import small_data
from training import registry
from training.evaluation import _predictors, samples
from training.networks import face_vae


@pytest.fixture(scope="module")
def fitted():
    return small_data.fitted("faces/face_vae_continuous")


@pytest.fixture(scope="module")
def table(fitted):
    return samples.evaluate(fitted).tables["samples.parquet"]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_it_applies_to_methods_that_give_images_back():
    assert samples.applies(registry.method("faces/face_vae").METHOD)
    assert not samples.applies(registry.method("motion/lma_vae").METHOD)


def test_columns_are_those_of_the_record_and_names_those_of_test_images(fitted, table):
    assert tuple(table.columns) == record.COLUMNS[record.Artifact.SAMPLES]
    assert set(table["sample"]) <= set(fitted.test_sample)
    assert set(table["kind"]) == {"real", "reconstruction", "traversal"}


def test_real_images_and_reconstructions_are_those_of_the_test_part(fitted, table):
    names = fitted.test_sample.tolist()
    for kind, images in (("real", np.asarray(fitted.split.test.x)), ("reconstruction", fitted.outcome.images["test"])):
        for row in table[table["kind"] == kind].itertuples():
            np.testing.assert_array_equal(pixels(row.png), images[names.index(row.sample)].transpose(1, 2, 0))


def test_real_images_have_their_labels_and_reconstructions_what_is_read_from_them(fitted, table):
    names = fitted.test_sample.tolist()
    for kind, va in (("real", fitted.truth["test"]), ("reconstruction", fitted.outcome.predictions["test"])):
        shown = table[table["kind"] == kind]
        rows = [names.index(name) for name in shown["sample"]]
        np.testing.assert_allclose(shown[["valence", "arousal"]], va[rows])
        assert shown["label"].tolist() == fitted.labels["test"][rows].tolist()


def test_a_traversal_moves_its_own_axis_alone_from_low_to_high(table):
    strips = table[table["kind"] == "traversal"].groupby(["sample", "code"])
    assert len(strips) == 2 * samples.TRAVERSED
    for (_, code), strip in strips:
        own, other = ("valence", "arousal") if code == "z_v" else ("arousal", "valence")
        assert strip["step"].tolist() == list(samples.STEPS)
        assert (np.diff(strip[own]) > 0).all()
        assert np.ptp(strip[other]) < 1e-6
        assert len({png for png in strip["png"]}) > 5


def test_a_step_is_the_same_reading_for_every_image(table):
    """Two standard deviations along the trained projection are one valence, whoever is seen."""
    strips = table[(table["kind"] == "traversal") & (table["code"] == "z_v")]
    assert strips.groupby("step")["valence"].std().max() < 1e-4


def test_without_a_projection_the_direction_is_a_linear_probes(fitted):
    forgotten = dataclasses.replace(fitted.outcome.model, aligned_by="", shape=face_vae.Shape(8, 0))
    fit = dataclasses.replace(fitted, outcome=dataclasses.replace(fitted.outcome, model=forgotten))
    before = fit.outcome.embeddings["z_a"]["test"][0]
    moved = samples.traversal(fit, "z_a", before)
    assert moved.shape == (len(samples.STEPS), 32)
    steps = np.diff(moved, axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-5)
    train, arousal = fit.outcome.embeddings["z_a"]["train"], fit.truth["train"][:, 1]
    read = moved @ _predictors.direction(train, arousal)
    spread = train @ _predictors.direction(train, arousal)
    np.testing.assert_allclose((read - spread.mean()) / spread.std(), samples.STEPS, atol=1e-3)


def test_each_emotion_is_drawn_by_the_seed():
    labels = np.repeat(["a", "b", "c"], [50, 1, 50])
    chosen = samples.choose(labels, 0)
    assert labels[chosen].tolist() == ["a", "a", "b", "c", "c"]
    assert samples.choose(labels, 0) == chosen != samples.choose(labels, 1)
    assert len(samples.choose(np.full(100, ""), 0)) == 16
