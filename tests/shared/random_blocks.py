"""Blocks that random models are made of, by the form of what they map to the same form: rows, sequences or images."""

import warnings

import torch
from modules import Hidden
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

D, T = 4, 3
"""The width of rows, and the positions of sequences."""


class By(nn.Module):
    """A function of some modules and parameters, and the inputs."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part) if isinstance(part, torch.Tensor) else part)

    def forward(self, x):
        return self.function(self, x)


class OnceDifferentiable(torch.autograd.Function):
    """A product with a matrix, in the old style, that cannot be differentiated twice."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, delta):
        x, weight = ctx.saved_tensors
        return delta @ weight, delta.flatten(0, -2).T @ x.flatten(0, -2)


class Recomputed(nn.Module):
    """A layer whose activations are recomputed in the backward pass, unless `recomputes` is false."""

    def __init__(self, **more):
        super().__init__()
        self.fc, self.more, self.recomputes = linear(), more, True

    def forward(self, x):
        return checkpoint(self.fc, x, **self.more) if self.recomputes else self.fc(x)


class Unregistered(nn.Module):
    """A layer that is used a second time through a list, which hides it from the model's own modules."""

    def __init__(self):
        super().__init__()
        self.fc = linear()
        self.hidden = [self.fc.weight]

    def forward(self, x):
        return torch.tanh(F.linear(self.fc(x), self.hidden[0]))


def linear(**more):
    return nn.Linear(D, D, **more)


def matrix(*shape):
    return torch.randn(*(shape or (D, D))) / 2


def old(make):
    """A deprecated reparametrisation, without its warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def routed(self, x):
    """Each row goes through the layer that its first entry chooses."""
    left, flat = x[..., 0].flatten() < 0, x.reshape(-1, D)
    out = torch.zeros_like(flat)
    if left.any():
        out = out.index_put((left.nonzero()[:, 0],), self.a(flat[left]))
    if not left.all():
        out = out.index_put(((~left).nonzero()[:, 0],), self.b(flat[~left]))
    return out.reshape(x.shape)


def ordered(self, x):
    """Rows in the order of their first entries, as recurrent networks sort them by length, and back."""
    order = x.reshape(len(x), -1)[:, 0].argsort(descending=True, stable=True)
    return torch.tanh(self.fc(x[order]))[order.argsort()]


def prescaled(self, x):
    return self.fc(x)


def with_hooks(layer):
    """A layer with hooks of the user's own, which change what goes in and what comes out."""
    layer.register_forward_pre_hook(lambda _, inputs: (inputs[0] * 1.5,))
    layer.register_forward_hook(lambda _, inputs, output: output + 0.25)
    return layer


def frozen(module):
    return module.requires_grad_(False)


def low_rank(self, x):
    return self.base(x) + 2 * self.b(self.a(x))


def without_gradient(self, x):
    with torch.no_grad():
        h = torch.tanh(self.a(x))
    return self.b(h)


def in_place(self, x):
    h = self.fc(x)
    h += self.bias
    h[..., 0] *= 2
    return F.relu_(h) + x


