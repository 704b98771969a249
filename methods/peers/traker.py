"""TRAK by its authors' own library, traker."""

from importlib import import_module
from tempfile import TemporaryDirectory

import torch

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..checkpoints import Checkpoints, over
from ..gradients.selection import Layers
from .inputs import copied, loader, parameters, quietly, scores, size


@method(
    family="peer",
    paper="traker: TRAKer",
    uses={"validation", "checkpoints"},
    package="traker",
    unless={"checkpoints": {"checkpoints": "last"}},
)
def traker_trak(
    problem: Problem, k: int = 512, damping: float = 1.0, layers: Layers = "last", checkpoints: Checkpoints = "last"
) -> Scores:
    """As `trak`, by traker in float32; scores differ by a factor, since traker divides the inverse by its mean.

    When: you compare with traker's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        k: number of columns of the projection; gradients with at most k numbers are not projected. On a CPU traker
            fails if it projects to 100 columns or fewer, since it drops the matrix before it scores.
        damping: λ itself, while `trak` takes a share of the mean eigenvalue; traker's own default 0 inverts a singular
            matrix wherever k is above the rank of the gradients.
        layers: the layers whose gradients are used.
        checkpoints: `last`, the model as it stands, or `all`, the mean over all.

    Cost (gradients): traker's own: on a CPU it draws the projection matrix again for each batch.
    """
    trak, device = import_module("trak"), str(problem.device)
    selected = parameters(problem, layers)
    states = [problem.state_at(checkpoint) for checkpoint in over(problem, checkpoints)]
    no_projection = import_module("trak.projectors").NoOpProjector(device=device)
    projector = no_projection if size(problem, layers) <= k else None
    with TemporaryDirectory() as folder, quietly(problem.seed):
        traker = trak.TRAKer(
            copied(problem, layers),
            "image_classification",
            len(problem.train),
            save_dir=folder,
            device=device,
            projector=projector,
            proj_dim=k,
            projector_seed=problem.seed,
            use_half_precision=False,
            grad_wrt=selected,
            lambda_reg=damping,
        )
        for number, state in enumerate(states):
            traker.load_checkpoint(dict(state), model_id=number)
            for batch in loader(problem, problem.train):
                traker.featurize(batch, num_samples=len(batch[1]))
        traker.finalize_features()
        for number, state in enumerate(states):
            traker.start_scoring_checkpoint("valid", dict(state), number, len(problem.validation))
            for batch in loader(problem, problem.validation):
                traker.score(batch, num_samples=len(batch[1]))
        return scores(-torch.tensor(traker.finalize_scores("valid")).double().sum(1))
