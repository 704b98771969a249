"""What became of a random problem: right scores, or one true line; anything else is an error of this package."""

import re
import warnings

import numpy as np
import torch
from random_losses import GOALS
from random_problems import model_of, problem_of
from row_by_row import RowByRow, inverse

import influence_bench as ib
from influence_bench.bench.registry.method import METHODS
from influence_bench.methods.gradients.space import gradient_space

HELD_OUT = {"retraining", "dynamics", "groups"}
SLOW = {"banzhaf", "beta-shapley", "tmc-shapley", "data-oob"}
ANY = [
    name for name, entry in METHODS.all().items()
    if not (entry.uses_with({}) & HELD_OUT or entry.pairwise or entry.family == "peer" or entry.rows_in)
    and name not in SLOW and entry.installed
]  # fmt: skip
"""Methods of all families, whose scores for random problems must be finite, or refused in one line."""


def _queries(oracle, against):
    return oracle.gradients(getattr(oracle.problem, against)).mean(0)


def _influence(oracle, curvature):
    g, v = oracle.gradients(oracle.problem.train), _queries(oracle, "valid")
    return -g @ (inverse(curvature) @ v)


def _self_influence(oracle, curvature):
    g = oracle.gradients(oracle.problem.train)
    return (g @ inverse(curvature) * g).sum(1)


def _cosines(g, v):
    length = g.norm(dim=1) * v.norm()
    return torch.where(length > 1e-150, -(g @ v) / length, 0.0)


DEFINITIONS = {
    "grand[layers=all]": lambda o: o.gradients(o.problem.train).norm(dim=1),
    "grand[layers=last]": lambda o: o.gradients(o.problem.train).norm(dim=1),
    "outlier-gradient[detector=l1,layers=all]": lambda o: o.gradients(o.problem.train).abs().sum(1),
    "grad-dot[layers=all]": lambda o: -o.gradients(o.problem.train) @ _queries(o, "valid"),
    "grad-dot[layers=last,against=training]": lambda o: -o.gradients(o.problem.train) @ _queries(o, "train"),
    "grad-cos[layers=all]": lambda o: _cosines(o.gradients(o.problem.train), _queries(o, "valid")),
    "influence-exact[layers=last]": lambda o: _influence(o, o.hessian()),
    "influence-exact[layers=last,curvature=ggn]": lambda o: _influence(o, o.gauss_newton()),
    "influence-self[layers=all]": lambda o: _self_influence(o, o.hessian()),
    "influence-self[layers=all,curvature=ggn]": lambda o: _self_influence(o, o.gauss_newton()),
}
"""Methods of the model as it stands, by their definitions from each row's gradient."""
TRACED = {
    "tracin-self[layers=all]": lambda o: o.gradients(o.problem.train).square().sum(1),
    "tracin[layers=last]": lambda o: -o.gradients(o.problem.train) @ _queries(o, "valid"),
}
"""Methods that sum over checkpoints."""

REFUSALS = {
    r"the model returns a tuple: ": lambda drawn: drawn.wrap == "tuple",
    r" is complex, and gradients here are real": lambda drawn: "complex" in drawn.blocks,
    r"is scripted or traced": lambda drawn: "scripted" in drawn.blocks,
    r"also uses .* through an attribute": lambda drawn: "unregistered" in drawn.blocks,
    r"Hessian is not symmetric": lambda drawn: (
        drawn.head == "weight norm" or any("weight norm" in b for b in drawn.blocks)
    ),
    r"cannot be differentiated twice": lambda drawn: (
        drawn.head == "prototypes" or drawn.goal == "margin" or {"once differentiable", "distances"} & {*drawn.blocks}
    ),
}
"""Lines, and the problems for which they are true; a goal has its own."""


class Fault(AssertionError):
    """An outcome that is neither a right score nor a true line."""