ROWS = {
    "linear": lambda: nn.Sequential(linear(), nn.Tanh()),
    "linear without bias": lambda: nn.Sequential(linear(bias=False), nn.ReLU(inplace=True)),
    "dropout": lambda: nn.Sequential(nn.Dropout(0.3), linear(), nn.GELU()),
    "residual": lambda: By(lambda self, x: x + torch.tanh(self.fc(x)), fc=linear()),
    "used twice": lambda: By(lambda self, x: self.fc(torch.tanh(self.fc(x))), fc=linear()),
    "layer norm": lambda: nn.LayerNorm(D),
    "rms norm": lambda: nn.RMSNorm(D),
    "weight norm": lambda: parametrizations.weight_norm(linear()),
    "weight norm, old": lambda: old(lambda: nn.utils.weight_norm(linear())),
    "spectral norm": lambda: parametrizations.spectral_norm(linear()),
    "spectral norm, old": lambda: old(lambda: nn.utils.spectral_norm(linear())),
    "orthogonal": lambda: parametrizations.orthogonal(linear()),
    "parametric activation": lambda: nn.Sequential(linear(), nn.PReLU()),
    "bilinear": lambda: By(lambda self, x: self.fc(x, torch.tanh(x)), fc=nn.Bilinear(D, D, D)),
    "low rank": lambda: By(low_rank, base=frozen(linear()), a=nn.Linear(D, 2, bias=False), b=nn.Linear(2, D)),
    "scale": lambda: By(lambda self, x: torch.tanh(x * self.w) + self.b, w=matrix(D), b=matrix(D)),
    "scalar": lambda: By(lambda self, x: self.fc(x) * self.w.exp(), w=torch.tensor(0.1), fc=linear()),
    "right product": lambda: By(lambda self, x: x @ self.w, w=matrix()),
    "left product": lambda: By(lambda self, x: (self.w @ x.transpose(-1, -2)).transpose(-1, -2), w=matrix()),
    "einsum": lambda: By(lambda self, x: torch.einsum("...i,ij->...j", x, self.w), w=matrix()),
    "keyword": lambda: By(lambda self, x: F.linear(input=x, weight=self.w, bias=self.b), w=matrix(), b=matrix(D)),
    "slice": lambda: By(lambda self, x: torch.tanh(F.linear(x, self.w[:D])), w=matrix(D + 1, D)),
    "product of parameters": lambda: By(lambda self, x: F.linear(x, self.a @ self.b), a=matrix(), b=matrix()),
    "joined parameters": lambda: By(
        lambda self, x: F.linear(x, torch.cat([self.a, self.b])), a=matrix(1, D), b=matrix(D - 1, D)
    ),
    "list": lambda: By(lambda self, x: x @ self.ws[0] + x @ self.ws[1], ws=nn.ParameterList([matrix(), matrix()])),
    "dictionary": lambda: By(lambda self, x: self.m["a"](x) - x, m=nn.ModuleDict({"a": linear(), "idle": linear()})),
    "own function": lambda: By(lambda self, x: Hidden.apply(x.flatten(0, -2), self.w).view(x.shape), w=matrix()),
    "once differentiable": lambda: By(lambda self, x: OnceDifferentiable.apply(x, self.w), w=matrix()),
    "checkpointed": lambda: Recomputed(use_reentrant=False),
    "checkpointed, old": lambda: Recomputed(use_reentrant=True),
    "routed": lambda: By(routed, a=linear(), b=linear()),
    "switched": lambda: By(lambda self, x: torch.where(x > 0, self.a(x), self.b(x)), a=linear(), b=linear()),
    "mixture": lambda: By(
        lambda self, x: (torch.stack([self.a(x), self.b(x)], -1) * self.gate(x).softmax(-1)[..., None, :]).sum(-1),
        a=linear(), b=linear(), gate=nn.Linear(D, 2),
    ),
    "ordered": lambda: By(ordered, fc=linear()),
    "row by row": lambda: By(lambda self, x: torch.stack([torch.tanh(self.fc(row)) for row in x]), fc=linear()),
    "hooks": lambda: By(prescaled, fc=with_hooks(linear())),
    "no gradient": lambda: By(without_gradient, a=linear(), b=linear()),
    "detached": lambda: By(lambda self, x: self.a(x).detach() + self.b(x), a=linear(), b=linear()),
    "in place": lambda: By(in_place, fc=linear(), bias=matrix(D)),
    "unregistered": Unregistered,
    "frozen": lambda: frozen(linear()),
    "half frozen": lambda: (layer := linear(), layer.bias.requires_grad_(False))[0],
    "idle": lambda: By(lambda self, x: x, fc=linear()),
    "double inside": lambda: By(lambda self, x: self.fc(x.double()).to(x.dtype), fc=linear().double()),
    "spectrum": lambda: By(lambda self, x: torch.fft.irfft(torch.fft.rfft(x) * self.w, n=D), w=matrix(D // 2 + 1)),
    "complex": lambda: By(
        lambda self, x: (x.to(self.w.dtype) @ self.w).real.to(x.dtype), w=torch.randn(D, D, dtype=torch.cfloat)
    ),
    "distances": lambda: By(lambda self, x: -torch.cdist(x, self.w.expand(*x.shape[:-2], D, D)), w=matrix()),
    "scripted": lambda: torch.jit.script(nn.Sequential(linear(), nn.Tanh())),
    "item": lambda: By(lambda self, x: self.fc(x) if float(self.s) > -9 else x, fc=linear(), s=torch.tensor(0.0)),
}  # fmt: skip
"""Blocks (..., D) -> (..., D)."""
