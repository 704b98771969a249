"""Problems and cells have names for files and for readers."""

import re

import numpy as np

from influence_bench.bench.results.specs import ProblemSpec


def test_every_problem_has_a_file_name_of_its_own_that_any_system_takes():
    matrices = [np.full((10, 10), 0.1), np.diag(np.ones(10))]
    noises = ["symmetric", "pair+duplicates", "pair+duplicates[rate=0.1]"]
    noises += [f"confusion[matrix={matrix.tolist()}]" for matrix in matrices]
    slugs = [ProblemSpec("digits", "mlp", noise, 0.2).slug for noise in noises]
    assert slugs[0] == "digits-symmetric-0.2-mlp-seed0"
    assert slugs[1] == "digits-pair+duplicates-0.2-mlp-seed0"
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[A-Za-z0-9\[\]=,.+_-]{1,200}", slug) for slug in slugs)
