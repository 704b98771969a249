"""The gradients of one layer for one batch, held as factors, and what can be computed from these.

A linear layer's gradient for sample b is the sum over positions t of δ[b, t] a[b, t]ᵀ. Its norm, its inner product with
a direction and weighted sums over samples need the factors only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class LayerGradient(Protocol):
    """Per-sample gradients of one layer's parameters for a batch of B samples."""

    def squared_l2(self) -> Tensor:
        """Squared L2 norm of each sample's gradient, (B,)."""

    def l1(self) -> Tensor:
        """L1 norm of each sample's gradient, (B,)."""

    def inner(self, direction: Mapping[str, Tensor]) -> Tensor:
        """Inner product of each sample's gradient with a direction given by parameter, (B,)."""

    def weighted_sum(self, weights: Tensor) -> dict[str, Tensor]:
        """Sum over samples of weight (B,) times gradient, by parameter."""

    def flat(self) -> Tensor:
        """The gradients themselves, (B, parameters of the layer)."""


@dataclass(frozen=True)
class Factored:
    """Gradients Σ_t δ_t a_tᵀ of a weight (out, in), as factors `a` (B, T, in) and `delta` (B, T, out)."""

    a: Tensor
    delta: Tensor
    weight: str
    shape: torch.Size
    bias: str | None

    def squared_l2(self) -> Tensor:
        """‖Σ_t δ_t a_tᵀ‖²: by the Gram matrices of the positions where these are smaller than the weight."""
        positions, inputs, outputs = self.a.shape[1], self.a.shape[2], self.delta.shape[2]
        if positions == 1:
            squared = self.a.square().sum((1, 2)) * self.delta.square().sum((1, 2))
        elif positions * (inputs + outputs) < inputs * outputs:
            gram = (self.a @ self.a.mT) * (self.delta @ self.delta.mT)
            squared = gram.sum((1, 2)).clamp(min=0)
        else:
            squared = self._weight().square().sum((1, 2))
        return squared if self.bias is None else squared + self.delta.sum(1).square().sum(1)

    def l1(self) -> Tensor:
        """Σ |Σ_t δ_t a_tᵀ|: a product of norms where there is one position."""
        if self.a.shape[1] == 1:
            total = self.a.abs().sum((1, 2)) * self.delta.abs().sum((1, 2))
        else:
            total = self._weight().abs().sum((1, 2))
        return total if self.bias is None else total + self.delta.sum(1).abs().sum(1)

    def inner(self, direction: Mapping[str, Tensor]) -> Tensor:
        """Σ_t δ_tᵀ V a_t: one more product of the size of the forward pass."""
        v = direction[self.weight].reshape(self.delta.shape[2], self.a.shape[2])
        product = ((self.a @ v.mT) * self.delta).sum((1, 2))
        return product if self.bias is None else product + self.delta.sum(1) @ direction[self.bias]

    def weighted_sum(self, weights: Tensor) -> dict[str, Tensor]:
        """(w δ)ᵀ a: one product of the size of the backward pass."""
        weighted = self.delta * weights[:, None, None]
        total = {self.weight: (weighted.flatten(0, 1).mT @ self.a.flatten(0, 1)).reshape(self.shape)}
        return total if self.bias is None else total | {self.bias: weighted.sum((0, 1))}

    def flat(self) -> Tensor:
        """Each sample's weight gradient, then its bias gradient, side by side."""
        weight = self._weight().flatten(1)
        return weight if self.bias is None else torch.cat([weight, self.delta.sum(1)], 1)

    def _weight(self) -> Tensor:
        return self.delta.mT @ self.a


@dataclass(frozen=True)
class Explicit:
    """Gradients as they are, (B, ...) by parameter: for layers whose parameters are few, and for the fallback."""

    gradients: Mapping[str, Tensor]

    def squared_l2(self) -> Tensor:
        """Sum of squares over every parameter."""
        return torch.stack([g.square().flatten(1).sum(1) for g in self.gradients.values()]).sum(0)

    def l1(self) -> Tensor:
        """Sum of absolute values over every parameter."""
        return torch.stack([g.abs().flatten(1).sum(1) for g in self.gradients.values()]).sum(0)

    def inner(self, direction: Mapping[str, Tensor]) -> Tensor:
        """Sum over parameters of the products with the direction."""
        return torch.stack([g.flatten(1) @ direction[name].flatten() for name, g in self.gradients.items()]).sum(0)

    def weighted_sum(self, weights: Tensor) -> dict[str, Tensor]:
        """Σ_b w_b g_b by parameter."""
        return {name: torch.tensordot(weights, g, 1) for name, g in self.gradients.items()}

    def flat(self) -> Tensor:
        """The parameters' gradients side by side."""
        return torch.cat([g.flatten(1) for g in self.gradients.values()], 1)
