from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from dashboard.figures import space

SPACE = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "depth": IntDistribution(1, 8),
    "scaling": CategoricalDistribution(["none", "robust", None]),
}


def trials(n: int = 30, seed: int = 0) -> pd.DataFrame:
    """Trials whose value depends on depth alone; parameters are text, as MLflow keeps them."""
    rng = np.random.default_rng(seed)
    depth = rng.integers(1, 9, n)
    return pd.DataFrame(
        {
            "run_id": [f"r{i}" for i in range(n)],
            "trial": range(n),
            "state": "complete",
            "value": depth / 10 + rng.normal(0, 1e-3, n),
            "param.rate": [repr(10 ** rng.uniform(-4, 0)) for _ in range(n)],
            "param.depth": depth.astype(str),
            "param.scaling": rng.choice(["none", "robust", "None"], n),
        }
    )


def test_space_json_is_read_as_text_or_object():
    stored = {n: distribution_to_json(d) for n, d in SPACE.items()}
    assert space.read_space({"distributions": stored}) == SPACE
    assert space.read_space({"distributions": {n: json.loads(t) for n, t in stored.items()}}) == SPACE


def test_an_entry_that_is_no_distribution_is_named():
    with pytest.raises(ValueError, match="parameter 'rate'"):
        space.read_space({"distributions": {"rate": {"name": "NoSuchDistribution", "attributes": {}}}})


def test_a_file_without_distributions_is_said_to_have_none():
    with pytest.raises(ValueError, match="no distributions"):
        space.read_space({"defaults": {"rate": 0.1}})


def test_rebuilt_study_has_the_values_that_were_drawn_not_their_text():
    table = trials(5)
    study = space.rebuild(table, SPACE, "minimize")
    first = study.trials[0]
    assert first.params["rate"] == float(table.loc[0, "param.rate"])
    assert isinstance(first.params["depth"], int)
    assert {t.params["scaling"] for t in study.trials} <= {"none", "robust", None}
    assert study.best_trial.user_attrs["run_id"] == table.loc[table["value"].idxmin(), "run_id"]


def test_rebuilt_study_leaves_out_failed_trials_and_missing_conditional_parameters():
    table = trials(4)
    table.loc[0, "state"] = "failed"
    table.loc[1, "param.depth"] = None
    study = space.rebuild(table, SPACE, "maximize")
    assert len(study.trials) == 3
    assert set(study.trials[0].params) == {"rate", "scaling"}


@pytest.mark.parametrize("evaluator", space.EVALUATORS)
def test_every_evaluator_finds_the_parameter_that_alone_matters(evaluator):
    found = space.importance(trials(60), SPACE, "minimize", evaluator)
    assert found["parameter"].iloc[0] == "depth"
    assert found["importance"].iloc[0] > 0.6
    assert found["importance"].sum() == pytest.approx(1)


def test_too_few_trials_have_no_importance_and_it_is_said():
    found = space.importance(trials(space.ENOUGH - 1), SPACE, "minimize")
    assert found.empty
    assert "at least 10 completed trials" in found.attrs["reason"]


@pytest.mark.parametrize("evaluator", space.EVALUATORS)
def test_equal_scores_have_no_importance_and_crash_no_evaluator(evaluator):
    found = space.importance(trials(20).assign(value=0.2), SPACE, "minimize", evaluator)
    assert found.empty
    assert "same score" in found.attrs["reason"]


def test_a_forest_without_variance_is_a_reason_and_no_error(monkeypatch):
    from optuna import importance

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("Encountered zero total variance in all trees.")

    monkeypatch.setattr(importance, "get_param_importances", fails)
    assert "zero total variance" in space.importance(trials(20), SPACE, "minimize", "fanova").attrs["reason"]


def test_conditional_and_constant_parameters_are_shown_last():
    table = trials(12).assign(**{"param.a": "3", "param.b": [None, *["1", "2"] * 5, "1"]})
    assert space.shown_first(table) == ["rate", "depth", "scaling", "a", "b"]


def test_an_unknown_evaluator_names_the_known_ones():
    with pytest.raises(ValueError, match="ped_anova"):
        space.importance(trials(), SPACE, "minimize", "shapley")


def test_a_logarithmic_axis_has_log_positions_and_ticks_at_powers_of_ten():
    table = trials(3).assign(**{"param.rate": ["0.0001", "0.01", "1.0"]})
    found = space.axis(table, "rate", SPACE)
    assert found.positions.tolist() == pytest.approx([-4, -2, 0])
    assert [word for _, word in found.ticks] == ["0.0001", "0.001", "0.01", "0.1", "1"]


def test_a_category_lies_at_its_place_in_the_space_also_where_it_was_never_tried():
    table = trials(2).assign(**{"param.scaling": ["None", None]})
    found = space.axis(table, "scaling", SPACE)
    assert found.positions[0] == 2
    assert math.isnan(found.positions[1])
    assert [word for _, word in found.ticks] == ["none", "robust", "None"]


def test_a_parameter_that_space_json_lacks_is_guessed_from_what_was_tried():
    assert space.guess(pd.Series(["0.0001", "0.5"])) == FloatDistribution(0.0001, 0.5, log=True)
    assert space.guess(pd.Series(["1", "3"])) == IntDistribution(1, 3)
    assert space.guess(pd.Series(["relu", "elu"])) == CategoricalDistribution(["elu", "relu"])


def test_markup_in_a_parameters_name_is_drawn_as_text():
    table = trials(3).rename(columns={"param.depth": "param.<b>depth</b>"})
    title = space.axis(table, "<b>depth</b>", {}).layout()["title"]
    assert title == "&lt;b&gt;depth&lt;/b&gt;"


def test_a_short_logarithmic_axis_has_ticks_at_round_numbers():
    table = trials(2).assign(**{"param.epochs": ["20", "150"]})
    found = space.axis(table, "epochs", {"epochs": IntDistribution(20, 150, log=True)})
    assert [word for _, word in found.ticks] == ["20", "50", "100"]
