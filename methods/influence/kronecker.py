"""Kronecker-factored eigenbases: for each layer Q_S ⊗ Q_A, from the covariances of output gradients δ and inputs a."""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..gradients.forms.arithmetic import factors_cost_less
from ..gradients.forms.gradient import Gradient, Rotated
from ..gradients.reduction import Direction, Layout, summable
from ..gradients.space import GradientSpace

WITH_BIAS = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.MultiheadAttention  # a weight's input 1 has its bias


@dataclass(frozen=True)
class Blocks:
    """The blocks of a block-diagonal curvature: a single parameter, or a weight with its bias as one more column.

    A block has the name of its parameter or weight.
    """

    bias_of: Mapping[str, str]
    """The bias that is part of a weight's block."""

    def within(self, names: Container[str]) -> "Blocks":
        """The blocks if a bias is joined only to the weights with these names."""
        return Blocks({weight: bias for weight, bias in self.bias_of.items() if weight in names})

    def joined(self, direction: Direction) -> Direction:
        """A direction by block, from a direction by parameter."""
        inside = set(self.bias_of.values())
        return {
            name: torch.cat([part.flatten(1), direction[self.bias_of[name]][:, None]], 1)
            if name in self.bias_of
            else part
            for name, part in direction.items()
            if name not in inside
        }

    def parted(self, blocks: Direction, like: Direction) -> Direction:
        """A direction by parameter, with the shapes of `like`, from a direction by block."""
        parts = {}
        for name, block in blocks.items():
            if name in self.bias_of:
                parts[self.bias_of[name]], block = block[:, -1], block[:, :-1]
            parts[name] = block.reshape(like[name].shape)
        return parts


@dataclass(frozen=True)
class Eigenbasis:
    """The orthonormal basis Q of each block: Q_S ⊗ Q_A where gradients are outer products, else the standard basis."""

    blocks: Blocks
    sides: Mapping[str, tuple[Tensor, Tensor]]
    """Q_S (out, out) and Q_A (in, in) of the blocks whose gradients are sums of outer products."""

    def rotated(self, name: str, gradient: Gradient) -> Gradient | None:
        """A block's gradients in the basis, Q_Sᵀ g Q_A; None for a bias that is part of its weight's block."""
        if name in self.blocks.bias_of.values():
            return None
        if name not in self.sides:
            return gradient
        left, right = self.sides[name]
        by_factors = factors_cost_less(gradient.positions, (len(left), len(right)), (len(left), len(right)))
        return gradient.projected(left, right) if by_factors else Rotated(gradient, left, right)

    def scaled(self, blocks: Direction, scale: Mapping[str, Tensor]) -> Direction:
        """Q (scale ∘ Qᵀ v) of a direction v by block, for scales by block in the basis."""
        result = {}
        for name, block in blocks.items():
            if name in self.sides:
                left, right = self.sides[name]
                result[name] = left @ (left.T @ block.flatten(1) @ right * scale[name]) @ right.T
            else:
                result[name] = block * scale[name]
        return result


def blocks_of(space: GradientSpace) -> Blocks:
    """The blocks of a gradient space.

    A bias joins its weight in the modules that add it to the product with the weight, if both have closed forms and no
    other module shares the weight.
    """
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
    """Reduction to Σ δδᵀ (out, out), Σ aaᵀ (in, in) and the number of summands, over samples and positions, by block.

    Only blocks whose gradients are sums of outer products are part of it. Several passes add up.
    """

    blocks: Blocks
    total: dict[str, tuple[Tensor, Tensor, int]] = field(default_factory=dict)

    def begin(self, layout: Layout) -> None:
        """Nothing to allocate: the sums start with the first gradients."""

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        part = gradient.covariances(constant=name in self.blocks.bias_of)
        if part is not None:
            left, right, number = self.total.get(name, (0, 0, 0))
            self.total[name] = summable(part[0]) + left, summable(part[1]) + right, part[2] + number

    def result(self) -> dict[str, tuple[Tensor, Tensor, int]]:
        return self.total


@dataclass
class Squares:
    """Reduction to the sum over samples of the squared entries of some blocks' gradients in the basis.

    Several passes add up. A block that never has a gradient is missing from the result.
    """

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
