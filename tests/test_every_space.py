"""What every search space keeps to. A new space is found by itself; nothing is to be added here."""

from __future__ import annotations

import json
import warnings

import optuna
import pytest

from training import registry

METHODS = registry.methods()


def sampled(name: str, draws: int = 50) -> list[optuna.trial.FrozenTrial]:
    """Return `draws` random trials, each with what `suggest` returned for it."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(draws):
        trial = study.ask()
        trial.set_user_attr("returned", registry.space(name).suggest(trial))
        study.tell(trial, 0.0)
    return study.trials


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.parametrize("name", METHODS)
def test_fifty_draws_are_valid(name):
    trials = sampled(name)
    for trial in trials:
        # what the study records is what the method gets: nothing renamed, nothing added unseen
        assert trial.user_attrs["returned"] == trial.params
        json.dumps(trial.params)
    assert len({json.dumps(t.params, sort_keys=True) for t in trials}) > 25


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("which", ["DEFAULTS", "TINY"])
def test_fixed_configurations_lie_in_the_space(name, which):
    """FixedTrial only warns of a value out of range and ignores a misspelt key; here both are errors."""
    space = registry.space(name)
    # a TINY may name settings too, which are not searched
    configuration = space.DEFAULTS if which == "DEFAULTS" else registry.tiny(name)[0]
    trial = optuna.trial.FixedTrial(dict(configuration))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        params = space.suggest(trial)
    assert params == configuration
    assert set(trial.distributions) == set(configuration)


@pytest.mark.parametrize("name", METHODS)
def test_settings_that_tiny_names_have_values_that_the_method_declares(name):
    for setting, value in registry.tiny(name)[1].items():
        assert value in registry.method(name).METHOD.settings[setting]


@pytest.mark.parametrize("name", METHODS)
def test_every_value_can_be_drawn_as_declared(name):
    """A category's values are constant from draw to draw, and bounds do not depend on other parameters."""
    seen: dict = {}
    for trial in sampled(name):
        for key, distribution in trial.distributions.items():
            assert seen.setdefault(key, distribution) == distribution


@pytest.mark.parametrize("name", METHODS)
def test_defaults_differ_from_tiny_in_values_alone_where_both_ask_the_same(name):
    space = registry.space(name)
    assert space.TINY != space.DEFAULTS
    for key in space.TINY.keys() & space.DEFAULTS.keys():
        assert type(space.TINY[key]) is type(space.DEFAULTS[key])
