"""The per-sample weight gradients of a convolution, from its inputs and the gradients of its outputs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Size, Tensor
from torch.nn import functional as F

from .arithmetic import gram, gram_costs_less, in_pieces, rows_at_a_time, second_moments, summed, vecdot
from .gradient import Gradient
from .outer import Outer


@dataclass(frozen=True)
class Convolved(Gradient):
    """A convolution's weight gradient, from its input `x` (B, in, ...) and output gradients `delta` (B, out, ...)."""

    x: Tensor
    delta: Tensor
    weight: Size
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def shape(self) -> Size:
        return self.weight

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice) -> "Convolved":
        return Convolved(
            self.x[rows], self.delta[rows], self.weight, self.stride, self.padding, self.dilation, self.groups
        )

    @property
    def positions(self) -> int:
        """T, the positions of the output."""
        return self.delta.shape[2:].numel()

    def strips(self, numbers: int) -> Iterator[tuple[int, Gradient]]:
        """A few output channels at a time; a grouped convolution is not split."""
        for rows in rows_at_a_time(self.shape, numbers) if self.groups == 1 else [slice(0, self.shape[0])]:
            delta = self.delta[:, rows]
            weight = Size((delta.shape[1], *self.shape[1:]))
            yield rows.start * self.shape[1:].numel(), replace(self, delta=delta, weight=weight)

    def projected(self, left: Tensor, right: Tensor) -> Outer | None:
        """The inputs are projected by a convolution with the columns of `right` as kernels."""
        if self.groups > 1:
            return None
        into, none = self.shape[1:].numel(), [0] * len(self.stride)
        weight = right[:into].T.reshape(-1, *self.shape[1:])
        bias = right[into] if len(right) > into else None
        factor = torch.convolution(self.x, weight, bias, self.stride, self.padding, self.dilation, False, none, 1)
        return Outer(self._by_position @ left, factor.flatten(2).mT)

    @property
    def of_constant(self) -> Tensor:
        return self.delta.flatten(2).sum(2)

    def covariances(self, constant: bool) -> tuple[Tensor, Tensor, int] | None:
        """From the output gradients and the patches, position by position."""
        if self.groups > 1:
            return None
        patches = self._windows.movedim(0, len(self.shape) - 1).reshape(self.shape[1:].numel(), -1)
        right = F.pad(patches, (0, 0, 0, 1), value=1.0) if constant else patches
        left = self.delta.movedim(0, 1).flatten(1)
        return second_moments(left.T), second_moments(right.T), left.shape[1]

    def formed(self) -> Tensor:
        """One grouped convolution, in which each sample is its own group."""
        samples = len(self)
        x, delta = (t.reshape(1, -1, *t.shape[2:]) for t in (self.x, self.delta))
        return self._weight_gradient(x, delta, samples).reshape(samples, *self.shape)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The layer's usual weight gradient, with each sample's output gradient times its weight."""
        return self._weight_gradient(self.x, self.delta * weights.reshape(-1, *[1] * (self.delta.ndim - 1)), 1)

    def _weight_gradient(self, x: Tensor, delta: Tensor, samples: int) -> Tensor:
        like = x.new_empty(delta.shape[1], *self.shape[1:])
        none = [0] * len(self.stride)
        gradient: Tensor = torch.ops.aten.convolution_backward(
            delta, x, like, None, self.stride, self.padding, self.dilation, False, none,
            samples * self.groups, [False, True, False],
        )[1]  # fmt: skip
        return gradient

    def inner(self, direction: Tensor) -> Tensor:
        """Σ_t δ_t · (V a_t): the layer's own convolution with the direction V for its weight."""
        if direction.ndim > len(self.shape):
            return super().inner(direction)
        along = torch.convolution(
            self.x,
            direction,
            None,
            self.stride,
            self.padding,
            self.dilation,
            False,
            [0] * len(self.stride),
            self.groups,
        )
        return vecdot(along, self.delta)

    def squared_l2(self) -> Tensor:
        """From Gram matrices of the output's positions, where these cost less than forming the gradients."""
        positions, kernel = self.positions, self.shape[2:].numel()
        if self.groups > 1 or (positions == 1 and kernel > 1):
            return super().squared_l2()
        if self._overlapping:
            padded = Size(n + 2 * p for n, p in zip(self.x.shape[2:], self.padding, strict=True)).numel()
            work = padded**2 * self.shape[1] + positions**2 * self.shape[0]
            if gram_costs_less(positions, work, self.shape):
                return in_pieces(self, padded**2, lambda some: vecdot(gram(some._by_position), some._pixels))
        elif gram_costs_less(positions, positions**2 * (self.shape[0] + self.shape[1:].numel()), self.shape):
            return in_pieces(self, positions**2, lambda some: vecdot(gram(some._by_position), gram(some.patches())))
        return super().squared_l2()

    @property
    def _overlapping(self) -> bool:
        """Whether neighbouring patches overlap without gaps, so that one Gram matrix of the pixels serves them all."""
        return len(self.stride) == 2 and set(self.stride) == set(self.dilation) == {1}

    @property
    def _by_position(self) -> Tensor:
        return self.delta.flatten(2).mT

    def patches(self) -> Tensor:
        """The inputs under the kernel at each position, (B, T, in × kernel), for a single group."""
        return self._windows.reshape(len(self), -1, self.positions).mT

    @property
    def _windows(self) -> Tensor:
        """The same as a view, (B, in, *kernel, *positions)."""
        x = F.pad(self.x, [p for padding in reversed(self.padding) for p in (padding, padding)])
        outer, inner = x.stride()[:2], x.stride()[2:]
        steps = [step * hop for step, hop in zip(inner, self.dilation, strict=True)]
        hops = [step * stride for step, stride in zip(inner, self.stride, strict=True)]
        return x.as_strided((*x.shape[:2], *self.shape[2:], *self.delta.shape[2:]), (*outer, *steps, *hops))

    @property
    def _pixels(self) -> Tensor:
        """Gram matrices (B, T, T) of the patches: sums of shifted blocks of the Gram matrices of the padded pixels."""
        x = F.pad(self.x, [p for padding in reversed(self.padding) for p in (padding, padding)])
        (high, wide), (down, across) = self.delta.shape[2:], self.shape[2:]
        blocks = gram(x.flatten(2).mT).reshape(len(x), *x.shape[2:], *x.shape[2:])
        blocks = summed([blocks[:, :, v : v + wide, :, v : v + wide] for v in range(across)])
        blocks = summed([blocks[:, u : u + high, :, u : u + high] for u in range(down)])
        return blocks.reshape(len(x), self.positions, self.positions)