def outcome(drawn, method, limit=60):
    """What a method makes of a problem: `right`, `finite` or a line without its numbers.

    Raises:
        Fault: if the outcome is another.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            problem, states, twin = problem_of(drawn)
            before = _state(problem.model)
            scores = ib.score([method], problem)[method]
        except ib.InputError as error:
            return _refused(drawn, method, str(error))
        except ValueError as error:
            if re.search(r"no finite score for \d+ of \d+ rows", str(error)):
                return "no finite score"
            raise Fault(f"{type(error).__name__}: {error}") from error
        except Exception as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
        if drawn.read != "embedding, max norm" and not _same(before, _state(problem.model)):
            raise Fault("the model was changed")
        if not np.isfinite(scores).all():
            raise Fault("scores that are not finite")
        if (entry := DEFINITIONS.get(method) or TRACED.get(method)) is None and method != "loss":
            return "finite"
        return _compared(drawn, method, problem, states, twin, scores, entry, limit)


def _compared(drawn, method, problem, states, twin, scores, definition, limit):
    if GOALS[drawn.goal].refused and drawn.rows > 2:  # fewer show only one weight
        raise Fault(f"scored, although {GOALS[drawn.goal].refused}")
    if method == "loss":
        wanted = RowByRow(drawn, problem, twin, []).losses(problem.train).detach()
    else:
        layers = "last" if "layers=last" in method else "all"
        space = gradient_space(problem, layers)
        names = [space.prefix + name for name in space.parameters]
        _check_names(drawn, layers, names, twin)
        oracle = RowByRow(drawn, problem, twin, names)
        if "influence" in method and sum(p.numel() for p in oracle.parameters) > limit:
            return "too large to compare"
        if method in TRACED:
            wanted = 0
            for state, rate in states or [(twin.state_dict(), 1.0)]:
                twin.load_state_dict(state)
                wanted = wanted + rate * definition(oracle)
        else:
            wanted = definition(oracle)
    wanted, single = wanted.numpy(), not drawn.double or {"double inside", "complex"} & {*drawn.blocks}
    scale = max(abs(wanted).max(), 1e-12)
    tolerance = (3e-2 if single else 1e-5) if "influence" in method else 1e-3 if single else 1e-8
    worst = abs(scores - wanted).max() / scale
    if not worst <= tolerance:
        raise Fault(f"differs from its definition by {worst:.2g}")
    return "right"


def _check_names(drawn, layers, names, twin):
    """The parameters are those that are trained: all, or those of the head if that is called as a module."""
    expected = {name for name, p in model_parameters(drawn)}
    if layers == "last":
        if drawn.head == "prototypes":
            return
        expected = {name for name in expected if name.startswith("head.2" if drawn.head == "two layers" else "head.")}
    if expected and set(names) != expected:
        raise Fault(f"the parameters of layers={layers} are {sorted(set(names) ^ expected)} off")


def model_parameters(drawn):
    return [(name, p) for name, p in model_of(drawn).named_parameters() if p.requires_grad]


def _refused(drawn, method, line):
    if "\n" in line or len(line) > 600:
        raise Fault(f"no single line: {line[:200]!r}")
    known = [told for pattern, told in REFUSALS.items() if re.search(pattern, line)]
    goal = GOALS[drawn.goal].refused
    if known and not any(map(bool, (told(drawn) for told in known))):
        raise Fault(f"an untrue line: {line}")
    if not known and not (goal and goal in line) and (method in DEFINITIONS or method in TRACED or method == "loss"):
        raise Fault(f"refused: {line}")
    return re.sub(r"[\d.]+|'[^']*'|\([^)]*\)", "#", line)


def _state(model):
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [(module.training) for module in model.modules()]
    return tensors, modes, [(p.requires_grad, p.grad is None) for p in model.parameters()]


def _same(one, other):
    return one[1:] == other[1:] and all(torch.equal(value, other[0][name]) for name, value in one[0].items())
