"""Variance of gradients: how much the gradient at the input changes while the model is trained."""

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
    """How far the variance of a row's input gradients over the checkpoints is from what is usual in its class.

    S_t = ∂z_y/∂x at checkpoint t, z_y the logit of the given label; VoG is the mean over the input's numbers of the
    deviation of S_t over the checkpoints. The score is VoG less its mean over the rows of the same label, in units of
    its deviation there (0 where it has none).

    When: unusual or ambiguous inputs are looked for. It is little better than chance at wrong labels.

    Args:
        problem: a classifier on floating inputs with at least two checkpoints.
        distance: `signed`, high for a high variance, as in the paper; or `absolute`, as its authors' code has it too:
            which side wrong labels lie on depends on the training.

    Cost (gradients): one forward and backward pass per checkpoint; all checkpoints in memory.

    Raises:
        InputError: if there is one checkpoint only, or an input is no floating tensor.
    """
    if len(problem.checkpoints) < 2:
        raise InputError("vog needs at least two checkpoints: give checkpoints= to Problem")
    if not all(tensor.is_floating_point() for tensor in problem.train.tensors.values()):
        raise InputError("vog needs floating inputs, which have gradients")
    states = [problem.state_at(checkpoint) for checkpoint in problem.checkpoints]
    deviations = (
        (rows, torch.stack([_input_gradients(problem, state, batch) for state in states]).std(0, correction=0).mean(1))
        for rows, batch in problem.batches(problem.train, _bytes_per_row(problem))
    )
    scores = within_class(assembled(len(problem.train), deviations), problem.train.y.cpu())
    return (scores.abs() if distance == "absolute" else scores).numpy()


def _input_gradients(problem: Problem, state: State, batch: Examples) -> Tensor:
    """∂z_y/∂x (batch, numbers of an input), float64."""
    with phase("gradients"), problem.at(state) as model, torch.enable_grad():
        inputs = batch.mapped(lambda tensor: tensor.detach().requires_grad_())
        logits = inputs.through(model)
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(f"this method needs logits (n, classes); the model's outputs are {tuple(logits.shape)}")
        of_label = logits.gather(1, batch.y[:, None]).sum()
        gradients = torch.autograd.grad(of_label, list(inputs.tensors.values()))
    return torch.cat([gradient.flatten(1) for gradient in gradients], 1).double().cpu()


def _bytes_per_row(problem: Problem) -> int:
    numbers = sum(tensor[0].numel() for tensor in problem.train.tensors.values())
    return 8 * numbers * (3 * len(problem.checkpoints) + 2)


def within_class(values: Tensor, y: Tensor) -> Tensor:
    """Values (n,) less the mean of their class, in units of its deviation."""
    scores = torch.zeros_like(values)
    for label in y.unique():
        of_class = y == label
        centred = values[of_class] - values[of_class].mean()
        deviation = centred.square().mean().sqrt()
        scores[of_class] = centred / deviation if deviation > 0 else 0.0
    return scores
