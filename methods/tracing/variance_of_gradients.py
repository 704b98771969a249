"""Variance of gradients (VoG): how much the gradient at the input varies over the checkpoints of a training."""

from typing import Literal

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.instruments.stopwatch import phase
from ...bench.problem.assembly import assembled
from ...bench.problem.checkpoint import State
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method


@method(family="gradient norm", paper="Agarwal et al. 2022, section 2 (VoG)", uses={"checkpoints"})
def vog(problem: Problem, distance: Literal["absolute", "signed"] = "absolute") -> Scores:
    """How far the variance of a row's input gradient over the checkpoints is from the mean variance in its class.

    S_t = ∂z_y/∂x is the gradient at checkpoint t of z_y, the logit of the given label. VoG is the standard deviation of
    S_t over the checkpoints, averaged over the entries of the input. The score is VoG minus its mean over the rows of
    the same label, divided by its standard deviation over these rows (0 if that is 0).

    When: you look for unusual or ambiguous inputs. For wrong labels it is little better than chance.

    Args:
        problem: a classifier on floating-point inputs with at least two checkpoints.
        distance: `signed`, high for a high variance, as in the paper; or `absolute`, an option of the authors' code:
            whether the variance of wrong labels is high or low depends on the training.

    Cost (gradients): one forward and backward pass per checkpoint; all checkpoints are in memory.

    Raises:
        InputError: if there is only one checkpoint, or an input is not floating-point.
    """
    if len(problem.checkpoints) < 2:
        raise InputError("vog needs at least two checkpoints: give checkpoints= to Problem")
    if not all(tensor.is_floating_point() for tensor in problem.train.tensors.values()):
        raise InputError("vog needs floating-point inputs, since integers have no gradients: take another method")
    states = [problem.state_at(checkpoint) for checkpoint in problem.checkpoints]
    deviations = (
        (rows, torch.stack([_input_gradients(problem, state, batch) for state in states]).std(0, correction=0).mean(1))
        for rows, batch in problem.batches(problem.train, _bytes_per_row(problem))
    )
    scores = within_class(assembled(len(problem.train), deviations), problem.train.y.cpu())
    return (scores.abs() if distance == "absolute" else scores).numpy()


def _input_gradients(problem: Problem, state: State, batch: Examples) -> Tensor:
    """∂z_y/∂x (batch, entries of an input), float64."""
    with phase("gradients"), problem.at(state) as model, torch.enable_grad():
        inputs = batch.mapped(lambda tensor: tensor.detach().requires_grad_())
        logits = inputs.through(model)
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(f"this method needs logits (n, classes); the model's outputs are {tuple(logits.shape)}")
        total = logits.gather(1, batch.y[:, None]).sum()  # its gradient at a row's input is the row's own
        gradients = torch.autograd.grad(total, list(inputs.tensors.values()))
    return torch.cat([gradient.flatten(1) for gradient in gradients], 1).double().cpu()


def _bytes_per_row(problem: Problem) -> int:
    entries = sum(tensor[0].numel() for tensor in problem.train.tensors.values())
    return 8 * entries * (3 * len(problem.checkpoints) + 2)


def within_class(values: Tensor, y: Tensor) -> Tensor:
    """Values (n,) standardised within each class: minus the class's mean, over its standard deviation."""
    scores = torch.zeros_like(values)
    for label in y.unique():
        members = y == label
        centred = values[members] - values[members].mean()
        deviation = centred.square().mean().sqrt()
        scores[members] = centred / deviation if deviation > 0 else 0.0
    return scores
