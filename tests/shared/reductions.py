"""The gradient engine's results compared with plain autograd."""

import torch
from networks import naive

from influence_bench.methods.gradients.space import gradient_space


def check_every_reduction(problem, layers, rtol):
    """Every reduction of the training and validation rows' gradients equals that of autograd's, row by row."""
    space = gradient_space(problem, layers)
    names = [space.prefix + name for name in space.parameters]
    g, v = naive(problem, problem.train, names), naive(problem, problem.valid, names).mean(0)
    weights = torch.linspace(-1, 2, len(g), dtype=torch.float64)
    chosen = torch.randint(space.size, (9,))

    def same(ours, theirs):
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=rtol, atol=rtol * float(theirs.abs().max()))

    direction, other = space.valid.mean(), space.train.weighted_sum(weights)
    same(space.train.squared_l2(), g.square().sum(1))
    same(space.train.l1(), g.abs().sum(1))
    same(space.train.largest(), g.abs().amax(1))
    same(space.vector(direction), v)
    same(space.train.inner(direction), g @ v)
    same(space.vector(other), weights @ g)
    same(space.train.inners([direction, other]), torch.stack([g @ v, g @ (weights @ g)], 1))
    same(space.train.cross(space.valid), g @ naive(problem, problem.valid, names).T)
    same(space.train.coordinates(chosen), g[:, chosen])
    same(space.train.matrix(), g)
    layer_sizes = space.layer_sizes.tolist()
    same(space.train.squared_l2_by_layer(), torch.stack([p.square().sum(1) for p in g.split(layer_sizes, 1)], 1))
    assert sum(layer_sizes) == space.size == g.shape[1]
