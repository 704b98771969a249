"""Closed-form per-sample gradients, one rule per torch function.

A rule takes the layout of the samples, the gradient δ of the function's output, and then the function's own arguments.
It returns the per-sample gradients of each argument that may be a parameter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Size, Tensor
from torch.nn import functional as F

from .convolution import Convolved
from .embedding import Scattered
from .gradient import Gradient, Plain
from .outer import Outer

Uses = list[tuple[Tensor | None, Gradient]]
Rule = Callable[..., Uses]


class NoClosedFormError(Exception):
    """A parameter is used in a way that has no closed form here, so `torch.func` has to compute its gradients."""


@dataclass(frozen=True)
class Place:
    """The layout of the samples in a tensor."""

    axis: int = 0
    """The axis along which the samples lie."""
    count: int = 1
    """Entries of that axis per sample. A batch whose padding is cut off may have fewer: only whether it is 1 counts."""
    alternating: bool = False
    """Whether the samples alternate along the axis (a b a b); otherwise each sample's entries adjoin (a a b b)."""
    shared: bool = False
    """Whether the tensor is computed once for all samples, as the embeddings of positions are."""
    known: bool = True
    """Whether the layout is known; it is not where no closed form reads the tensor."""


@dataclass(frozen=True)
class Samples:
    """The number of samples in a batch and their layout in a tensor."""

    size: int
    place: Place

    def lie_in(self, output: Any) -> bool:
        """Whether an output has the samples where the layout says."""
        if self.place.shared or not self.place.known:
            return True
        if not isinstance(output, Tensor) or output.ndim <= self.place.axis:
            return False
        entries = output.shape[self.place.axis]
        return entries == self.size if self.place.count == 1 else entries % self.size == 0

    def given_to_each(self, tensor: Tensor) -> Tensor:
        """A tensor that all samples share, repeated to (B, ...)."""
        return tensor.expand(self.size, *(tensor.shape[1:] if len(tensor) == 1 else tensor.shape))

    def first(self, tensor: Tensor) -> Tensor:
        """The tensor as (B, ...), or as (B, count, ...) where a sample has several entries along its axis."""
        if self.place.axis:
            tensor = tensor.movedim(self.place.axis, 0)
        if self.place.count == 1:
            return tensor
        if self.place.alternating:
            return tensor.reshape(-1, self.size, *tensor.shape[1:]).transpose(0, 1)
        return tensor.reshape(self.size, -1, *tensor.shape[1:])

    def rows(self, tensor: Tensor) -> Tensor:
        """The tensor as (B, T, width): all axes between the first and the last become positions."""
        tensor = self.first(tensor)
        return tensor.reshape(self.size, -1, tensor.shape[-1])

    def as_they_are(self, tensor: Tensor) -> Tensor:
        """The tensor, which must be (B, ...) already.

        Raises:
            NoClosedFormError: if it is not.
        """
        if self.place != Place():
            raise NoClosedFormError("its samples are not the batch of a convolution or norm")
        return tensor


