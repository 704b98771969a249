"""The gradients of a problem's rows with respect to the selected layers of its model at one checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass

from ...bench.problem.checkpoint import Checkpoint
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem
from .head import head_of
from .selection import Layers, Selection, select
from .stream import Gradients


@dataclass(frozen=True)
class GradientSpace(Selection):
    """The selected parameters, and the gradients of the training and the validation rows with respect to them."""

    valid_rows: Callable[[], Examples]

    @property
    def train(self) -> Gradients:
        """The training rows' gradients."""
        return Gradients(self, self.problem.train)

    @property
    def valid(self) -> Gradients:
        """The validation rows' gradients."""
        return Gradients(self, self.valid_rows())

    def of(self, examples: Examples) -> Gradients:
        """The gradients of other rows, whose inputs are of the kind that this space's own model takes."""
        return Gradients(self, examples)


def gradient_space(problem: Problem, layers: Layers = "last", checkpoint: Checkpoint | None = None) -> GradientSpace:
    """The gradients of the selected layers at a checkpoint, by default of the model as it stands.

    Where only the last layer is selected and its outputs are the model's, the rest of the model computes features and
    nothing else: one forward pass computes these, and the last layer becomes a model on them.

    Raises:
        InputError: if `layers` matches nothing.
    """
    state = problem.state_at(checkpoint)
    modules = select(problem, layers, state)
    head = head_of(problem, checkpoint, state, modules)
    if head is None:
        return GradientSpace(problem, checkpoint, state, modules, "", lambda: problem.validation)
    (of_head,) = head.problem.checkpoints
    return GradientSpace(head.problem, of_head, of_head.state, {"": head.problem.model}, head.prefix, head.valid_rows)
