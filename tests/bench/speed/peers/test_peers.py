"""Every installed peer gives the scores of plain autograd, sample by sample, in float64."""

import ast
import copy
import inspect
from collections import defaultdict
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench import fingerprint
from influence_bench.bench.speed.peers import autograd, libraries
from influence_bench.bench.speed.peers import peer as registry
from influence_bench.bench.speed.peers.autograd import DAMPING
from influence_bench.bench.speed.peers.libraries import DATTRI_DAMPING, KNOWN_LAYERS
from influence_bench.bench.speed.peers.peer import PEERS, peers
from influence_bench.methods.influence.fisher import chances, sampled_loss

ROWS, BATCH, CLASSES = 24, 10, 4
LIBRARIES = {"captum", "dattri", "kronfluence", "opacus"}
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),  # the libraries' own
    pytest.mark.usefixtures("small_heap"),
]


class MeanOverPositions(nn.Module):
    def forward(self, x):
        return x.mean(1)


def small(name):
    """A model with random parameters, its batch normalisation having seen data, and the shape of its inputs."""
    torch.manual_seed(0)
    if name == "mlp":
        layers = nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, CLASSES)
        return nn.Sequential(*layers), (3, 8, 8)
    if name == "transformer":
        block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        return nn.Sequential(nn.Linear(6, 8), encoder, MeanOverPositions(), nn.Linear(8, CLASSES)), (5, 6)
    norm = {"groupnorm": lambda: nn.GroupNorm(2, 6), "batchnorm": lambda: nn.BatchNorm2d(6)}[name]
    layers = nn.Conv2d(3, 6, 3, padding=1), norm(), nn.ReLU(), nn.Conv2d(6, 6, 3, stride=2, bias=False), norm()
    model = nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES))
    model(torch.randn(64, 3, 8, 8))
    return model, (3, 8, 8)


@pytest.fixture(scope="module", params=["mlp", "groupnorm", "batchnorm", "transformer"])
def case(request):
    """A float32 problem whose last batch is short, and the scores that are expected."""
    model, shape = small(request.param)
    draw = torch.Generator().manual_seed(1)
    train, valid = (
        (torch.randn(n, *shape, generator=draw), torch.randint(CLASSES, (n,), generator=draw)) for n in (ROWS, 9)
    )
    problem = ib.Problem(model, train, valid, batch_size=BATCH)
    return request.param, problem, Expected(problem)


