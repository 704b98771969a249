"""Gradient and error norms: GraNd and EL2N."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.checkpoint import Checkpoint
from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method
from ..checkpoints import Checkpoints, over
from ..gradients.selection import Layers
from ..gradients.space import gradient_space


@method(
    family="gradient norm",
    paper="Paul et al. 2021, definition 2.1 (GraNd)",
    uses={"checkpoints"},
    unless={"checkpoints": {"checkpoints": "last"}},
)
def grand(problem: Problem, checkpoints: Checkpoints = "last", layers: Layers = "all") -> Scores:
    """The L2 norm of each sample's gradient, averaged over the checkpoints.

    When: the norm of the gradient itself is asked for. To find wrong labels `el2n` is cheaper, and better on the quick
    and the small vision suite.

    Args:
        problem: the paper averages over early checkpoints of several initialisations; here over those of one run.
        checkpoints: the model as it stands, or all.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): one epoch per checkpoint.
    """
    taken = over(problem, checkpoints)
    norms = [gradient_space(problem, layers, checkpoint).train.squared_l2().sqrt() for checkpoint in taken]
    return torch.stack(norms).mean(0).numpy()


@method(
    family="gradient norm",
    paper="Paul et al. 2021, definition 2.2 (EL2N)",
    uses={"checkpoints"},
    unless={"checkpoints": {"checkpoints": "last"}},
)
def el2n(problem: Problem, checkpoints: Checkpoints = "last") -> Scores:
    """The L2 norm of the error p - e_y of each sample, averaged over the checkpoints.

    When: to begin with: one forward pass, no validation rows, and on the quick and the small vision suite best or tied
    with the best of what looks at one checkpoint. With `checkpoints=all` where the model has fitted its labels in the
    end.

    Args:
        problem: a classifier whose outputs are logits.
        checkpoints: the model as it stands, or all.

    Cost (forward): one forward pass per checkpoint.
    """
    return torch.stack([_error_norms(problem, checkpoint) for checkpoint in over(problem, checkpoints)]).mean(0).numpy()


@method(family="gradient norm", paper="Paul et al. 2021, definition 2.1 (GraNd)", uses={"retraining"})
def grand_retrained(problem: Problem, initialisations: int = 10, share: float = 0.1, layers: Layers = "all") -> Scores:
    """The L2 norm of each sample's gradient early in training, averaged over initialisations.

    When: GraNd as its paper defines it is wanted; `el2n-retrained` costs less.

    Args:
        problem: with a trainer.
        initialisations: how many models are trained, from seeds of their own.
        share: of the recipe's epochs after which each stops; the paper goes from 0 to 20 of 200.
        layers: whose parameters the gradients are taken for.

    Cost (trainings): for each initialisation that share of a training, and one epoch.

    Raises:
        InputError: if there is no initialisation, or share is not above 0 and at most 1.
    """
    models = retrained(problem, initialisations, share)
    return torch.stack([gradient_space(one, layers).train.squared_l2().sqrt() for one in models]).mean(0).numpy()


@method(family="gradient norm", paper="Paul et al. 2021, definition 2.2 (EL2N)", uses={"retraining"})
def el2n_retrained(problem: Problem, initialisations: int = 10, share: float = 0.1) -> Scores:
    """The L2 norm of the error p - e_y of each sample early in training, averaged over initialisations.

    When: the model at hand has long fitted its wrong labels, has no early checkpoints, and short trainings are
    affordable.

    Args:
        problem: a classifier with a trainer.
        initialisations: how many models are trained, from seeds of their own.
        share: of the recipe's epochs after which each stops; the paper's EL2N is best from 10 to 20 of 200.

    Cost (trainings): for each initialisation that share of a training, and one forward pass.

    Raises:
        InputError: if there is no initialisation, or share is not above 0 and at most 1.
    """
    return torch.stack([_error_norms(one) for one in retrained(problem, initialisations, share)]).mean(0).numpy()


def _error_norms(problem: Problem, checkpoint: Checkpoint | None = None) -> Tensor:
    error = problem.probabilities(checkpoint).cpu()
    error[torch.arange(len(error)), problem.train.y.cpu()] -= 1
    norms: Tensor = error.norm(dim=1)
    return norms


def retrained(problem: Problem, initialisations: int, share: float) -> Iterator[Problem]:
    """The problem with the models of several initialisations, each trained on all rows in the sampling order."""
    if initialisations < 1 or not 0 < share <= 1:
        raise InputError(f"initialisations={initialisations}, share={share} do not fit: at least 1, and a share of 1")
    order = problem.sampling_order()
    with bar("training from new initialisations", initialisations) as advance:
        for number in range(1, initialisations + 1):
            model = problem.retrained(order, problem.seed + number, share).model
            yield replace(problem, model=model, checkpoints=())
            advance(1)
