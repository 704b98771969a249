"""The Fisher information of small networks by its definition, layer by layer, in float64."""

import copy

import torch
from networks import images
from torch import nn
from torch.nn import functional as F


def two_layers():
    """A convolution, whose weight is used at every pixel, and a linear layer, each with a bias."""
    return images(nn.Conv2d(2, 3, 3, stride=2, padding=1))


def of_a_sequence():
    """A linear layer at every position of a sequence, the mean over positions, a linear layer; both with a bias."""
    mean = nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten()
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), *mean, nn.Linear(4, 3))


AT_POSITIONS = {"pixels": (two_layers, (2, 6, 6)), "sequence": (of_a_sequence, (3, 5))}


def layer_by_layer(problem, examples, labels, k=-1):
    """Inputs a (n, T, in + 1) and output gradients δ (n, T, out) of both layers under some labels, at a checkpoint."""
    model = copy.deepcopy(problem.model).eval()
    model.load_state_dict(problem.checkpoints[k].state)
    first, last = model[0], model[-1]
    calls = {}
    for layer in (first, last):
        layer.register_forward_hook(lambda m, x, z: calls.__setitem__(m, (x[0], z)))
    loss = F.cross_entropy(model(examples.x), labels, reduction="sum")
    inputs, delta = calls[first][0], torch.autograd.grad(loss, [calls[first][1], calls[last][1]])
    if isinstance(first, nn.Conv2d):
        inputs, delta = F.unfold(inputs, 3, padding=1, stride=2).mT, (delta[0].flatten(2).mT, delta[1])
    a = [F.pad(part.detach(), (0, 1), value=1.0) for part in (inputs, calls[last][0][:, None])]
    return list(zip(a, (delta[0], delta[1][:, None]), strict=True))


def gradients(problem, examples, k=-1):
    """The gradients (n, p) of each layer, at a checkpoint."""
    layers = layer_by_layer(problem, examples, examples.y, k)
    return [torch.einsum("nto,nti->noi", delta, a).flatten(1) for a, delta in layers]


def dense(problem, form, labels, checkpoints=(-1,)):
    """Eigenvectors (p, p) and eigenvalues (p,) of each layer's Fisher information, averaged over checkpoints."""
    decompositions = []
    for layer in zip(*(layer_by_layer(problem, problem.train, labels, k) for k in checkpoints), strict=True):
        a, delta = (torch.cat(parts) for parts in zip(*layer, strict=True))
        n, positions = a.shape[:2]
        outputs = torch.einsum("nto,ntp->op", delta, delta) / (n * positions)
        inputs = torch.einsum("nti,ntj->ij", a, a) / n
        (s, q_s), (t, q_a) = torch.linalg.eigh(outputs), torch.linalg.eigh(inputs)
        q = torch.kron(q_s, q_a)
        g = torch.einsum("nto,nti->noi", delta, a).flatten(1)
        decompositions.append((q, (g @ q).square().mean(0) if form == "ekfac" else torch.kron(s, t)))
    return decompositions
