"""Problems with an unusual row."""

import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.problem.examples import Examples


def certain():
    """A linear classifier, and rows: the last has the probability 1, and so the gradient 0."""
    torch.manual_seed(0)
    x = torch.cat([torch.randn(30, 2), torch.tensor([[1000.0, 0.0]])])
    layer = nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight[:] = torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]])
    return layer, x, torch.cat([torch.arange(30) % 3, torch.tensor([0])])


class Overflowing(nn.Sequential):
    """A network whose outputs overflow for inputs near the largest float."""

    def forward(self, x):
        return super().forward(x * 10 / 10)


def with_an_overflow(problem):
    """The problem with a network that overflows for the input of row 7, and for no other."""
    x = problem.train.x.clone()
    x[7] = 3e38
    model = Overflowing(*problem.model)
    return ib.Problem(model, Examples(x, problem.train.y), problem.valid, problem.checkpoints)
