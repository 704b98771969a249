"""Gradients and curvature of a small problem, computed densely by `torch.func` in float64."""

import numpy as np
import torch
from torch.func import functional_call, grad, hessian, vmap
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted

LAST = 27  # parameters of the planted network's last layer


class Oracle:
    """The planted problem in any precision, and its gradients and Hessians over all parameters in float64."""

    def __init__(self, dtype):
        given, self.is_noisy = planted()
        checkpoints = [({k: v.to(dtype) for k, v in c.state.items()}, c.learning_rate) for c in given.checkpoints]
        self.problem = ib.Problem(given.model.to(dtype), given.train, given.valid, checkpoints, batch_size=32)
        self.states = [{k: v.double() for k, v in c.state.items()} for c in self.problem.checkpoints]
        self.rates = [c.learning_rate for c in self.problem.checkpoints]
        self.classes = self.problem.valid.y.unique()

    def _loss(self, state):
        names = [name for name, _ in self.problem.model.named_parameters()]
        sizes = [state[name].numel() for name in names]

        def loss(flat, x, y):
            pieces = zip(names, flat.split(sizes), strict=True)
            weights = {name: piece.reshape(state[name].shape) for name, piece in pieces}
            return F.cross_entropy(functional_call(self.problem.model.eval(), weights, (x[None],)), y[None])

        return loss, torch.cat([state[name].flatten() for name in names])

    def gradients(self, split, k=-1):
        """Gradients (n, p) at the k-th checkpoint; the last checkpoint is the model as it stands."""
        loss, flat = self._loss(self.states[k])
        rows = getattr(self.problem, split)
        return vmap(grad(loss), (None, 0, 0))(flat, rows.x.double(), rows.y)

    def hessian(self, k=-1):
        """The Hessian (p, p) of the mean training loss at the k-th checkpoint."""
        loss, flat = self._loss(self.states[k])
        train = self.problem.train
        return hessian(lambda w: vmap(loss, (None, 0, 0))(w, train.x.double(), train.y).mean())(flat)

    def queries(self, against, k=-1):
        """The mean gradient v of each query, (p, queries), at the k-th checkpoint."""
        if against == "training":
            return self.gradients("train", k).mean(0)[:, None]
        valid = self.gradients("valid", k)
        if against == "validation":
            return valid.mean(0)[:, None]
        return torch.stack([valid[self.problem.valid.y == label].mean(0) for label in self.classes], 1)


def close(ours, theirs, rtol=1e-6):
    """Assert that two arrays differ by at most a share of the second, in the L2 norm."""
    ours, theirs = (np.asarray(a, dtype=float) for a in (ours, theirs))
    assert np.linalg.norm(ours - theirs) <= rtol * np.linalg.norm(theirs)
