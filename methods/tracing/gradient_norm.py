"""Norms of gradients and of prediction errors: GraNd and EL2N."""

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

    When: you want the gradient norm itself. To find wrong labels `el2n` is cheaper, and better on the quick and the
    small vision suite.

    Args:
        problem: any; the paper averages over early checkpoints of several initialisations, this over those of one run.
        checkpoints: `last`, the model as it stands, or `all`.
        layers: the layers whose gradients are used.

    Cost (gradients): one epoch per checkpoint.
    """
    chosen = over(problem, checkpoints)
    norms = [gradient_space(problem, layers, checkpoint).train.squared_l2().sqrt() for checkpoint in chosen]
    return torch.stack(norms).mean(0).numpy()


@method(
    family="gradient norm",
    paper="Paul et al. 2021, definition 2.2 (EL2N)",
    uses={"checkpoints"},
    unless={"checkpoints": {"checkpoints": "last"}},
    classes=True,
)
def el2n(problem: Problem, checkpoints: Checkpoints = "last") -> Scores:
    """The L2 norm of each sample's error p - e_y, averaged over the checkpoints.

    When: as a first method: it takes one forward pass and no validation rows. If the final model has fitted the wrong
    labels, take `checkpoints=all`, which no row of the quick suite is shown to surpass.

    Args:
        problem: a classifier whose outputs are logits.
        checkpoints: `last`, the model as it stands, or `all`.

    Cost (forward): one forward pass per checkpoint.
    """
    return torch.stack([_error_norms(problem, checkpoint) for checkpoint in over(problem, checkpoints)]).mean(0).numpy()


@method(family="gradient norm", paper="Paul et al. 2021, definition 2.1 (GraNd)", uses={"retraining"})
def grand_retrained(problem: Problem, initialisations: int = 10, share: float = 0.1, layers: Layers = "all") -> Scores:
    """The L2 norm of each sample's gradient early in training, averaged over initialisations.

    When: you want GraNd as its paper defines it; `el2n-retrained` costs less.

    Args:
        problem: with a trainer.
        initialisations: number of models to train, each from another seed.
        share: the share of the recipe's epochs after which each training stops; the paper goes from 0 to 20 of 200.
        layers: the layers whose gradients are used.

    Cost (trainings): for each initialisation that share of a training, and one epoch.

    Raises:
        InputError: if initialisations is below 1, or share is not above 0 and at most 1.
    """
    early = retrained(problem, initialisations, share)
    norms = [gradient_space(trained, layers).train.squared_l2().sqrt() for trained in early]
    return torch.stack(norms).mean(0).numpy()


@method(family="gradient norm", paper="Paul et al. 2021, definition 2.2 (EL2N)", uses={"retraining"})
def el2n_retrained(problem: Problem, initialisations: int = 10, share: float = 0.1) -> Scores:
    """The L2 norm of each sample's error p - e_y early in training, averaged over initialisations.

    When: your model has fitted the wrong labels, there are no early checkpoints, and you can afford short trainings.

    Args:
        problem: a classifier with a trainer.
        initialisations: number of models to train, each from another seed.
        share: the share of the recipe's epochs after which each training stops; the paper's EL2N is best from 10 to 20
            of 200.

    Cost (trainings): for each initialisation that share of a training, and one forward pass.

    Raises:
        InputError: if initialisations is below 1, or share is not above 0 and at most 1.
    """
    early = retrained(problem, initialisations, share)
    return torch.stack([_error_norms(trained) for trained in early]).mean(0).numpy()


def _error_norms(problem: Problem, checkpoint: Checkpoint | None = None) -> Tensor:
    """‖p - e_y‖ (n,) of each training row, float64."""
    error = problem.probabilities(checkpoint).cpu()
    error[torch.arange(len(error)), problem.train.y.cpu()] -= 1
    norms: Tensor = error.norm(dim=1)
    return norms


def retrained(problem: Problem, initialisations: int, share: float) -> Iterator[Problem]:
    """The problem with each of several new models in turn, trained on all rows in the sampling order."""
    if initialisations < 1 or not 0 < share <= 1:
        given = f"initialisations={initialisations}, share={share}"
        raise InputError(f"{given} do not fit: give at least 1 initialisation, and a share above 0 and at most 1")
    order = problem.sampling_order()
    with bar("training new initialisations", initialisations) as advance:
        for number in range(1, initialisations + 1):
            model = problem.retrained(order, problem.seed + number, share).model
            yield replace(problem, model=model, checkpoints=())
            advance(1)
