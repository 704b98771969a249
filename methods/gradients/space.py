"""The space in which a method sees gradients: the selected layers of the model at one checkpoint."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...bench.phases import phase
from ...bench.problem import Checkpoint, Examples, Problem, State, assembled, evaluating
from .capture import parameter_names
from .select import Layers, select
from .stream import Direction, Gradients

FEATURE_NUMBERS = 2**28  # features are kept between passes up to this many numbers: 1 GiB in float32


class NoHeadError(Exception):
    """The last layer's outputs are not the model's, or there are too many features to keep."""


@dataclass(frozen=True)
class GradientSpace:
    """Gradients of the training and validation rows with respect to the selected layers at one checkpoint."""

    problem: Problem
    state: State
    modules: dict[str, nn.Module]

    @property
    def train(self) -> Gradients:
        """The training rows' gradients."""
        return Gradients(self.problem, self.state, self.modules, self.problem.train)

    @cached_property
    def valid(self) -> Gradients:
        """The validation rows' gradients."""
        return Gradients(self.problem, self.state, self.modules, self.problem.validation)

    @cached_property
    def parameters(self) -> Direction:
        """The selected parameters' values, in the order in which flat gradients are laid out."""
        return {name: self.state[name] for layer in parameter_names(self.problem.model, self.modules) for name in layer}

    @property
    def size(self) -> int:
        """Number of selected parameters, p."""
        return sum(tensor.numel() for tensor in self.parameters.values())

    @property
    def layer_sizes(self) -> Tensor:
        """Number of parameters of each layer, (layers,)."""
        return torch.tensor(
            [
                sum(self.state[name].numel() for name in layer)
                for layer in parameter_names(self.problem.model, self.modules)
            ]
        )

    def direction(self, vector: Tensor) -> Direction:
        """A vector (p,) cut up by parameter."""
        pieces = vector.split([tensor.numel() for tensor in self.parameters.values()])
        shaped = zip(self.parameters.items(), pieces, strict=True)
        return {name: piece.reshape(tensor.shape).to(tensor) for (name, tensor), piece in shaped}

    def vector(self, direction: Direction) -> Tensor:
        """A direction as one vector (p,)."""
        return torch.cat([direction[name].flatten() for name in self.parameters])

    def loss(self, parameters: Direction, batch: Examples) -> Tensor:
        """Summed loss of a batch as a function of the selected parameters, for `torch.func`."""
        with evaluating(self.problem.model):
            outputs = functional_call(self.problem.model, {**self.state, **parameters}, (batch.x,))
        return self.problem.losses(outputs, batch.y).sum()


def gradient_space(problem: Problem, layers: Layers = "last", checkpoint: Checkpoint | None = None) -> GradientSpace:
    """The gradients of the selected layers at a checkpoint, by default of the model as it stands.

    Where the last layer alone is selected and its outputs are the model's, the rest of the model only makes features:
    these are computed once, in one forward pass, and the last layer becomes a model on them.

    Raises:
        InputError: if `layers` matches nothing.
    """
    state = problem.state_at(checkpoint)
    modules = select(problem, layers, state)
    if len(modules) == 1:
        name, layer = next(iter(modules.items()))
        if isinstance(layer, nn.Linear) and name and not _tied(problem.model, layer):
            with phase("gradients"):
                head = _on_features(problem, state, name, layer)
            if head is not None:
                return head
    return GradientSpace(problem, state, modules)


@torch.no_grad()
def _on_features(problem: Problem, state: State, name: str, layer: nn.Linear) -> GradientSpace | None:
    """The problem with features for inputs and the last layer for a model, if that is all the model does after it."""
    seen: list[tuple[Tensor, Tensor]] = []
    hook = layer.register_forward_hook(lambda _, args, output: seen.append((args[0], output)))

    def batches(examples: Examples) -> Iterator[tuple[slice, Tensor]]:
        for rows, batch in problem.batches(examples):
            seen.clear()
            outputs = problem.forward(batch.x, state)
            if len(seen) != 1 or seen[0][1] is not outputs or len(examples) * seen[0][0][0].numel() > FEATURE_NUMBERS:
                raise NoHeadError
            yield rows, seen[0][0]

    def features(examples: Examples) -> Examples:
        return Examples(assembled(len(examples), batches(examples)), examples.y.to(problem.device))

    try:
        train = features(problem.train)
        valid = features(problem.valid) if problem.valid else None
    except NoHeadError:
        return None
    finally:
        hook.remove()
    own = {key: state[f"{name}.{key}"] for key, _ in layer.named_parameters()}
    head = replace(problem, model=layer, train=train, valid=valid, checkpoints=(Checkpoint(own),))
    return GradientSpace(head, own, {"": layer})


def _tied(model: nn.Module, layer: nn.Module) -> bool:
    owners = [p for m in model.modules() if m is not layer for p in m.parameters(recurse=False)]
    return any(p is q for p in owners for q in layer.parameters(recurse=False))
