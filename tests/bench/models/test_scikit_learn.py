"""Fitted scikit-learn classifiers become the same functions in torch."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import influence_bench as ib

X, Y = load_iris(return_X_y=True)
BINARY = Y < 2
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def with_probabilities():
    yield LogisticRegression(C=100.0)
    yield SGDClassifier(loss="log_loss", random_state=0)  # one against the rest
    yield LinearDiscriminantAnalysis()
    for activation in ("relu", "tanh", "logistic", "identity"):
        yield MLPClassifier((8, 5), activation=activation, max_iter=60, random_state=0)
    yield make_pipeline(StandardScaler(), LogisticRegression())
    yield make_pipeline(StandardScaler(with_mean=False), MLPClassifier((8,), max_iter=60, random_state=0))
    yield make_pipeline("passthrough", StandardScaler(with_std=False), LogisticRegression(fit_intercept=False))


def with_decisions():
    yield LinearSVC(random_state=0)
    yield SGDClassifier(loss="hinge", random_state=0)
    yield SGDClassifier(loss="modified_huber", random_state=0)
    yield RidgeClassifier()
    yield make_pipeline(StandardScaler(), LinearSVC(random_state=0))


def logits(classifier, x):
    with torch.no_grad():
        return ib.from_sklearn(classifier)(torch.tensor(x))


@pytest.mark.parametrize("rows", [BINARY, Y < 3], ids=["binary", "three classes"])
@pytest.mark.parametrize("classifier", list(with_probabilities()), ids=str)
def test_the_softmax_of_the_logits_is_predict_proba(classifier, rows):
    x, y = X[rows], Y[rows]
    found = logits(classifier.fit(x, y), x).softmax(1)
    np.testing.assert_allclose(found, classifier.predict_proba(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("classifier", list(with_decisions()), ids=str)
def test_without_probabilities_the_logits_are_the_decision_function(classifier):
    np.testing.assert_allclose(logits(classifier.fit(X, Y), X), classifier.decision_function(X), rtol=1e-6, atol=1e-6)
    two = classifier.fit(X[BINARY], Y[BINARY])
    low, high = logits(two, X[BINARY]).T
    np.testing.assert_allclose(high - low, two.decision_function(X[BINARY]), rtol=1e-6, atol=1e-6)


def test_a_fitted_classifier_is_a_problems_model():
    rng = np.random.default_rng(0)
    wrong = rng.random(len(Y)) < 0.1
    y = np.where(wrong, (Y + 1) % 3, Y)
    names = np.array(["setosa", "versicolor", "virginica"])
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, names[y])
    given = np.searchsorted(fitted.classes_, names[y])
    problem = ib.Problem(ib.from_sklearn(fitted), train=(X, given), valid=(X[~wrong], Y[~wrong]))
    for name in ("el2n", "tracin", "influence-self"):
        assert ib.evaluate(ib.score(name, problem), wrong)["roc_auc"] > 0.9, name
    expected = 1 - fitted.predict_proba(X)[np.arange(len(y)), given]
    np.testing.assert_allclose(ib.score("self-confidence", problem), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (RandomForestClassifier(3), "RandomForestClassifier cannot become a torch module: .* takes linear classifiers"),
        (SVC(kernel="linear"), "SVC cannot become a torch module"),  # one against one: other rows than classes
        (make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()), "OneHotEncoder cannot become"),
    ],
)
def test_what_has_no_equal_in_torch_is_refused_in_one_line(classifier, message):
    with pytest.raises(ib.InputError, match=message):
        ib.from_sklearn(classifier.fit(X, Y))


@pytest.mark.parametrize("thing", [LogisticRegression(), make_pipeline(StandardScaler(), LinearSVC()), "a string"])
def test_what_is_not_fitted_is_refused_in_one_line(thing):
    with pytest.raises(ib.InputError, match=r"not fitted yet|not an estimator") as refused:
        ib.from_sklearn(thing)
    assert "\n" not in str(refused.value)
