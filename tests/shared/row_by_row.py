"""Methods by their definitions: autograd over one row at a time, in float64, and dense matrices."""

import torch
from random_losses import GOALS
from random_problems import cast, logits


class RowByRow:
    """The gradients of a random problem's rows with respect to parameters of these names.

    Args:
        drawn: the description of the problem.
        problem: whose rows are taken.
        twin: its model in float64 and evaluation mode.
        names: the parameters.
    """

    def __init__(self, drawn, problem, twin, names):
        self.goal, self.problem, self.twin = GOALS[drawn.goal], problem, twin
        for module in twin.modules():
            module.recomputes = False  # the old checkpoints lose gradients, or refuse those of chosen tensors
        own = dict(twin.named_parameters())
        self.parameters = [own[name].requires_grad_() for name in names]

    def losses(self, rows):
        """The losses (n,) of rows, with their graph."""
        return torch.stack([self._loss(self._outputs(row), row.y) for row in split(rows)])

    def gradients(self, rows):
        """The gradients (n, p) of rows."""
        return torch.stack([self._flat(self._loss(self._outputs(row), row.y)) for row in split(rows)])

    def hessian(self):
        """The Hessian (p, p) of the mean training loss."""
        return self._curvature(self.losses(self.problem.train).mean())

    def gauss_newton(self):
        """The mean of JᵀΛJ over the training rows."""
        total = 0
        for row in split(self.problem.train):
            out = self._outputs(row)
            jacobian = torch.stack([self._flat(entry, retain_graph=True) for entry in out.flatten()])
            inner = torch.autograd.functional.hessian(
                lambda flat, y=row.y, shape=out.shape: self._loss(flat.view(shape), y), out.detach().flatten()
            )
            total = total + jacobian.T @ inner @ jacobian / len(self.problem.train)
        return total

    def _outputs(self, row):
        fields = row.x if isinstance(row.x, dict) else {"x": row.x}
        out = logits(self.twin(**cast(fields, torch.float64)))
        return out if out.ndim and len(out) == 1 else out[None]

    def _loss(self, out, y):
        return self.goal.of_row(out, y.double() if y.is_floating_point() else y).sum()

    def _flat(self, value, **more):
        if not value.requires_grad:
            return torch.cat([torch.zeros_like(p).flatten() for p in self.parameters])
        parts = torch.autograd.grad(value, self.parameters, allow_unused=True, materialize_grads=True, **more)
        return torch.cat([part.to_dense().flatten() for part in parts])

    def _curvature(self, value):
        slope = self._flat(value, create_graph=True)
        return torch.stack([self._flat(slope[k], retain_graph=True) for k in range(len(slope))])


def split(rows):
    return [rows[k : k + 1] for k in range(len(rows))]


def inverse(matrix, damping=0.01):
    return torch.linalg.inv(matrix + damping * torch.eye(len(matrix), dtype=matrix.dtype))
