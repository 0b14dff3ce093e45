"""A search space: its distributions, its parameters as axes, and which of them matter.

Optuna's own storage is never opened: `rebuild` makes a study in memory from the run table and space.json.
`table` below is what `dashboard.results.study.Study.trials` returns.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import theme
from dashboard.results.trials import PARAM, complete

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna
    from optuna.distributions import BaseDistribution

Distributions: TypeAlias = "dict[str, BaseDistribution]"
"""Parameter → what it is drawn from."""

EVALUATORS = {"ped_anova": "PED-ANOVA", "fanova": "fANOVA", "mdi": "mean decrease impurity"}
"""Importance evaluators by the word that stands in the URL; the first is the default."""

SAME = 1e-9
"""Values that differ by less than this share of themselves differ by rounding alone."""

ENOUGH = 10
"""Complete trials below which an importance says more about chance than about a parameter."""


def parameters(table: pd.DataFrame) -> list[str]:
    """Return the names of the parameters that any trial has."""
    return [c.removeprefix(PARAM) for c in table.columns if c.startswith(PARAM)]


def read_space(stored: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Turn space.json into distributions: under ``distributions``, parameter → Optuna's JSON of its distribution.

    Raises ValueError where there are none, or, naming the parameter, where this Optuna does not know one.
    """
    from optuna.distributions import json_to_distribution

    found = stored.get("distributions") if isinstance(stored, dict) else None
    if not isinstance(found, dict):
        raise ValueError("space.json has no distributions")
    space = {}
    for name, value in found.items():
        try:
            space[name] = json_to_distribution(value if isinstance(value, str) else json.dumps(value))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"space.json: parameter {name!r} is no distribution: {error}") from error
    return space


def guess(values: pd.Series) -> BaseDistribution:
    """Return a distribution for a parameter that space.json lacks: the range of what was tried.

    Numbers over two orders of magnitude count as logarithmic; anything that is no number is a category.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    tried = values.dropna()
    as_numbers = pd.to_numeric(tried, errors="coerce")
    if tried.empty or as_numbers.isna().any() or not np.isfinite(as_numbers).all():
        return CategoricalDistribution(sorted(tried.astype(str).unique()) or [""])
    low, high = float(as_numbers.min()), float(as_numbers.max())
    log = low > 0 and high / low >= 100
    if (as_numbers % 1 == 0).all():
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def decode(value: Any, distribution: BaseDistribution) -> Any:
    """Return a logged parameter (MLflow keeps text) as the value that its distribution drew.

    Raises ValueError where the text is none of a category's choices or no number.
    """
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        by_text = {str(choice): choice for choice in distribution.choices}
        if str(value) not in by_text:
            raise ValueError(f"{value!r} is none of {', '.join(by_text)}")
        return by_text[str(value)]
    return int(float(value)) if isinstance(distribution, IntDistribution) else float(value)


def full_space(table: pd.DataFrame, space: Mapping[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    """Return a distribution for each parameter of the trials: space.json's, or a guess where it has none."""
    return {name: space.get(name) or guess(table[PARAM + name]) for name in parameters(table)}


def misfits(table: pd.DataFrame, space: Mapping[str, BaseDistribution]) -> list[str]:
    """Return the parameters of which the trials tried what their distribution does not hold (a changed space)."""
    found = []
    for name in parameters(table):
        distribution = space.get(name)
        try:
            if distribution is not None:
                for value in table[PARAM + name].dropna().unique():
                    decode(value, distribution)
        except ValueError:
            found.append(name)
    return found


def rebuild(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], direction: str, named: Mapping[str, str] | None = None
) -> optuna.Study:
    """Return an in-memory Optuna study of the complete trials that have a value, in the order of their numbers.

    `named` maps parameters to other names: Optuna's plots read markup in names (`theme.plain`).
    """
    import optuna

    known, named = full_space(table, space), named or {}
    study = optuna.create_study(
        direction=cast(Literal["minimize", "maximize"], direction), storage=optuna.storages.InMemoryStorage()
    )
    for _, row in complete(table).iterrows():
        given = {name: row[PARAM + name] for name in known if pd.notna(row[PARAM + name])}
        study.add_trial(
            optuna.create_trial(
                params={named.get(name, name): decode(value, known[name]) for name, value in given.items()},
                distributions={named.get(name, name): known[name] for name in given},
                value=float(row["value"]),
                user_attrs={"run_id": row["run_id"], "trial": int(row["trial"])},
            )
        )
    return study


def shown_first(table: pd.DataFrame) -> list[str]:
    """Return the parameters, those first that every complete trial has and that vary: a conditional one comes last."""
    kept = complete(table)

    def conditional(name: str) -> tuple[bool, bool]:
        values = kept[PARAM + name]
        return bool(values.isna().any()), values.dropna().astype(str).nunique() < 2

    return sorted(parameters(table), key=conditional)


# ------------------------------------------------------------------------------------------------------ importance


