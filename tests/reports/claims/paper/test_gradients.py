"""The picture of flips among data, gradients and influences."""

import numpy as np
import pytest
from made_up_runs import MadeUpRun, info

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper.gradients import flips_among_data_gradients_and_influences
from influence_bench.reports.drawing import COLUMN

SCORES = {"outlier-gradient": np.arange(3.0), "influence-exact": np.arange(3.0)}


@pytest.mark.parametrize(
    ("slug", "scores", "views", "lack"),
    [
        ("half-moons-seed1", SCORES, True, "problem with seed 0"),
        ("half-moons-seed0", SCORES, False, "its suite does not say views = true"),
        ("half-moons-seed0", {"loss": np.arange(3.0)}, True, "outlier-gradient or influence function"),
    ],
)
def test_what_the_picture_lacks_is_named(slug, scores, views, lack):
    run = MadeUpRun(scores_of={slug: scores}, record=info("paper-synthetic", views=views))
    with pytest.raises(Lacking, match=lack):
        flips_among_data_gradients_and_influences(run, COLUMN)
