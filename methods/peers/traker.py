"""TRAK by its authors' own library."""

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

    When: what traker itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        k: columns of the projection; gradients of no more numbers are taken as they are. With a projection to 100 or
            less, traker fails on a CPU: it has thrown the matrix away when it comes to score.
        damping: λ as it is, where `trak` takes a share of the mean eigenvalue; traker's own 0 inverts a singular matrix
            wherever k is above the gradients' rank.
        layers: whose parameters the gradients are taken for.
        checkpoints: the model as it stands, or the mean over all.

    Cost (gradients): traker's own: on a CPU the projection matrix is made anew for each batch.
    """
    trak, device = import_module("trak"), str(problem.device)
    chosen, states = parameters(problem, layers), [problem.state_at(one) for one in over(problem, checkpoints)]
    taken_whole = import_module("trak.projectors").NoOpProjector(device=device)
    projector = taken_whole if size(problem, layers) <= k else None
    with TemporaryDirectory() as folder, quietly(problem.seed):
        found = trak.TRAKer(
            copied(problem, layers),
            "image_classification",
            len(problem.train),
            save_dir=folder,
            device=device,
            projector=projector,
            proj_dim=k,
            projector_seed=problem.seed,
            use_half_precision=False,
            grad_wrt=chosen,
            lambda_reg=damping,
        )
        for number, state in enumerate(states):
            found.load_checkpoint(dict(state), model_id=number)
            for batch in loader(problem, problem.train):
                found.featurize(batch, num_samples=len(batch[1]))
        found.finalize_features()
        for number, state in enumerate(states):
            found.start_scoring_checkpoint("valid", dict(state), number, len(problem.validation))
            for batch in loader(problem, problem.validation):
                found.score(batch, num_samples=len(batch[1]))
        return scores(-torch.tensor(found.finalize_scores("valid")).double().sum(1))
