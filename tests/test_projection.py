"""Random projections of gradients against the product with the explicit matrix, in float64, and their statistics."""

import warnings
from dataclasses import replace
from functools import partial

import pytest
import torch
from networks import CLASSES, CLOSED, FALLBACKS, naive, problem_of
from torch import nn

import influence_bench as ib
from influence_bench.methods.gradients import Dense, Factored, Sparse, gradient_space
from influence_bench.methods.gradients.convolution import Convolved
from influence_bench.methods.gradients.embedding import Scattered
from influence_bench.methods.gradients.outer import Outer
from influence_bench.methods.gradients.signs import key, places, signs, words

MASK = 2**64 - 1
MAKE = {"dense": partial(Dense, 70), "sparse": partial(Sparse, 12, s=3), "factored": partial(Factored, 3, 2)}


def splitmix64(state):
    """The published generator's output at a state, in Python's integers."""
    z = state & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def block(projection, name, parameter):
    """The rows (numbers of the parameter, k) of the projection's matrix that a parameter goes through."""
    index = torch.arange(parameter.numel())
    if isinstance(projection, Dense):
        return signs(key(projection.seed, name), index, projection.k, torch.float64).T / projection.k**0.5
    if isinstance(projection, Sparse):
        matrix = torch.zeros(len(index), projection.k, dtype=torch.float64)
        for column, negative in zip(*places(key(projection.seed, name), index, projection.k, projection.s), strict=True):
            matrix[index, column] += (1 - 2.0 * negative) / projection.s**0.5
        return matrix
    sides = []
    for side, length, k in (
        ("left", len(parameter), projection.j),
        ("right", parameter[0].numel(), projection.k),
    ):
        drawn = signs(key(projection.seed, f"{name} {side}"), torch.arange(length), k, torch.float64).T / k**0.5
        sides.append(drawn if length > k else torch.eye(length, dtype=torch.float64))
    return torch.kron(*(side.contiguous() for side in sides))


def explicit(projection, parameters):
    """The whole matrix (p, k)."""
    blocks = [block(projection, name, parameter) for name, parameter in parameters.items()]
    return torch.block_diag(*blocks) if isinstance(projection, Factored) else torch.cat(blocks)


def check(problem, kind, layers="all"):
    """Both splits' projected gradients against the definition."""
    projection, space = MAKE[kind](7), gradient_space(problem, layers)
    matrix = explicit(projection, space.parameters)
    for gradients, rows in ((space.train, problem.train), (space.valid, problem.valid)):
        ours, theirs = gradients.projected(projection), naive(problem, rows, list(space.parameters)) @ matrix
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-9, atol=1e-9 * float(theirs.abs().max()))
    return space


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("network", CLOSED)
def test_projections_equal_the_product_with_the_matrix(network, kind):
    check(problem_of(*CLOSED[network]), kind)


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("network", FALLBACKS)
def test_projections_of_what_has_no_closed_form_are_the_same_products(network, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        check(problem_of(*FALLBACKS[network][:2]), kind)


@pytest.mark.parametrize("kind", MAKE)
def test_small_blocks_give_the_same(monkeypatch, kind):
    for name, numbers in (("FORMED", 30), ("HASHED", 30), ("DRAWN", 300)):
        monkeypatch.setattr(f"influence_bench.methods.gradients.projection.{name}", numbers)
    monkeypatch.setattr("influence_bench.methods.gradients.gradient.PIECE", 30)
    for network in ("encoder", "called twice", "conv2d, groups", "tied embedding"):
        check(problem_of(*CLOSED[network]), kind)