def importance(
    table: pd.DataFrame, space: Mapping[str, BaseDistribution], direction: str, evaluator: str = "ped_anova"
) -> pd.DataFrame:
    """Return columns parameter and importance (they sum to 1), the most important first, by a named evaluator.

    Empty, with the reason in ``attrs["reason"]``, where there is none: under `ENOUGH` complete trials, no parameter, or
    values that are all the same. Of fANOVA and mean decrease impurity only parameters that all complete trials have
    are judged, and the forests are seeded.
    """
    from optuna import importance as optuna_importance

    if evaluator not in EVALUATORS:
        raise ValueError(f"no evaluator {evaluator!r}; known: {', '.join(EVALUATORS)}")
    kept = complete(table)
    if not parameters(table):
        return _none("this search has no hyperparameters")
    if len(kept) < ENOUGH:
        few = f"{len(kept)} {'is' if len(kept) == 1 else 'are'} complete"
        return _none(f"at least {ENOUGH} completed trials are needed for a meaningful importance; {few}")
    if float(np.ptp(kept["value"])) <= SAME * float(np.abs(kept["value"]).max()):
        return _none("all completed trials have the same score, so no hyperparameter matters")
    judge: optuna_importance.BaseImportanceEvaluator
    if evaluator == "fanova":
        judge = optuna_importance.FanovaImportanceEvaluator(seed=0)
    elif evaluator == "mdi":
        judge = optuna_importance.MeanDecreaseImpurityImportanceEvaluator(seed=0)
    else:
        judge = optuna_importance.PedAnovaImportanceEvaluator()
    try:
        found = optuna_importance.get_param_importances(rebuild(table, space, direction), evaluator=judge)
    except (RuntimeError, ValueError) as error:  # such as a forest that finds no variance to explain
        return _none(f"{EVALUATORS[evaluator]} finds nothing to judge ({error})")
    pairs = sorted(found.items(), key=lambda pair: -pair[1])
    return pd.DataFrame({"parameter": [p for p, _ in pairs], "importance": [float(v) for _, v in pairs]})


def _none(reason: str) -> pd.DataFrame:
    table = pd.DataFrame({"parameter": pd.Series(dtype=str), "importance": pd.Series(dtype=float)})
    table.attrs["reason"] = reason
    return table


def draw_importance(table: pd.DataFrame, evaluator: str) -> go.Figure:
    """Draw importances as bars, the most important on top."""
    shown = table[::-1]
    bar = go.Bar(
        x=shown["importance"],
        y=shown["parameter"].map(theme.plain),
        orientation="h",
        marker={"color": theme.ACCENT},
        text=[f"{v:.2f}" for v in shown["importance"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.3f} of all importance<extra></extra>",
    )
    figure = theme.finish(
        go.Figure(bar), 90 + 30 * len(table), f"share of importance ({EVALUATORS[evaluator]})", legend=False
    )
    return figure.update_xaxes(range=[0, 1.1], dtick=0.25)


# ------------------------------------------------------------------------------------------------------------ axes


@dataclass(frozen=True)
class Axis:
    """A parameter as positions on a line: numbers as they are, or their log10, or the index of a category.

    `positions` has nan where a trial lacks the parameter; `ticks` pairs positions and words, empty for plain numbers.
    """

    name: str
    positions: pd.Series
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    @property
    def span(self) -> float:
        """Length of the axis, never 0."""
        return (self.high - self.low) or 1.0

    def layout(self) -> dict[str, Any]:
        """Return what a Plotly axis needs: title, range and, where positions are not the values, tick words."""
        pad = 0.05 * self.span
        shown: dict[str, Any] = {"title": theme.plain(self.name), "range": [self.low - pad, self.high + pad]}
        if self.ticks:
            shown |= {
                "tickvals": [p for p, _ in self.ticks],
                "ticktext": [_folded(word) for _, word in self.ticks],
                "tickangle": 0,
            }
        return shown

    def ends(self) -> list[tuple[float, str]]:
        """Return what labels the axis where it is only a line: every category, or the two ends of a range."""
        if self.ticks and not self.log:
            return list(self.ticks)
        return [(p, power(p) if self.log else f"{p:.4g}") for p in (self.low, self.high)]


def _folded(word: str) -> str:
    # a long category folds at its underscores: beside others it must fit into a narrow panel
    return theme.plain(word).replace("_", "_<br>") if len(word) > 9 else theme.plain(word)


def power(position: float) -> str:
    """Return 10 to the power of a position, as a tick writes it."""
    return f"{10**position:.4g}"


def _place(words: list[str], value: object) -> int:
    if str(value) not in words:
        raise ValueError(f"{value!r} is none of {', '.join(words)}")
    return words.index(str(value))


def axis(table: pd.DataFrame, name: str, space: Mapping[str, BaseDistribution]) -> Axis:
    """Return parameter `name` of the trials as an axis over the whole range that the space allows."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    values = table[PARAM + name]
    distribution = space.get(name) or guess(values)
    if isinstance(distribution, CategoricalDistribution):
        words = [str(choice) for choice in distribution.choices]
        places = values.map(lambda v: float(_place(words, v)), na_action="ignore").astype(float)
        return Axis(name, places, 0.0, float(len(words) - 1), tuple((float(i), w) for i, w in enumerate(words)))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    numbers = values.map(lambda v: decode(v, distribution), na_action="ignore").astype(float)
    # a guessed or since widened range must still hold every trial
    low = float(np.nanmin([distribution.low, numbers.min()]))
    high = float(np.nanmax([distribution.high, numbers.max()]))
    if not distribution.log or low <= 0:
        return Axis(name, numbers, low, high, ())
    low, high = math.log10(low), math.log10(high)
    powers = [float(p) for p in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]
    if len(powers) < 2:
        decades = range(math.floor(low), math.floor(high) + 1)
        powers = [p for d in decades for m in (1, 2, 5) if low - 1e-9 <= (p := d + math.log10(m)) <= high + 1e-9]
    powers = powers if len(powers) > 1 else [low, high]
    return Axis(
        name,
        numbers.map(math.log10, na_action="ignore"),
        low,
        high,
        tuple((p, power(p)) for p in powers[:: math.ceil(len(powers) / 5)]),
        True,
    )
