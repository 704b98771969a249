"""Datasets that scikit-learn ships: no download."""

import torch
from sklearn.datasets import load_breast_cancer, load_digits

from .dataset import Source, dataset

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
    """569 tumours in 30 features: malignant or benign."""
    data = load_breast_cancer()
    names = tuple(map(str, data.target_names))
    return Source(torch.tensor(data.data).float(), torch.tensor(data.target), names, standardize=True)
