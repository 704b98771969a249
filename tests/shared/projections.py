"""The matrices of random projections as a whole, which the engine never forms."""

import torch

from influence_bench.methods.gradients.projection import Dense, Factored, Sparse
from influence_bench.methods.gradients.signs import key, places, signs


def block(projection, name, parameter):
    """The rows (entries of the parameter, k) of the projection's matrix that belong to a parameter."""
    index = torch.arange(parameter.numel())
    if isinstance(projection, Dense):
        return signs(key(projection.seed, name), index, projection.k, torch.float64).T / projection.k**0.5
    if isinstance(projection, Sparse):
        matrix = torch.zeros(len(index), projection.k, dtype=torch.float64)
        for column, negative in zip(
            *places(key(projection.seed, name), index, projection.k, projection.s), strict=True
        ):
            matrix[index, column] += (1 - 2 * negative.double()) / projection.s**0.5
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
