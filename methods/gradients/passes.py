"""A pass with gradients: what several methods want of one model, state and rows, they get from one."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from ...bench.problem.examples import Examples
from ...bench.problem.passes import Pass
from .capture import Objective, Take, capture
from .forms.gradient import Gradient
from .plan import planned

if TYPE_CHECKING:
    from .space import GradientSpace


class GradientPass(Pass):
    """A forward and backward pass: `take` is handed the gradients of the space's parameters, batch by batch."""

    rank = 1

    def __init__(self, space: "GradientSpace", examples: Examples, take: Take, objective: Objective | None) -> None:
        super().__init__(space.problem, space.checkpoint, examples, lambda rows, outputs: None)
        self.space, self.take, self.objective = space, take, objective

    @property
    def key(self) -> Hashable:
        """As any pass, and the objective."""
        return super().key if self.objective is None else (self.objective, super().key)

    def serve(self, passes: Sequence[Pass]) -> None:
        """One capture of the parameters that any of the passes wants."""
        takers: dict[str, list[GradientPass]] = defaultdict(list)
        for one in passes:
            if isinstance(one, GradientPass):
                for name in one.space.parameters:
                    takers[name].append(one)
        problem, state, plan = self.space.problem, self.space.state, self.space.plan
        if set(takers) != set(plan.names):
            plan = planned(problem, state, list(takers))
        objective = self.objective or problem.losses
        with self.under_way(passes, state) as (model, tell):
            for rows, batch in problem.batches(self.examples, plan.bytes_per_row):

                def take(some: slice, name: str, gradient: Gradient, first: int = rows.start) -> None:
                    for one in takers[name]:
                        one.take(slice(first + some.start, first + some.stop), name, gradient)

                tell(rows, capture(model, state, plan, batch, objective, take).detach())
