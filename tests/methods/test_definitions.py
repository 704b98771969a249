"""Methods that need no curvature compared with their definitions, and their ROC-AUC on digits."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import IsolationForest
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def errors_and_features(problem):
    """p - e_y, and the last layer's inputs, of each training row, float64."""
    model = problem.model.double().eval()
    with torch.no_grad():
        p = model(problem.train.x.double()).softmax(1)
        h = model[:-1](problem.train.x.double())
    problem.model.float()
    return (p - nn.functional.one_hot(problem.train.y, 3)).numpy(), h.numpy()


def test_el2n_self_confidence_margin_and_loss_equal_their_definitions(problem):
    error, _ = errors_and_features(problem)
    y = problem.train.y.numpy()
    p = error + np.eye(3)[y]
    p_y = p[np.arange(len(y)), y]
    others = np.where(np.eye(3)[y] == 1, -1, p).max(1)
    for name, expected in {
        "el2n": np.linalg.norm(error, axis=1),
        "self-confidence": 1 - p_y,
        "margin": others - p_y,
        "loss": -np.log(p_y),
    }.items():
        np.testing.assert_allclose(ib.score(name, problem), expected, rtol=1e-4, atol=1e-6, err_msg=name)


def test_last_layer_norms_are_the_error_norm_times_the_feature_norm(problem):
    error, h = errors_and_features(problem)
    with_bias = np.hstack([h, np.ones((len(h), 1))])
    l2 = np.linalg.norm(error, axis=1) * np.linalg.norm(with_bias, axis=1)
    l1 = np.abs(error).sum(1) * np.abs(with_bias).sum(1)
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector="l2"), l2**2, rtol=1e-4)
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector="l1"), l1, rtol=1e-4)
    np.testing.assert_allclose(ib.score("grand", problem, layers="last"), l2, rtol=1e-4)
    np.testing.assert_allclose(ib.score("tracin-self", problem.only(frozenset())), l2**2, rtol=1e-4)


def test_a_large_isolation_forest_is_close_to_scikit_learns_on_the_gradient_matrix(problem):
    error, h = errors_and_features(problem)
    weights = (error[:, :, None] * h[:, None, :]).reshape(len(h), -1)
    matrix = np.hstack([weights, error]).astype(np.float32)
    forest = IsolationForest(n_estimators=1000, random_state=0).fit(matrix)
    scores = ib.score("outlier-gradient", problem, trees=1000)
    assert np.corrcoef(scores, -forest.score_samples(matrix))[0, 1] > 0.995


def test_averages_over_checkpoints_are_averages_of_single_checkpoints(problem):
    single = [
        ib.score("el2n", ib.Problem(problem.model, problem.train, checkpoints=[c]), checkpoints="all")
        for c in problem.checkpoints
    ]
    np.testing.assert_allclose(ib.score("el2n", problem, checkpoints="all"), np.mean(single, 0))
    assert len(single) == 4


def test_methods_for_classes_refuse_other_labels_and_outputs_by_shape():
    regression = ib.Problem(nn.Linear(2, 1), train=(torch.randn(5, 2), torch.randn(5, 1)), loss=nn.MSELoss())
    with pytest.raises(ib.InputError, match=r"needs a class as the label .* these labels are \(5, 1\) of float32"):
        ib.score("el2n", regression)
    with pytest.raises(ib.InputError, match=r"aggregate.* needs a class"):
        ib.score("aggregate", regression, rows="loss+el2n")
    assert len(ib.score("aggregate", regression, rows="loss+grand")) == 5
    x, y = torch.randn(5, 2), torch.arange(5)
    counts = ib.Problem(nn.Linear(2, 1), train=(x, y), loss=lambda out, y: (out[:, 0] - y) ** 2)
    with pytest.raises(ib.InputError, match=r"needs logits \(n, classes\); the model's outputs are \(5, 1\)"):
        ib.score("el2n", counts)
    assert ib.score("outlier-gradient", regression, detector="l2").shape == (5,)


def test_methods_that_need_validation_rows_refuse_a_problem_without_them():
    x, y = torch.randn(5, 2), torch.tensor([0, 1, 0, 1, 0])
    for name in ("tracin", "datainf", "lissa", "influence-exact"):
        with pytest.raises(ib.InputError, match=r"needs validation rows: give trusted valid="):
            ib.score(name, ib.Problem(nn.Linear(2, 2), train=(x, y)))


def test_digits_with_a_fifth_of_the_labels_flipped(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "problems"))
    rows = {
        "loss": {},
        "el2n": {},
        "outlier-gradient": {"detector": "l2"},
        "outlier-gradient[iforest]": {"detector": "iforest"},
        "random": {},
    }
    roc_auc = {row: [] for row in rows}
    for seed in range(5):
        data = ib.load("digits", noise="symmetric", rate=0.2, seed=seed)
        problem = ib.prepare(data, model="mlp", seed=seed)
        for row, given in rows.items():
            scores = ib.score(row.partition("[")[0], problem, **given)
            roc_auc[row].append(ib.evaluate(scores, data.is_noisy)["roc_auc"])
    means = {row: np.mean(values) for row, values in roc_auc.items()}
    assert means["loss"] >= 0.99
    assert means["el2n"] >= 0.99
    assert means["outlier-gradient"] >= 0.99
    assert means["outlier-gradient[iforest]"] >= 0.975
    assert means["random"] == pytest.approx(0.5, abs=0.03)
