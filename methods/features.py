"""What the last layer is given: the model's own features of a row."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..bench.errors import InputError
from ..bench.problem.assembly import Assembly
from ..bench.problem.examples import Examples
from ..bench.problem.passes import Pass
from ..bench.problem.problem import Problem
from .gradients.selection import select


def features(problem: Problem, examples: Examples) -> Tensor:
    """Inputs (n, d) of the last layer that the model calls, for each row, on the CPU: one forward pass.

    Raises:
        InputError: if they are not one vector per row.
    """
    (module,) = select(problem, "last", problem.state).values()
    kept = Assembly(len(examples))
    _FeaturePass(problem, examples, module, kept).run()
    if kept.whole.ndim != 2:
        raise InputError(f"this method needs last-layer inputs (n, d); here they are {tuple(kept.whole.shape)}")
    return kept.whole


class _FeaturePass(Pass):
    def __init__(self, problem: Problem, examples: Examples, module: nn.Module, kept: Assembly) -> None:
        super().__init__(problem, None, examples, lambda rows, outputs: kept.add(rows, self.input.cpu()))
        self.module = module

    @property
    def key(self) -> Hashable:
        return "features", super().key

    @contextmanager
    def attached(self) -> Iterator[None]:
        def keep(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            self.input = inputs[0].detach()

        hook = self.module.register_forward_pre_hook(keep)
        try:
            yield
        finally:
            hook.remove()


def standardized(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Features less the training rows' mean, in units of their deviation, and a column of ones; float64.

    A feature that does not vary is 0.
    """
    mean, deviation = train.double().mean(0), train.double().std(0, correction=0)
    deviation[deviation <= 1e-12 * mean.abs()] = torch.inf
    scaled = [(part.double() - mean) / deviation for part in (train, valid)]
    first, second = (torch.cat([part, torch.ones(len(part), 1, dtype=part.dtype)], 1) for part in scaled)
    return first, second
