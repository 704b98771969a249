"""Random problems: a small model of a person's own with its rows, labels and loss, drawn as one flat description."""

import copy
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
from hypothesis import strategies as st
from random_blocks import ROWS, D, T, linear
from random_forms import IMAGES, READS, SEQUENCES, TOKENS
from random_losses import GOALS, C
from torch import nn
from torch.nn import functional as F

import influence_bench as ib

BLOCKS = {"rows": ROWS, "sequences": SEQUENCES, "images": IMAGES, "tokens": SEQUENCES, "masked": SEQUENCES}
POOLS = ("mean", "flat", "largest", "last")
HEADS = ("linear", "no bias", "weight norm", "two layers", "used before", "prototypes", "frozen bias")
WRAPS = ("plain", "logits", "named", "tuple")


@dataclass(frozen=True)
class Drawn:
    """The description of a problem, from which the same problem can be made again and again.

    Attributes:
        form: of the inputs.
        read: what reads tokens.
        blocks: in order, by name.
        pool: from positions to a row.
        head: the last layer.
        goal: outputs, labels and loss.
        wrap: what the model returns.
        rows: how many training rows there are.
        blank: how many of them are blank, and how many are copies of others.
        batch_size: of the problem.
        double: whether it is in float64.
        training: whether the model is in training mode.
        states: how many checkpoints there are; with a wrapper's prefix if `prefix` says so.
        seed: of all numbers.
    """

    form: str
    read: str
    blocks: tuple[str, ...]
    pool: str
    head: str
    goal: str
    wrap: str
    rows: int
    blank: int
    batch_size: int | None
    double: bool
    training: bool
    states: int
    prefix: str
    seed: int


class Assembled(nn.Module):
    """Blocks, a pool and a head."""

    def __init__(self, drawn):
        super().__init__()
        self.drawn, self.places = drawn, GOALS[drawn.goal].shape == "places"
        self.read = READS[drawn.read]() if drawn.form in ("tokens", "masked") else nn.Identity()
        self.blocks = nn.Sequential(*(BLOCKS[drawn.form][name]() for name in drawn.blocks))
        width = C if GOALS[drawn.goal].shape in ("rows", "places") else 1
        flat = drawn.pool == "flat" and drawn.form != "rows" and not self.places
        self.squash = nn.LazyLinear(D) if flat else nn.Identity()
        self.head = _head(drawn.head, width)

    def forward(self, x, mask=None):
        drawn = self.drawn
        h = self.blocks(self.read(x))
        if mask is not None:
            h = h * mask[..., None].to(h.dtype)
        if self.places:
            h = h.movedim(1, -1) if drawn.form == "images" else h
        elif drawn.form != "rows":
            h = h.flatten(2).transpose(1, 2) if drawn.form == "images" else h
            h = {"mean": lambda: h.mean(1), "largest": lambda: h.amax(1), "last": lambda: h[:, -1]}.get(
                drawn.pool, lambda: h.flatten(1)
            )()
        h = self.squash(h)
        if drawn.head == "used before":
            h = torch.tanh(F.linear(F.linear(h, self.head.weight), self.head.weight.T))
        if drawn.head == "prototypes":
            out = -torch.cdist(h.flatten(0, -2), self.head.weight).view(*h.shape[:-1], -1)
        else:
            out = self.head(h)
        if GOALS[drawn.goal].shape == "number":
            out = out.squeeze()
        if self.places:
            out = out.movedim(-1, 1)
        wrapped = {"logits": lambda: {"logits": out}, "named": lambda: SimpleNamespace(logits=out)}
        return wrapped.get(drawn.wrap, lambda: (out, h) if drawn.wrap == "tuple" else out)()


def _head(kind, width):
    if kind == "two layers":
        return nn.Sequential(linear(), nn.ReLU(), nn.Linear(D, width))
    head = nn.Linear(D, width, bias=kind not in ("no bias", "prototypes"))
    if kind == "frozen bias":
        head.bias.requires_grad_(False)
    return nn.utils.parametrizations.weight_norm(head) if kind == "weight norm" else head


