"""What labels are judged by: probabilities of rows that no model was trained on, and models that methods score."""

import numpy as np
import pytest
import torch

from influence_bench import Examples, score
from influence_bench.bench.audit.evidence import boosted_trees, in_sample, logistic_regression, out_of_sample, recorded


def two_groups(n=60, seed=0):
    """Rows (n, 2) of two classes that lie apart, and their labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return Examples(torch.from_numpy(rng.normal(4 * y[:, None], size=(n, 2))).float(), torch.from_numpy(y))


def test_methods_score_probabilities_that_are_given():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    problem = recorded(p, torch.tensor([0, 0, 1]))
    np.testing.assert_allclose(problem.probabilities().numpy(), p)
    np.testing.assert_allclose(score("self-confidence", problem), [0.1, 0.8, 0.5])


@pytest.mark.parametrize("fit", [logistic_regression, boosted_trees])
def test_the_only_row_of_a_class_is_judged_by_models_that_know_the_others_alone(fit):
    rows = Examples(torch.arange(10.0)[:, None], torch.tensor([0] * 9 + [1]))
    p = out_of_sample(fit)(rows, 2, 0).probabilities().numpy()
    assert p[9] == pytest.approx([1, 0], abs=1e-6)
    assert np.isfinite(p).all()


@pytest.mark.parametrize("fit", [logistic_regression, boosted_trees])
def test_no_row_is_judged_by_a_model_that_was_trained_on_it(fit):
    rows = two_groups()
    seen = []

    def remembering(others, classes, seed):
        seen.append({tuple(row) for row in others.x.tolist()})
        predict = fit(others, classes, seed)

        def held_out(x):
            assert not seen[-1] & {tuple(row) for row in x.tolist()}
            return predict(x)

        return held_out

    problem = out_of_sample(remembering)(rows, 2, 0)
    assert len(seen) == 5
    assert score("self-confidence", problem).mean() < 0.1


def test_a_wrong_label_stands_out_among_rows_judged_by_the_others():
    rows = two_groups()
    y = rows.y.clone()
    y[7] = 1 - y[7]
    for make in (out_of_sample(logistic_regression), out_of_sample(boosted_trees), in_sample("logistic")):
        assert score("self-confidence", make(Examples(rows.x, y), 2, 0)).argmax() == 7


def test_classes_that_a_fold_lacks_are_unlikely_and_not_an_error():
    rows = two_groups()
    y = rows.y.clone()
    y[3] = 2
    p = out_of_sample(logistic_regression)(Examples(rows.x, y), 4, 0).probabilities()
    assert p.shape == (60, 4)
    assert p[3, 2] < 1e-6
    assert p.sum(1).numpy() == pytest.approx(1)


def test_the_same_seed_gives_the_same_bits():
    rows = two_groups()
    for make in (out_of_sample(boosted_trees), in_sample("mlp")):
        first, second = (score("self-confidence", make(rows, 2, 3)) for _ in range(2))
        np.testing.assert_array_equal(first, second)