class Expected:
    """Scores from the gradients of single samples, (n, p) by layer and parameter, in float64."""

    def __init__(self, problem):
        self.problem = problem
        self.model = copy.deepcopy(problem.model).double().eval()
        self.train, self.valid = self.gradients(problem.train), self.gradients(problem.valid)
        self.last = list(self.train)[-1]

    def gradients(self, examples):
        layers = defaultdict(dict)
        for x, y in zip(examples.x.double(), examples.y, strict=True):
            parameters = dict(self.model.named_parameters())
            loss = F.cross_entropy(self.model(x[None]), y[None])
            for name, g in zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True):
                layer, _, parameter = name.rpartition(".")
                layers[layer].setdefault(parameter, []).append(g.flatten())
        return {layer: {name: torch.stack(g) for name, g in rows.items()} for layer, rows in layers.items()}

    def matrix(self, layers, gradients=None):
        parts = [g for layer in layers for g in (gradients or self.train)[layer].values()]
        return torch.cat(parts, 1)

    def counted(self, peer):
        """Gradients (n, p) and v (p,) of the parameters that a peer says it counts."""
        if peer.differs == "leaves out the bias":
            return self.train[self.last]["weight"], None
        layers = [self.last] if peer.work.startswith("last-layer") else list(self.train)
        if peer.differs == KNOWN_LAYERS:
            called = {name for name, m in self.model.named_modules() if type(m) in (nn.Linear, nn.Conv2d)}
            layers = [layer for layer in layers if layer in called]
        return self.matrix(layers), self.matrix(layers, self.valid).mean(0)

    def of(self, peer):
        if peer.work.startswith("DataInf"):
            return self.datainf(None if peer.package == "torch" else DATTRI_DAMPING)
        if peer.work.startswith("EK-FAC"):
            return self.ekfac()
        gradients, v = self.counted(peer)
        if "forest" in peer.work:
            forest = IsolationForest(random_state=0).fit(gradients[self.problem.sampling_order()].float().numpy())
            return torch.from_numpy(-forest.score_samples(gradients.float().numpy()))
        return gradients.square().sum(1) if "norms" in peer.work else gradients @ v

    def datainf(self, damping):
        """-Σ_l g_l·h_l with h_l = (1/nλ_l) Σ_i (v_l - (v_l·g_il)/(λ_l + ‖g_il‖²) g_il), term by term."""
        total = torch.zeros(ROWS, dtype=torch.float64)
        for layer in self.train:
            g, v = self.matrix([layer]), self.matrix([layer], self.valid).mean(0)
            lam = DAMPING * g.square().mean() if damping is None else damping
            terms = [v - (v @ row) / (lam + row @ row) * row for row in g]
            total -= g @ torch.stack(terms).mean(0) / lam
        return total

    def ekfac(self):
        """Σ_l (UᵀgV)² / (Λ + 0.1 mean Λ) with Λ the mean of (UᵀgV)² over gradients of labels that the model draws."""
        total, seen = torch.zeros(ROWS, dtype=torch.float64), {}
        layers = {name: m for name, m in self.model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
        for name, layer in layers.items():
            layer.register_forward_hook(lambda m, args, out, name=name: seen.update({name: (args[0], out)}))
        logits = self.model(self.problem.train.x.double())
        drawn = sampled_loss(logits, chances(self.problem)).sum()
        given = F.cross_entropy(logits, self.problem.train.y, reduction="sum")
        outs = [out for _, out in seen.values()]
        deltas = [torch.autograd.grad(loss, outs, retain_graph=True) for loss in (drawn, given)]
        for (name, (a, _)), *both in zip(seen.items(), *deltas, strict=True):
            layer = layers[name]
            if isinstance(layer, nn.Conv2d):
                a = F.unfold(a, layer.kernel_size, padding=layer.padding, stride=layer.stride).mT.flatten(0, 1)
                both = [delta.flatten(2).mT.flatten(0, 1) for delta in both]
            a = torch.cat([a, torch.ones(len(a), 1)], 1) if layer.bias is not None else a
            u, v = (torch.linalg.eigh(part.detach().T @ part.detach())[1] for part in (both[0], a))
            a = a.reshape(ROWS, -1, len(v))
            g = [torch.einsum("npo,npi->noi", delta.reshape(ROWS, -1, len(u)), a) for delta in both]
            fisher, given = ((u.T @ part @ v).square().detach() for part in g)
            total += (given / (fisher.mean(0) + 0.1 * fisher.mean())).sum((1, 2))
        return total


CANNOT = {
    ("batchnorm", "opacus", "all"): (NotImplementedError, "BatchNorm2d"),
    ("transformer", "opacus", "all"): (TypeError, "MultiheadAttention"),
    ("transformer", "kronfluence", "all"): (KeyError, "NonDynamicallyQuantizableLinear"),
    ("transformer", "torch.func jvp", "all"): (NotImplementedError, "forward AD"),
}


@pytest.mark.parametrize("peer", peers(), ids=lambda peer: peer.key)
def test_peer_gives_the_scores_of_plain_autograd(case, peer, monkeypatch, tmp_path):
    if not peer.installed:
        pytest.skip(f"{peer.package} is not installed")
    name, problem, expected = case
    monkeypatch.chdir(tmp_path)
    before, modes = copy.deepcopy(problem.model.state_dict()), [m.training for m in problem.model.modules()]

    where = "last" if peer.work.startswith("last-layer") else "all"
    fails = CANNOT.get((name, peer.package, where)) or CANNOT.get((name, peer.name, where))
    if fails:
        with pytest.raises(fails[0], match=fails[1]):
            peer.scores(problem)
        return
    scores = peer.scores(problem)

    assert scores.dtype == np.float64
    assert scores.shape == (ROWS,)
    wanted = expected.of(peer).numpy()
    if "forest" in peer.work:  # float32 rows may fall on the other side of a split
        assert spearmanr(scores, wanted)[0] >= 0.999
    else:
        assert np.abs(scores - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert list(tmp_path.iterdir()) == []
    assert [m.training for m in problem.model.modules()] == modes
    assert all(p.requires_grad for p in problem.model.parameters())
    assert all(torch.equal(tensor, before[key]) for key, tensor in problem.model.state_dict().items())


def test_an_absent_library_is_reported_and_is_no_error(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    assert {peer.package for peer in peers()} == {"torch"} | LIBRARIES
    alone = [peer for peer in peers() if peer.package == "torch"]
    assert all(peer.installed and torch.__version__.startswith(peer.version) for peer in alone)
    monkeypatch.setattr(fingerprint, "version", absent)
    assert {(peer.version, peer.installed) for peer in peers()} == {("not installed", False)}


@pytest.mark.parametrize("module", [registry, autograd, libraries], ids=lambda module: module.__name__)
def test_no_library_is_imported_with_the_module(module):
    imported = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        imported |= {name.partition(".")[0] for name in names}
    assert not imported & LIBRARIES


def test_peers_of_a_work():
    assert {peer.work for peer in peers("all-layer inner products")} == {"all-layer inner products"}
    assert len(peers("all-layer inner products")) == 6


def test_a_peer_is_found_by_its_name_and_its_work():
    vmap = PEERS.find("torch.func vmap: DataInf, all layers")
    assert (vmap.name, vmap.work, vmap.function) == ("torch.func vmap", "DataInf, all layers", autograd.vmap_datainf)
    with pytest.raises(ib.InputError, match=r"there is no peer 'torch.func vmap': did you mean torch\.func vmap: "):
        PEERS.find("torch.func vmap")


def test_a_third_party_adds_a_peer_and_takes_no_name_that_is_taken():
    with PEERS.restored():

        @registry.peer("torch", work="last-layer squared L2 norms", name="mine")
        def mine(problem, layers):
            return torch.arange(len(problem.train))

        (added,) = (peer for peer in peers("last-layer squared L2 norms") if peer.name == "mine")
        problem = ib.Problem(nn.Linear(2, 2), (torch.zeros(3, 2), torch.zeros(3, dtype=torch.long)))
        assert added.scores(problem).tolist() == [0.0, 1.0, 2.0]
        with pytest.raises(ib.InputError, match=r"the peer 'torch\.func jvp: all-layer inner products' .* already in"):
            registry.peer("torch", work="all-layer inner products", name="torch.func jvp")(mine)
    assert added.key not in PEERS.all()