@st.composite
def problems(draw):
    """Descriptions of problems of all kinds, the plain ones first."""
    form = draw(st.sampled_from(list(BLOCKS)))
    goals = [name for name, goal in GOALS.items() if goal.shape != "places" or form != "rows"]
    return Drawn(
        form=form,
        read=draw(st.sampled_from(list(READS))),
        blocks=tuple(draw(st.lists(st.sampled_from(list(BLOCKS[form])), max_size=3))),
        pool=draw(st.sampled_from(POOLS)),
        head=draw(st.sampled_from(HEADS)),
        goal=draw(st.sampled_from(goals)),
        wrap=draw(st.sampled_from(WRAPS + ("plain",) * 16)),
        rows=draw(st.integers(1, 9)),
        blank=draw(st.integers(0, 3)),
        batch_size=draw(st.sampled_from([None, 1, 2, 4])),
        double=draw(st.booleans()),
        training=draw(st.booleans()),
        states=draw(st.integers(0, 2)),
        prefix=draw(st.sampled_from(["", "module.", "_orig_mod."])),
        seed=draw(st.integers(0, 2**16)),
    )


def model_of(drawn):
    """The model, initialised, with running statistics that are not those of a new one."""
    torch.manual_seed(drawn.seed)
    model = Assembled(drawn)
    model.eval()
    with torch.no_grad():
        if isinstance(model.squash, nn.LazyLinear):
            model(**inputs_of(replace(drawn, blank=0), 2))
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    model.train(drawn.training)
    return model.double() if drawn.double else model


def inputs_of(drawn, n):
    """The fields of n rows in float32; the first rows are blank, the last are copies."""
    shape = {"rows": (D,), "sequences": (T, D), "images": (D, 4, 4)}.get(drawn.form)
    x = torch.randint(TOKENS, (n, T)) if shape is None else torch.randn(n, *shape)
    x[: min(drawn.blank, n)] = 0
    if n > 4:
        x[-1] = x[-2]
    return {"x": x} | ({"mask": torch.rand(n, T) < 0.7} if drawn.form == "masked" else {})


def problem_of(drawn):
    """The problem, its checkpoints as (state dict, rate), and a second copy of the model in float64."""
    model, twin = model_of(drawn), model_of(replace(drawn, training=False)).double()
    dtype = torch.float64 if drawn.double else torch.float32
    torch.manual_seed(drawn.seed + 1)
    goal = GOALS[drawn.goal]

    def rows(n):
        fields = inputs_of(drawn, n)
        with torch.no_grad():
            out = logits(twin(**cast(fields, torch.float64))).to(dtype)
        out = out.reshape(1) if out.ndim == 0 else out  # of a model that squeezes a single row
        return (fields if "mask" in fields else cast(fields, dtype)["x"]), goal.y(out)

    train, valid = rows(drawn.rows), rows(3)
    states = []
    for rate in range(1, drawn.states + 1):
        state = {
            name: value + 0.1 * torch.randn_like(value)
            if value.is_floating_point() and _is_free(name)
            else value.clone()
            for name, value in model.state_dict().items()
        }
        states.append((state, float(rate)))
    given = [({drawn.prefix + name: value for name, value in state.items()}, rate) for state, rate in states]
    problem = ib.Problem(
        model, train, valid, given, loss=_in(dtype, goal.loss), batch_size=drawn.batch_size, seed=drawn.seed
    )
    return problem, states, twin


def _in(dtype, loss):
    return copy.deepcopy(loss).to(dtype) if isinstance(loss, nn.Module) else loss


def _is_free(name):
    """Whether a number of a state may be any: not those of running statistics, or of reparametrisations."""
    return not any(part in name for part in ("running", "base"))


def cast(fields, dtype):
    return {name: x.to(dtype) if x.is_floating_point() else x for name, x in fields.items()}


def logits(out):
    """The tensor of outputs in what a model returns."""
    if isinstance(out, tuple):
        return out[0]
    return out["logits"] if isinstance(out, dict) else getattr(out, "logits", out)
