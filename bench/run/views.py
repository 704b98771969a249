"""What a picture of a problem shows; a report never computes it, since it may be made on another machine."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from ...methods.gradients.space import gradient_space
from ..errors import InputError
from ..problem.problem import Problem


def view(problem: Problem) -> Mapping[str, NDArray[Any]]:
    """The training rows as points.

    Returns:
        `x`, their inputs (n, d); `given`, their labels (n,); `components`, the first two principal components (n, 2) of
        their last-layer gradients; `shares` (2,) of the gradients' variance that each component holds.

    Raises:
        InputError: if the inputs are not features (n, d).
    """
    x = problem.train.x
    if getattr(x, "ndim", 0) != 2:
        raise InputError("views = true needs features (n, d): take it out of the suite")
    gradients = gradient_space(problem, "last").train.matrix().double().numpy()
    components = PCA(2).fit(gradients)
    return {
        "x": x.numpy(),
        "given": problem.train.y.numpy(),
        "components": components.transform(gradients),
        "shares": np.asarray(components.explained_variance_ratio_),
    }
