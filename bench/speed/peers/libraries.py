"""Peers of captum, dattri, kronfluence and opacus.

Those of the first three call the functions behind their rows on the leaderboard (`methods/peers`).
"""

from functools import partial
from importlib import import_module

import torch
from torch import Tensor

from ....methods.gradients.selection import Layers
from ....methods.influence.fisher import Labels
from ....methods.peers import captum, dattri, kronfluence
from ....methods.peers.inputs import SUMMED, copied
from ...problem.problem import Problem
from .peer import peer

KNOWN_LAYERS = "counts Linear and Conv2d layers only"
DATTRI_DAMPING = 1e-2  # DataInf's λ, the same for all layers

peer("captum", work="last-layer squared L2 norms", name="captum TracInCPFast", differs="leaves out the bias")(
    captum.fast
)
for package, name, differs, function in (
    ("captum", "captum TracInCP", KNOWN_LAYERS, captum.traced),
    ("dattri", "dattri TracIn", "", dattri.traced),
    ("kronfluence", "kronfluence", KNOWN_LAYERS, partial(kronfluence.kronfluence, strategy="identity")),
):
    peer(package, work="last-layer squared L2 norms", name=name)(function)
    peer(package, work="all-layer squared L2 norms", name=name, differs=differs)(function)
    peer(package, work="all-layer inner products", name=name, differs=differs)(function)


@peer("kronfluence", work="EK-FAC self-influence, all layers", differs=KNOWN_LAYERS)
def kronfluence_ekfac(problem: Problem, layers: Layers) -> Tensor:
    """EK-FAC self-influence by kronfluence; with given labels where the loss gives no probabilities to sample from."""
    labels: Labels = "sampled" if problem.loss is None else "given"
    return kronfluence.kronfluence(problem, layers, strategy="ekfac", labels=labels)


@peer("dattri", work="DataInf, all layers", differs=f"uses the same λ, {DATTRI_DAMPING}, for all layers")
def dattri_datainf(problem: Problem, layers: Layers) -> Tensor:
    """DataInf by dattri."""
    return torch.from_numpy(dattri.dattri_datainf(problem, DATTRI_DAMPING, layers))


@peer("opacus", work="last-layer squared L2 norms", name="opacus ghost norms")
@peer("opacus", work="all-layer squared L2 norms", name="opacus ghost norms")
def opacus(problem: Problem, layers: Layers) -> Tensor:
    """Squared norms by opacus's ghost clipping, which forms no per-sample gradient of a linear layer."""
    ghost, norms = import_module("opacus.grad_sample").GradSampleModuleFastGradientClipping, []
    model = ghost(copied(problem, layers), loss_reduction="sum")
    for module in model.modules():
        module.training = any(p.requires_grad for p in module.parameters(False))  # in evaluation mode no hook records
    for _, batch in problem.batches(problem.train):
        model.zero_grad(set_to_none=True)
        SUMMED(model(batch.x), batch.y).backward()
        norms.append(model.get_norm_sample().square())
    return torch.cat(norms)
