"""One join of published scores, and why almost none of them can be compared."""

from __future__ import annotations

import pytest

from dashboard.results import published
from tests.dashboard.run_table import index, study


def test_what_is_published_belongs_to_a_run_of_the_same_data_method_and_settings():
    run = index(study("a", method="motion/lma_vae", targets='["max_hand_distance"]')).record("a")
    [one] = published.scores(run, "mae")
    assert one.value == pytest.approx(0.19185, abs=0.2)
    assert one.settings_text == "latent size 1"
    other = index(study("a", method="motion/lma_vae", settings='{"latent_size":2}')).record("a")
    assert published.scores(other, "mae") == []
    assert len(published.scores(other, "mae", of="method")) == 1
    assert published.scores(index(study("a", dataset="elsewhere")).record("a"), "mae", of="data") == []


def test_all_that_was_published_on_the_data_can_be_asked_for():
    run = index(study("a", method="meshes/linear", dataset="ckplus", targets='["emotion"]')).record("a")
    assert {one.method for one in published.scores(run, "f1", of="data")} > {"dgcnn"}


@pytest.mark.parametrize(
    ("split", "protocol", "why"),
    [
        ("not stated", "lma · by clip", "its split is not stated"),
        ("", "lma · by clip", "its split is not stated"),
        ("train", "x", "it is of training samples"),
        ("val", "x", "it is of validation samples"),
        ("test", "ckplus · by person", "its test samples are others"),
        ("test", "ckplus · by person · emotion · published split", ""),
    ],
)
def test_a_score_of_other_samples_is_not_comparable(split, protocol, why):
    assert published.why_not(split, protocol) == why


def test_a_run_without_data_or_method_has_nothing_published():
    assert published.scores(index({"run_id": "bare", "kind": "study"}).record("bare"), "mae") == []
