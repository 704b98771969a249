"""Inner products with one direction by forward-mode differentiation: the derivative of each sample's loss along it.

A pass carries the derivative of every activation beside it, and no gradient is formed. It takes as many multiplications
as the closed forms, all of them of the forward kind, which for convolutions is the faster one.
"""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor
from torch.func import jvp

from ...bench.problem.evaluation import plain_attention
from ...bench.problem.examples import Examples
from ...bench.problem.passes import Pass
from .capture import functionally
from .reduction import Direction
from .selection import Selection


class DirectionalPass(Pass):
    """A forward pass that collects the derivative of each sample's loss along a direction."""

    def __init__(self, selection: Selection, examples: Examples, direction: Direction) -> None:
        super().__init__(selection.problem, selection.checkpoint, examples, lambda rows, outputs: None)
        self.selection = selection
        self.direction = {name: direction[name] for name in selection.parameters}  # `jvp` compares the orders
        self.products = torch.zeros(len(examples), dtype=torch.float64)

    @property
    def key(self) -> Hashable:
        """The pass's own: what it carries along serves nobody else."""
        return id(self)

    def serve(self, passes: Sequence[Pass]) -> None:
        """Run the model over the rows with the derivative of every activation."""
        problem, state = self.selection.problem, self.selection.state
        batches = problem.batches(self.examples, self.selection.plan.bytes_per_row)
        with torch.no_grad(), plain_attention(), self.under_way(passes, state) as (model, _):
            for rows, batch in batches:

                def losses(parameters: Direction, batch: Examples = batch) -> Tensor:
                    outputs = batch.through(functionally(model, {**state, **parameters}))
                    return problem.losses(outputs, batch.y)

                along = jvp(losses, (self.selection.parameters,), (self.direction,))[1]
                self.products[rows] = along.double().cpu()


def derivatives(selection: Selection, examples: Examples, direction: Direction) -> Tensor:
    """The derivative (n,) of each row's loss along a direction, float64: its gradient's inner product with it."""
    wanted = DirectionalPass(selection, examples, direction)
    wanted.run()
    return wanted.products


def suits(selection: Selection) -> bool:
    """Whether forward mode costs less than the closed forms, and the model has derivatives of that kind.

    It does where convolutions take most of the multiplications: their backward passes are slower than their forward
    passes, while those of matrix products are as fast.
    """
    if not selection.plan.convolutional:
        return False
    problem = selection.problem
    key = "forward mode", problem.model, *selection.parameters
    if key not in problem.known:
        try:
            derivatives(selection, problem.train[:1], selection.parameters)
            problem.known[key] = True
        except (RuntimeError, NotImplementedError):
            problem.known[key] = False
    return bool(problem.known[key])
