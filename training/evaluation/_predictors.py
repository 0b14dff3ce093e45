"""What codes are read with: small predictors of scikit-learn, fitted on train codes and scored on test codes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from affect import metrics

if TYPE_CHECKING:
    from training.contract import Fitted
    from training.data import Floats, Values

LIMIT = 3000
"""Train rows that a predictor is fitted on at most, drawn by the job's seed: a support vector machine's time grows with
the square of them."""

HIDDEN = (64,)
CODES = {"z_v": "valence", "z_a": "arousal"}
"""Each aligned code and the target that it is to carry."""


def coded(fitted: Fitted) -> bool:
    """Say whether the fitted model has the codes that are to carry valence and arousal."""
    return CODES.keys() <= fitted.outcome.embeddings.keys() and set(CODES.values()) <= set(fitted.split.targets)


def regressors(seed: int) -> dict[str, Any]:
    """Return name → unfitted regressor. Ridge and lasso choose their weight by cross-validation on train.

    With scikit-learn's own weight of 1 the lasso is always the mean for labels in −1 … 1, which is what the source's
    exact zeros look like.
    """
    from sklearn.linear_model import LassoCV
    from sklearn.neural_network import MLPRegressor
    from sklearn.svm import SVR

    return {
        "ridge": ridge(),
        "lasso": LassoCV(cv=5),
        "svr": SVR(),
        "mlp": MLPRegressor(hidden_layer_sizes=HIDDEN, alpha=0.1, random_state=seed),
    }


def classifiers(seed: int, net: str) -> dict[str, Any]:
    """Return name → unfitted classifier; `net` is what the source calls the net of one hidden layer in this task."""
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "decision_tree": DecisionTreeClassifier(min_samples_leaf=5, random_state=seed),
        "svm": SVC(),
        net: MLPClassifier(hidden_layer_sizes=HIDDEN, alpha=0.1, random_state=seed),
    }


def ridge() -> Any:
    """Return a linear regression whose ridge is chosen by leaving each train row out once."""
    from sklearn.linear_model import RidgeCV

    return RidgeCV(np.logspace(-2, 4, 13))


def predicted(predictor: Any, train: Floats, target: Values, test: Floats, seed: int) -> Values:
    """Fit on train codes (m, d) and their target (m,), at most `LIMIT` of them; return what test codes (n, d) give.

    Codes are standardised by what train says: a net and a support vector machine depend on their scale.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.arange(len(train))
    if len(train) > LIMIT:
        rows = np.sort(np.random.default_rng(seed).choice(len(train), LIMIT, replace=False))
    with warnings.catch_warnings():
        # a net that has not converged after 200 rounds is scored as it is
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), predictor).fit(train[rows], target[rows]).predict(test)


def direction(codes: Floats, target: Values) -> Floats:
    """Return the direction (d,) of codes (m, d) along which a ridge regression of the target (m,) rises."""
    spread = codes.std(axis=0, dtype=np.float64)
    spread[spread == 0] = 1.0
    return ridge().fit((codes - codes.mean(axis=0)) / spread, target).coef_ / spread


def accuracies(
    predictors: dict[str, Any], train: tuple[Floats, Values], test: tuple[Floats, Values], seed: int
) -> dict[str, float]:
    """Return each classifier's accuracy on test and those of the two baselines; nan where train has one class.

    `chance` draws one of train's classes, each as often as the others; `majority` is always train's most frequent one.
    """
    classes = np.unique(train[1])
    scores = {
        name: metrics.accuracy(test[1], predicted(predictor, *train, test[0], seed)) if len(classes) > 1 else np.nan
        for name, predictor in predictors.items()
    }
    majority = metrics.accuracy(test[1], metrics.majority_row(train[1], len(test[1])))
    return {**scores, "chance": 1 / len(classes), "majority": majority}
