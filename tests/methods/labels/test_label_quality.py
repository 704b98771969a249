"""Label quality in sample, against cleanlab and by hand."""

import numpy as np
import pytest
import torch
from cleanlab.rank import get_label_quality_scores
from scipy.stats import spearmanr
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        ("self-confidence", "self_confidence"),
        ("margin", "normalized_margin"),
        ("confidence-weighted-entropy", "confidence_weighted_entropy"),
    ],
)
def test_scores_in_sample_rank_as_cleanlabs_do_with_given_or_predicted_labels(name, quality):
    problem, _ = planted()
    p = problem.probabilities().numpy()
    for labels, y in (("given", problem.train.y.numpy()), ("predicted", p.argmax(1))):
        theirs = get_label_quality_scores(y, p, method=quality, adjust_pred_probs=False)
        assert spearmanr(ib.score(name, problem, labels=labels), theirs).statistic < -1 + 1e-9


def test_a_label_that_the_model_excludes_has_a_finite_entropy_ratio():
    model = nn.Linear(1, 3)
    with torch.no_grad():
        model.bias.copy_(torch.tensor([0.0, 0.0, -1e4]))
    scores = ib.score("confidence-weighted-entropy", ib.Problem(model, (torch.zeros(2, 1), torch.tensor([0, 2]))))
    assert scores[0] == pytest.approx(2 * np.log(2))
    assert scores[1] == pytest.approx(1e6 * np.log(2))
