"""Problems with a row that is out of the ordinary."""

import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.problem.examples import Examples


def certain():
    """A linear classifier, and rows of which the last has a probability of 1 and so no gradient."""
    torch.manual_seed(0)
    x = torch.cat([torch.randn(30, 2), torch.tensor([[1000.0, 0.0]])])
    layer = nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight[:] = torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]])
    return layer, x, torch.cat([torch.arange(30) % 3, torch.tensor([0])])


class Overflowing(nn.Sequential):
    """A network whose outputs are not finite for inputs near the largest number."""

    def forward(self, x):
        return super().forward(x * 10 / 10)


def with_an_overflow(problem):
    """The problem with such a network, and with such an input in row 7."""
    x = problem.train.x.clone()
    x[7] = 3e38
    model = Overflowing(*problem.model)
    return ib.Problem(model, Examples(x, problem.train.y), problem.valid, problem.checkpoints)
