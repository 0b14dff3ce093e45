from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from affect import projections
from dashboard import projecting

CODES = np.random.default_rng(0).normal(size=(20, 3))


@pytest.fixture
def slow(monkeypatch):
    """Let each projection wait, telling a half, until the returned event is set."""
    go = threading.Event()

    def project(algorithm, codes, parameters, seed, progress):
        progress(0.5)
        while not go.wait(0.01):
            progress(0.5)
        return projections.Projection(np.full((len(codes), 2), seed, np.float32), parameters)

    monkeypatch.setattr(projections, "project", project)
    yield go
    go.set()


def test_a_projection_is_begun_once_and_kept_by_what_it_is_made_of(slow):
    jobs = projecting.Jobs()
    first = jobs.ask(CODES, "tsne", {"perplexity": 5}, 1)
    assert jobs.ask(CODES.copy(), "tsne", {"perplexity": 5}, 1) is first
    others = [
        jobs.ask(CODES + 1, "tsne", {"perplexity": 5}, 1),
        jobs.ask(CODES, "tsne", {"perplexity": 6}, 1),
        jobs.ask(CODES, "tsne", {"perplexity": 5}, 2),
    ]
    assert len({id(job) for job in [first, *others]}) == 4
    while first.share < 0.5:
        time.sleep(0.01)
    assert not first.future.done()
    slow.set()
    assert first.future.result(5).points[0, 0] == 1
    assert others[-1].future.result(5).points[0, 0] == 2
    assert not first.error()


def test_pca_is_there_at_once_while_another_is_computed(slow):
    jobs = projecting.Jobs()
    waiting = jobs.ask(CODES, "umap", {}, 0)
    slow.set()
    assert jobs.ask(CODES, "pca", {}, 0).future.done()
    waiting.future.result(5)


def test_what_nobody_asks_for_any_more_is_given_up_and_begun_again_when_asked(slow, monkeypatch):
    monkeypatch.setattr(projecting, "PATIENCE_S", 0.05)
    jobs = projecting.Jobs()
    left = jobs.ask(CODES, "tsne", {}, 0)
    with pytest.raises(projecting._GivenUp):
        left.future.result(5)
    monkeypatch.setattr(projecting, "PATIENCE_S", 60)
    again = jobs.ask(CODES, "tsne", {}, 0)
    assert again is not left
    slow.set()
    assert again.future.result(5).points.shape == (20, 2)


def test_what_cannot_be_projected_is_said():
    job = projecting.Jobs().ask(np.full((20, 3), np.nan), "pca", {}, 0)
    assert job.error() == "ValueError: 20 of 20 codes are not finite"


def test_few_are_kept(monkeypatch):
    monkeypatch.setattr(projecting, "KEPT", 2)
    jobs = projecting.Jobs()
    first = jobs.ask(CODES, "pca", {}, 0)
    for shift in (1, 2):
        jobs.ask(CODES + shift, "pca", {}, 0)
    assert jobs.ask(CODES, "pca", {}, 0) is not first
