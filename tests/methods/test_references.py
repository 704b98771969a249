"""Our methods compared with options of other libraries that no peer row shows (see the tests in `peers`).

Where a library differs, a test shows how: by an error, by NaNs, or by the change that makes it agree.
"""

import copy
import io
from contextlib import redirect_stderr
from importlib import import_module

import numpy as np
import pytest
import torch
from oracle import LAST, Oracle, close
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import influence_bench as ib
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.exact import Dense, damped
from influence_bench.methods.influence.inverse import relative_influence

DAMPING, AGREES = 0.01, 1e-5
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # the libraries' own


@pytest.fixture(scope="module")
def oracle():
    return Oracle(torch.float32)


def dattri(name, problem, batch_size=1000, one_query=False, relative=None, **options):
    """Scores (n,): minus the mean attribution to the validation rows, or the attribution to their mean loss."""
    pytest.importorskip("dattri")
    model, shape = copy.deepcopy(problem.model).eval(), problem.train.x.shape[1:]

    def loss(parameters, data):
        outputs = functional_call(model, parameters, (data[0].reshape(-1, *shape),))
        return F.cross_entropy(outputs, data[1].reshape(-1))

    over_checkpoints = name == "TracInAttributor"
    checkpoints = problem.checkpoints if over_checkpoints else problem.checkpoints[-1:]
    task = import_module("dattri.task").AttributionTask(loss, model, [dict(c.state) for c in checkpoints])
    valid = problem.valid.x, problem.valid.y
    train = DataLoader(TensorDataset(problem.train.x, problem.train.y), batch_size)
    queries = DataLoader(TensorDataset(*(part[None] if one_query else part for part in valid)), 1000)
    attributor = getattr(import_module("dattri.algorithm"), name)
    with redirect_stderr(io.StringIO()):  # its progress bars
        attribution = attributor(task, layer_name=["3.weight", "3.bias"], **options)
        if over_checkpoints:
            attribution.projector_kwargs = None  # as an argument, None means a projection to 512 dimensions
            return -attribution.attribute(train, queries).mean(1).detach()
        attribution.cache(train)
        return -attribution.attribute(train, queries, relatif_method=relative).mean(1).detach()


@pytest.mark.parametrize("name", ["tracin", "gas", "less"])
def test_tracing_agrees_with_dattri(oracle, name):
    rates = torch.tensor(oracle.rates)
    weights = rates / rates.sum() if name == "less" else rates
    more = {"weight_list": weights, "normalized_grad": name != "tracin", "one_query": name == "gas"}
    close(ib.score(name, oracle.problem), dattri("TracInAttributor", oracle.problem, **more), AGREES)


def test_exact_influence_agrees_with_dattri_for_a_single_batch(oracle):
    ours = ib.score("influence-exact", oracle.problem, damping=DAMPING)
    close(ours, dattri("IFAttributorExplicit", oracle.problem, regularization=DAMPING), AGREES)
    # dattri sums the inverses of the batches, while it is their curvatures that add up.
    several = dattri("IFAttributorExplicit", oracle.problem, batch_size=64, regularization=DAMPING)
    assert float(several.norm()) > 5 * np.linalg.norm(ours)


def test_conjugate_gradients_agree_with_dattri_until_it_has_converged(oracle):
    ours = ib.score("influence-cg", oracle.problem, damping=DAMPING, tolerance=1e-6)
    close(ours, dattri("IFAttributorCG", oracle.problem, max_iter=30, regularization=DAMPING), AGREES)
    # dattri ignores its tolerance, and divides 0 by 0 once it has converged.
    assert dattri("IFAttributorCG", oracle.problem, max_iter=100, regularization=DAMPING).isnan().all()
    assert np.isfinite(ib.score("influence-cg", oracle.problem, damping=DAMPING, tolerance=1e-6, steps=1000)).all()


@pytest.mark.parametrize(("method", "power"), [("l", 1), ("theta", 2)])
def test_relative_influence_agrees_with_dattri(oracle, method, power):
    space = gradient_space(oracle.problem, "last")
    inverse = Dense(space, torch.linalg.inv(damped(space, "hessian", DAMPING)))
    ours = relative_influence(space, inverse, "validation", power)
    theirs = dattri("IFAttributorExplicit", oracle.problem, relative=method, regularization=DAMPING)
    close(ours, theirs, AGREES)


def test_dattris_lissa_fails_on_class_labels(oracle):
    with pytest.raises(RuntimeError, match="gather"):  # it converts them to floating-point numbers
        dattri("IFAttributorLiSSA", oracle.problem, damping=DAMPING)


def captum(cls, problem, **options):
    """captum's curvature is that of the summed loss, so its damping is n times ours, and its scores are 1/n of ours."""
    given = TensorDataset(problem.train.x, problem.train.y)
    options |= {"checkpoints_load_func": lambda *_: 1.0, "loss_fn": nn.CrossEntropyLoss(reduction="none")}
    options |= {"hessian_reg": DAMPING * len(given), "layers": ["3"], "batch_size": 64}
    return cls(copy.deepcopy(problem.model).eval(), given, "", **options)


def test_exact_influence_agrees_with_captum(oracle):
    naive = pytest.importorskip("captum.influence").NaiveInfluenceFunction
    problem = oracle.problem
    attribution = captum(naive, problem, projection_dim=LAST)
    theirs = -len(problem.train) * attribution.influence((problem.valid.x, problem.valid.y)).mean(0)
    close(ib.score("influence-exact", problem, damping=DAMPING), theirs, 1e-4)
