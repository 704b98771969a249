"""A small game of training rows, its utility written out, and values enumerated over all subsets."""

from math import comb

import numpy as np
import torch
from scipy.special import beta as beta_function
from torch import nn

import influence_bench as ib


def problem(n=7, m=9, seed=0, **more):
    """A linear model, whose last layer's inputs are the rows themselves."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n + m, 2)), rng.integers(0, 3, n + m)
    x += 2 * np.array([[0, 1], [1, -0.5], [-1, -0.5]])[y]
    rows, labels = torch.tensor(x), torch.tensor(y)
    return ib.Problem(nn.Linear(2, 3).double(), (rows[:n], labels[:n]), (rows[n:], labels[n:]), **more)


def utility(given, rows, kind="squared-error"):
    """The utility of some rows, written out: ridge regression as least squares with three more equations."""
    x, vx = given.train.x.numpy(), given.valid.x.numpy()
    mean, deviation = x.mean(0), x.std(0)
    x, vx = (np.hstack([(part - mean) / deviation, np.ones((len(part), 1))]) for part in (x, vx))
    y, vy = np.eye(3)[given.train.y], np.eye(3)[given.valid.y]
    rows = list(rows)
    weight = np.linalg.lstsq(np.vstack([x[rows], np.eye(3)]), np.vstack([y[rows], np.zeros((3, 3))]))[0]
    if kind == "squared-error":
        return -((vx @ weight - vy) ** 2).sum(1).mean()
    outputs = vx @ weight
    best = outputs > outputs.max(1, keepdims=True) - 1e-12  # classes that no row has share what is left
    return (best * vy).sum(1).dot(1 / best.sum(1)) / len(vy)


def semivalues(n, worth, weight):
    """Σ_S weight(|S|) (U(S + i) - U(S)) over all subsets S without i."""
    table = [worth([row for row in range(n) if subset >> row & 1]) for subset in range(2**n)]
    values = np.zeros(n)
    for row in range(n):
        for subset in range(2**n):
            if not subset >> row & 1:
                values[row] += weight(subset.bit_count()) * (table[subset | 1 << row] - table[subset])
    return values


def shapley_weight(n):
    return lambda size: 1 / (n * comb(n - 1, size))


def beta_weight(n, alpha, beta):
    return lambda size: beta_function(size + beta, n - size - 1 + alpha) / beta_function(alpha, beta)
