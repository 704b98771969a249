"""A forward and backward pass that serves every method that needs gradients or outputs of the same rows."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

from ...bench.problem.examples import Examples
from ...bench.problem.passes import Pass
from .capture import Objective, Take, capture
from .forms.gradient import Gradient
from .plan import plan_of
from .selection import Selection


class GradientPass(Pass):
    """A forward and backward pass that hands the gradients of the selected parameters to `take`, batch by batch."""

    rank = 1

    def __init__(self, selection: Selection, examples: Examples, take: Take, objective: Objective | None) -> None:
        super().__init__(selection.problem, selection.checkpoint, examples, lambda rows, outputs: None)
        self.selection, self.take, self.objective = selection, take, objective

    @property
    def key(self) -> Hashable:
        """As of any pass where the objective is the loss; another objective's pass is its own."""
        return super().key if self.objective is None else (self.objective, super().key)

    def serve(self, passes: Sequence[Pass]) -> None:
        """Capture, once, the gradients of all parameters that any of the passes selects."""
        takers: dict[str, list[GradientPass]] = defaultdict(list)
        for wanted in passes:
            if isinstance(wanted, GradientPass):
                for name in wanted.selection.parameters:
                    takers[name].append(wanted)
        problem, state, plan = self.selection.problem, self.selection.state, self.selection.plan
        if set(takers) != set(plan.names):
            plan = plan_of(problem, state, list(takers))
        objective, batches = self.objective or problem.losses, problem.batches(self.examples, plan.bytes_per_row)
        with self.under_way(passes, state) as (model, deliver):
            for rows, batch in batches:

                def take(part: slice, name: str, gradient: Gradient, first: int = rows.start) -> None:
                    for taker in takers[name]:
                        taker.take(slice(first + part.start, first + part.stop), name, gradient)

                deliver(rows, capture(model, state, plan, batch, objective, take).detach())
