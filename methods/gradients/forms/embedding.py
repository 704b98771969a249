"""The per-sample weight gradients of an embedding: only the rows of the sample's own tokens differ from 0."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from .arithmetic import gram, vecdot
from .gradient import Gradient, Plain
from .outer import Outer

ALONE = 20  # a multiplication for one sample alone takes the time of this many in a matrix product of the batch


@dataclass(frozen=True)
class Scattered(Gradient):
    """An embedding's gradient: δ_t is added to row token_t, for δ (B, T, width) and tokens (B, T); `rows` in all."""

    tokens: Tensor
    delta: Tensor
    rows: int

    @property
    def shape(self) -> Size:
        return Size((self.rows, self.delta.shape[2]))

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: slice) -> "Scattered":
        return Scattered(self.tokens[rows], self.delta[rows], self.rows)

    def formed(self) -> Tensor:
        index = self.tokens[:, :, None].expand_as(self.delta)
        return self.delta.new_zeros(len(self), *self.shape).scatter_add_(1, index, self.delta)

    @property
    def positions(self) -> int:
        """T, the tokens of a sample."""
        return self.tokens.shape[1]

    def scattered(self) -> tuple[Tensor, Tensor] | None:
        """δ at its flat indices, if each sample has few positions compared with the distinct tokens of the batch."""
        if self.positions * ALONE > len(self.tokens.unique()):
            return None
        width = self.shape[1]
        index = self.tokens[:, :, None] * width + torch.arange(width, device=self.tokens.device)
        return self.delta.flatten(1), index.flatten(1)

    def strips(self, numbers: int) -> Iterator[tuple[int, Gradient]]:
        """The row of each token that occurs in the batch."""
        for token in self.tokens.unique().tolist():
            row = (self.tokens == token)[:, None].to(self.delta) @ self.delta
            yield token * self.shape[1], Plain(row[:, 0])

    def projected(self, left: Tensor, right: Tensor) -> Outer | None:
        """Each position's outer product of a unit vector with δ; None with a constant input, which embeddings lack."""
        return Outer(left[self.tokens], self.delta @ right) if len(right) == self.shape[1] else None

    def squared_l2(self) -> Tensor:
        """Σ δ_t · δ_s over the pairs of positions with the same token."""
        same = self.tokens[:, :, None] == self.tokens[:, None, :]
        return (gram(self.delta) * same).sum((1, 2))

    def _per_token(self) -> Tensor:
        """At the first position of each token, the sum of δ over all positions of that token; 0 at the others."""
        same = self.tokens[:, :, None] == self.tokens[:, None, :]
        first = ~same.tril(-1).any(2)
        return (same.to(self.delta) @ self.delta) * first[:, :, None]

    def l1(self) -> Tensor:
        """Over the tokens that occur; all other rows are 0."""
        return self._per_token().abs().sum((1, 2))

    def largest(self) -> Tensor:
        """Over the tokens that occur; all other rows are 0."""
        return self._per_token().abs().amax((1, 2))

    def inner(self, direction: Tensor) -> Tensor:
        """Σ_t V[token_t] · δ_t."""
        if direction.ndim > 2:
            return torch.stack([self.inner(each) for each in direction], 1)
        return vecdot(direction[self.tokens], self.delta)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Each position's weighted δ, added to the row of its token."""
        weighted = (self.delta * weights[:, None, None]).flatten(0, 1)
        return self.delta.new_zeros(self.shape).index_add_(0, self.tokens.flatten(), weighted)

    def cross(self, other: Gradient) -> Tensor:
        """Σ δ_t · δ'_s over the pairs of positions with the same token."""
        if not isinstance(other, Scattered):
            return super().cross(other)
        rows = []
        for tokens, delta in zip(self.tokens, self.delta, strict=True):
            same = tokens[:, None] == other.tokens[:, None, :]  # (B', T, T')
            rows.append(((delta @ other.delta.mT) * same).sum((1, 2)))
        return torch.stack(rows)
