"""The per-sample weight gradients of an embedding, which have a row for each token that occurs and no other."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from .arithmetic import gram, vecdot
from .gradient import Gradient, Plain
from .outer import Outer

ALONE = 20  # numbers of a product of matrices in the time that one takes which is multiplied for its sample alone


@dataclass(frozen=True)
class Scattered(Gradient):
    """An embedding's gradient: δ_t (B, T, width) in the row that position t looked up, by `tokens` (B, T)."""

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
        """T."""
        return self.tokens.shape[1]

    def scattered(self) -> tuple[Tensor, Tensor] | None:
        """δ and the rows that were looked up, where each sample's positions are few beside the batch's tokens."""
        if self.positions * ALONE > len(self.tokens.unique()):
            return None
        width = self.shape[1]
        index = self.tokens[:, :, None] * width + torch.arange(width, device=self.tokens.device)
        return self.delta.flatten(1), index.flatten(1)

    def strips(self, numbers: int) -> Iterator[tuple[int, Gradient]]:
        """By tokens that occur."""
        for token in self.tokens.unique().tolist():
            own = (self.tokens == token)[:, None].to(self.delta) @ self.delta
            yield token * self.shape[1], Plain(own[:, 0])

    def projected(self, left: Tensor, right: Tensor) -> Outer | None:
        """Each position's outer product of a unit vector with δ; none for a constant input, which there is not."""
        return Outer(left[self.tokens], self.delta @ right) if len(right) == self.shape[1] else None

    def squared_l2(self) -> Tensor:
        """Σ δ_t · δ_s over the pairs of positions that looked up the same row."""
        same = self.tokens[:, :, None] == self.tokens[:, None, :]
        return (gram(self.delta) * same).sum((1, 2))

    def _per_token(self) -> Tensor:
        """At each position, the sum of δ over the positions of the same token if it is the first of these, else 0."""
        same = self.tokens[:, :, None] == self.tokens[:, None, :]
        first = ~same.tril(-1).any(2)
        return (same.to(self.delta) @ self.delta) * first[:, :, None]

    def l1(self) -> Tensor:
        """Token by token, of those that occur."""
        return self._per_token().abs().sum((1, 2))

    def largest(self) -> Tensor:
        """Token by token, of those that occur."""
        return self._per_token().abs().amax((1, 2))

    def inner(self, direction: Tensor) -> Tensor:
        """Σ_t V[token_t] · δ_t."""
        if direction.ndim > 2:
            return torch.stack([self.inner(one) for one in direction], 1)
        return vecdot(direction[self.tokens], self.delta)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Each position's weighted δ, added to the row that it looked up."""
        weighted = (self.delta * weights[:, None, None]).flatten(0, 1)
        return self.delta.new_zeros(self.shape).index_add_(0, self.tokens.flatten(), weighted)

    def cross(self, other: Gradient) -> Tensor:
        """Σ δ_t · δ'_s over the pairs of positions that looked up the same row."""
        if not isinstance(other, Scattered):
            return super().cross(other)
        rows = []
        for tokens, delta in zip(self.tokens, self.delta, strict=True):
            same = tokens[:, None] == other.tokens[:, None, :]  # (B', T, T')
            rows.append(((delta @ other.delta.mT) * same).sum((1, 2)))
        return torch.stack(rows)
