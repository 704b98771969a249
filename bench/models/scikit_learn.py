"""Fitted scikit-learn classifiers as torch modules, so that methods can score them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError

TAKES = (
    "linear classifiers (LogisticRegression, SGDClassifier, LinearSVC, RidgeClassifier, ...) and MLPClassifier, "
    "alone or behind StandardScaler in a Pipeline"
)
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "identity": nn.Identity}
TOLERANCE = 1e-6


def from_sklearn(fitted: Any) -> nn.Sequential:
    """Convert a fitted linear or MLP classifier to a torch module from features (n, d) to logits (n, classes), float64.

    The softmax of the logits equals `predict_proba`. If a linear classifier has no `predict_proba`, or if no logits
    give it (`modified_huber`), the logits equal its `decision_function`; a binary classifier then has two logits, minus
    and plus half of the decision function. The conversion checks on rows of many scales that both agree to 1e-6. A
    scaler becomes a first layer without parameters.

    The labels of a problem index the classes in the order of `classes_`: `np.searchsorted(fitted.classes_, y)`.

    Args:
        fitted: LogisticRegression, SGDClassifier, LinearSVC, RidgeClassifier or another linear classifier, or
            MLPClassifier; or a Pipeline of StandardScaler and one of these.

    Raises:
        InputError: if it is not fitted, or is another kind of estimator.
    """
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(fitted)
    except (NotFittedError, TypeError) as error:
        raise InputError(f"from_sklearn: {' '.join(str(error).split())}") from error
    *before, classifier = fitted.named_steps.values() if hasattr(fitted, "named_steps") else [fitted]
    scalers = [_scaler(step) for step in before if step not in (None, "passthrough")]
    layers = [*scalers, *_layers(classifier)]
    x = _probes(classifier.n_features_in_, scalers)
    for last in ([], [nn.LogSigmoid()]):  # one-vs-rest probabilities are normalised sigmoids
        module = nn.Sequential(*layers, *last).eval()
        if _agrees(module, fitted, "predict_proba", x):
            return module
    module = nn.Sequential(*layers).eval()
    if _agrees(module, fitted, "decision_function", x):
        return module
    raise _refused(classifier)


class Standardize(nn.Module):
    """(x - mean) / scale for each feature."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, d) to (n, d)."""
        return (x - self.mean) / self.scale


def _scaler(step: Any) -> Standardize:
    from sklearn.preprocessing import StandardScaler

    if not isinstance(step, StandardScaler):
        raise _refused(step)
    mean = step.mean_ if step.with_mean else np.zeros(step.n_features_in_)
    scale = step.scale_ if step.with_std else np.ones(step.n_features_in_)
    return Standardize(torch.tensor(mean), torch.tensor(scale))


def _layers(classifier: Any) -> list[nn.Module]:
    """The layers of a classifier, with a logit for each class."""
    from sklearn.neural_network import MLPClassifier

    if isinstance(classifier, MLPClassifier):
        activation = ACTIVATIONS[classifier.activation]
        pairs = zip(classifier.coefs_, classifier.intercepts_, strict=True)
        *hidden, (weight, bias) = ((weight.T, bias) for weight, bias in pairs)
        layers = [layer for pair in hidden for layer in (_linear(*pair), activation())]
    elif all(hasattr(classifier, name) for name in ("coef_", "intercept_", "classes_")):
        layers, weight, bias = [], classifier.coef_, classifier.intercept_
    else:
        raise _refused(classifier)
    weight = np.atleast_2d(weight.toarray() if hasattr(weight, "toarray") else weight)
    bias = np.broadcast_to(bias, len(weight))
    if len(weight) == 1:
        weight, bias = np.concatenate((-weight, weight)) / 2, np.concatenate((-bias, bias)) / 2
    return [*layers, _linear(weight, bias)]


def _linear(weight: Any, bias: Any) -> nn.Linear:
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs, dtype=torch.float64)
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    return layer


def _probes(d: int, scalers: Iterable[Standardize]) -> Tensor:
    """Rows (40, d) of many scales, around the mean that the scalers subtract."""
    scales = torch.logspace(-3, 1, 40, dtype=torch.float64)[:, None]
    x = torch.randn(40, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * scales
    for scaler in scalers:
        x = x * scaler.scale + scaler.mean
    return x


@torch.no_grad()
def _agrees(module: nn.Module, fitted: Any, function: str, x: Tensor) -> bool:
    """Whether the module's outputs equal `predict_proba` or `decision_function` of the classifier on the rows."""
    if not hasattr(fitted, function):
        return False
    logits, expected = module(x), np.asarray(getattr(fitted, function)(x.numpy()))
    outputs = logits.softmax(1) if function == "predict_proba" else logits
    if expected.ndim == 1:
        outputs = logits[:, 1] - logits[:, 0]
    same_shape = outputs.shape == expected.shape
    return same_shape and np.allclose(outputs.numpy(), expected, rtol=TOLERANCE, atol=TOLERANCE)


def _refused(step: Any) -> InputError:
    return InputError(f"{type(step).__name__} cannot become a torch module: from_sklearn takes {TAKES}")