def linear(samples: Samples, delta: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Uses:
    """y = W x + b."""
    left, right = samples.rows(delta), samples.rows(x)
    return [(weight, Outer(left, right)), (bias, _over_positions(left))]


def addmm(samples: Samples, delta: Tensor, bias: Tensor, x: Tensor, weight: Tensor) -> Uses:
    """y = b + x W, as in the Conv1D of Hugging Face's GPT-2."""
    left, right = samples.rows(x), samples.rows(delta)
    return [(weight, Outer(left, right)), (bias, _over_positions(right))]


def matmul(samples: Samples, delta: Tensor, x: Tensor, weight: Tensor) -> Uses:
    """y = x W for a matrix W."""
    if weight.ndim != 2:
        raise NoClosedFormError("it is a factor of a product, but no matrix")
    return [(weight, Outer(samples.rows(x), samples.rows(delta)))]


def convolution(
    samples: Samples, delta: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Uses:  # fmt: skip
    """Cross-correlation in one to three dimensions, zero padding."""
    x, delta = samples.as_they_are(x), samples.as_they_are(delta)
    kernel = weight.shape[2:]
    stride, dilation = _each(stride, kernel), _each(dilation, kernel)
    if padding == "same":
        reach = [hop * (width - 1) for hop, width in zip(dilation, kernel, strict=True)]
        x = F.pad(x, [side for total in reversed(reach) for side in (total // 2, total - total // 2)])
    padding = _each(0 if isinstance(padding, str) else padding, kernel)
    gradient = Convolved(x, delta, weight.shape, stride, padding, dilation, groups)
    return [(weight, gradient), (bias, Plain(delta.flatten(2).sum(2)))]


def embedding(
    samples: Samples, delta: Tensor, tokens: Tensor, weight: Tensor, padding_idx: int | None = None,
    max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Uses:  # fmt: skip
    """y = W[token]."""
    if max_norm is not None or scale_grad_by_freq:
        raise NoClosedFormError("its embedding scales by norm or frequency")
    tokens = samples.given_to_each(tokens) if samples.place.shared else samples.first(tokens)
    flat, rows = tokens.reshape(samples.size, -1), samples.rows(delta)
    if padding_idx is not None:
        rows = rows * (flat != padding_idx % len(weight))[:, :, None]
    return [(weight, Scattered(flat, rows, len(weight)))]


def layer_norm(
    samples: Samples, delta: Tensor, x: Tensor, normalized_shape: Any, weight: Tensor | None = None,
    bias: Tensor | None = None, eps: float = 1e-5,
) -> Uses:  # fmt: skip
    """y = weight ∘ x̂ + bias over the last axes."""
    shape = Size(normalized_shape)
    delta, normalized = samples.first(delta), samples.first(F.layer_norm(x, shape, eps=eps))
    return [(weight, _reduced(delta * normalized, shape)), (bias, _reduced(delta, shape))]


def rms_norm(
    samples: Samples, delta: Tensor, x: Tensor, normalized_shape: Any, weight: Tensor | None = None,
    eps: float | None = None,
) -> Uses:  # fmt: skip
    """y = weight ∘ x̂ over the last axes."""
    shape = Size(normalized_shape)
    return [(weight, _reduced(samples.first(delta) * samples.first(F.rms_norm(x, shape, eps=eps)), shape))]


def group_norm(
    samples: Samples, delta: Tensor, x: Tensor, groups: int, weight: Tensor | None = None,
    bias: Tensor | None = None, eps: float = 1e-5,
) -> Uses:  # fmt: skip
    """y = weight ∘ x̂ + bias, where each channel has one entry of weight and bias."""
    return _by_channel(samples, delta, F.group_norm(x, groups, eps=eps), weight, bias)


def batch_norm(
    samples: Samples, delta: Tensor, x: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Uses:  # fmt: skip
    """y = weight ∘ x̂ + bias, where each channel has one entry of weight and bias; x̂ from running statistics."""
    return _by_channel(samples, delta, F.batch_norm(x, mean, var, eps=eps), weight, bias)


def add(samples: Samples, delta: Tensor, first: Any, second: Any, *, alpha: float = 1) -> Uses:
    """y = x + b for a b that every sample shares."""
    delta = samples.first(delta)
    return _shared(delta, first) + _shared(delta * alpha, second)


def mul(samples: Samples, delta: Tensor, first: Any, second: Any) -> Uses:
    """y = w ∘ x for a w that every sample shares."""
    return _shared(samples.first(delta * second), first) + _shared(samples.first(delta * first), second)


def expand(samples: Samples, delta: Tensor, shared: Tensor, *sizes: Any) -> Uses:
    """y = b repeated for every sample, as class tokens are."""
    return _shared(samples.first(delta), shared)


def _shared(delta: Tensor, argument: Any) -> Uses:
    """The gradient of an argument that broadcasts over the samples: each sample's δ, summed over its broadcast axes.

    Empty if the argument is no tensor or has entries of its own for each sample.
    """
    missing = delta.ndim - argument.ndim if isinstance(argument, Tensor) else -1
    if missing < 0 or (missing == 0 and argument.shape[0] != 1):
        return []
    shape = [1] * missing + list(argument.shape)
    summed = delta.sum_to_size(len(delta), *shape[1:]).reshape(len(delta), *argument.shape)
    return [(argument, Plain(summed))]


def _over_positions(rows: Tensor) -> Plain:
    return Plain(rows[:, 0] if rows.shape[1] == 1 else rows.sum(1))


def _reduced(delta: Tensor, shape: Size) -> Plain:
    return Plain(delta.reshape(len(delta), -1, *shape).sum(1))


def _by_channel(
    samples: Samples, delta: Tensor, normalized: Tensor, weight: Tensor | None, bias: Tensor | None
) -> Uses:
    delta = samples.as_they_are(delta)
    if delta.ndim == 2:
        return [(weight, Plain(delta * normalized)), (bias, Plain(delta))]
    delta, normalized = delta.flatten(2), normalized.flatten(2)
    return [(weight, Plain(torch.linalg.vecdot(delta, normalized))), (bias, Plain(delta.sum(2)))]


def _each(value: Any, kernel: Size) -> tuple[int, ...]:
    return (value,) * len(kernel) if isinstance(value, int) else tuple(value) * (len(kernel) // len(value))


ALGEBRA: Mapping[Callable[..., Any], Rule] = {
    F.linear: linear,
    torch.addmm: addmm,
    **dict.fromkeys((torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__), matmul),
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), convolution),
    F.embedding: embedding,
    F.layer_norm: layer_norm,
    F.rms_norm: rms_norm,
    F.group_norm: group_norm,
    F.batch_norm: batch_norm,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__), add),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__), mul),
    Tensor.expand: expand,
}
"""The rule for each torch function that has a closed form."""
