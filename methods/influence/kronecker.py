"""Kronecker-factored eigenbases: per layer, Q_S ⊗ Q_A from the covariances of output gradients δ and inputs a."""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..gradients.forms.gradient import Gradient
from ..gradients.reduction import Direction, Layout, summable
from ..gradients.space import GradientSpace

WITH_BIAS = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.MultiheadAttention


@dataclass(frozen=True)
class Blocks:
    """The blocks of a block-diagonal curvature: a parameter each, or a layer's weight with its bias as one more column.

    A block goes by its weight's name.
    """

    bias_of: Mapping[str, str]

    def within(self, names: Container[str]) -> "Blocks":
        """Biases apart but for the weights among the names."""
        return Blocks({weight: bias for weight, bias in self.bias_of.items() if weight in names})

    def joined(self, direction: Direction) -> Direction:
        """A direction by block."""
        inside = set(self.bias_of.values())
        return {
            name: torch.cat([part.flatten(1), direction[self.bias_of[name]][:, None]], 1)
            if name in self.bias_of
            else part
            for name, part in direction.items()
            if name not in inside
        }

    def parted(self, blocks: Direction, like: Direction) -> Direction:
        """A direction by parameter, from one by block."""
        parts = {}
        for name, block in blocks.items():
            if name in self.bias_of:
                parts[self.bias_of[name]], block = block[:, -1], block[:, :-1]
            parts[name] = block.reshape(like[name].shape)
        return parts


@dataclass(frozen=True)
class Eigenbasis:
    """The basis of each block: Q_S (out, out) and Q_A (in, in) where it is an outer product, else the one it has."""

    blocks: Blocks
    sides: Mapping[str, tuple[Tensor, Tensor]]

    def rotated(self, name: str, gradient: Gradient) -> Gradient | None:
        """A block's gradients Q_Sᵀ g Q_A; none for a bias, which is in its weight's block."""
        if name in self.blocks.bias_of.values():
            return None
        return gradient.projected(*self.sides[name]) if name in self.sides else gradient

    def scaled(self, blocks: Direction, scale: Mapping[str, Tensor]) -> Direction:
        """Q (scale ∘ Qᵀ v) of a direction by block, with scales in the basis."""
        result = {}
        for name, block in blocks.items():
            if name in self.sides:
                left, right = self.sides[name]
                result[name] = left @ (left.T @ block.flatten(1) @ right * scale[name]) @ right.T
            else:
                result[name] = block * scale[name]
        return result


def blocks_of(space: GradientSpace) -> Blocks:
    """The blocks of a gradient space: weights and biases together in the layers that are known to use both alike."""
    closed = set(space.plan.closed)
    uses = Counter(id(p) for m in space.problem.model.modules() for p in m.parameters(recurse=False))
    pairs = {}
    for path, module in space.modules.items():
        for key, parameter in module.named_parameters(recurse=False):
            weight, bias = (f"{path}.{name}".lstrip(".") for name in (key, key.removesuffix("weight") + "bias"))
            shared = uses[id(parameter)] > 1
            both = key.endswith("weight") and {weight, bias} <= closed
            if both and not shared and isinstance(module, WITH_BIAS) and getattr(module, "groups", 1) == 1:
                pairs[weight] = bias
    return Blocks(pairs)


@dataclass
class Covariances:
    """Σ δδᵀ (out, out) and Σ aaᵀ (in, in) over samples and positions, and their number, of each outer product's block.

    Several passes add up.
    """

    blocks: Blocks
    total: dict[str, tuple[Tensor, Tensor, int]] = field(default_factory=dict)

    def begin(self, layout: Layout) -> None:
        """Nothing to prepare."""

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        part = gradient.covariances(constant=name in self.blocks.bias_of)
        if part is not None:
            left, right, number = self.total.get(name, (0, 0, 0))
            self.total[name] = summable(part[0]) + left, summable(part[1]) + right, part[2] + number

    def result(self) -> dict[str, tuple[Tensor, Tensor, int]]:
        return self.total


@dataclass
class Squares:
    """Sums over samples of the squares of the rotated gradients of some blocks, number by number; passes add up."""

    basis: Eigenbasis
    blocks: Container[str]
    total: Direction = field(default_factory=dict)

    def begin(self, layout: Layout) -> None:
        self.dtype = layout.dtype
        self.ones = torch.ones(layout.n, dtype=layout.dtype, device=layout.device)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        block = self.basis.rotated(name, gradient) if name in self.blocks else None
        if block is not None:
            part = summable(block.squared().weighted_sum(self.ones[rows]))
            self.total[name] = self.total[name] + part if name in self.total else part

    def result(self) -> Direction:
        return {name: part.to(self.dtype) for name, part in self.total.items()}
