"""Datasets that scikit-learn includes, without a download."""

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from ..source import Source, dataset

SHIPPED = "scikit-learn's sklearn.datasets, from the UCI repository"


@dataset(
    kind="image",
    source=SHIPPED,
    licence="CC BY 4.0",
    citation="Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits",
)
def digits() -> Source:
    """1,797 handwritten digits of 8 × 8 pixels, as 64 features."""
    data = load_digits()
    return Source(torch.tensor(data.data / 16).float(), torch.tensor(data.target), tuple(map(str, range(10))))


@dataset(
    kind="table",
    source=SHIPPED,
    licence="CC BY 4.0",
    citation="Wolberg et al. 1995, Breast Cancer Wisconsin (Diagnostic)",
)
def breast_cancer() -> Source:
    """569 tumours with 30 features: malignant or benign."""
    return _table(load_breast_cancer())


@dataset(kind="table", source=SHIPPED, licence="CC BY 4.0", citation="Aeberhard & Forina 1992, Wine")
def wine() -> Source:
    """178 wines with 13 chemical features: which of three growers made them."""
    return _table(load_wine())


@dataset(kind="table", source=SHIPPED, licence="CC BY 4.0", citation="Fisher 1936, Iris")
def iris() -> Source:
    """150 flowers with 4 measurements: which of three species they are."""
    return _table(load_iris())


def _table(data: Any) -> Source:
    names = tuple(map(str, data.target_names))
    return Source(torch.tensor(data.data).float(), torch.tensor(data.target), names, standardize=True)
