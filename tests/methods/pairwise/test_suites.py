"""Pairwise methods in metrics and in suites, where they meet datasets of prompts only."""

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.run import suite


def test_metrics_of_a_matrix_are_means_over_its_columns():
    scores, truth = np.random.default_rng(0).random((2, 30, 4))
    columns = [ib.evaluate(s, t) for s, t in zip(scores.T, truth.T > 0.5, strict=True)]
    whole = ib.evaluate(scores, truth > 0.5)
    assert whole == pytest.approx({name: np.mean([column[name] for column in columns]) for name in whole})


def test_scores_of_another_shape_than_the_truth_are_refused():
    with pytest.raises(ib.InputError, match="one matrix each"):
        ib.evaluate(np.zeros((3, 2)), np.zeros(3, bool))


def cells_of(tmp_path, methods, datasets):
    """The cells of a suite of these methods and datasets."""
    file = tmp_path / "own.toml"
    problems = "".join(f'[[problems]]\ndataset = "{name}"\nmodel = "causal-lm"\n' for name in datasets)
    file.write_text(f"methods = {methods}\n{problems}".replace("'", '"'))
    return suite.read_suite(file).cells()


def test_pairwise_methods_meet_prompts_and_the_others_labelled_rows(tmp_path):
    cells = cells_of(tmp_path, ["*"], ["digits", "math-with-reasoning"])
    met = {(cell.problem.dataset, cell.method.startswith("pairwise-")) for cell in cells}
    assert met == {("digits", False), ("math-with-reasoning", True)}


def test_a_pattern_with_a_mark_leaves_out_what_it_matches(tmp_path):
    labels = {cell.label for cell in cells_of(tmp_path, ["*", "!*-shapley", "!loss", "loss"], ["digits"])}
    assert {"el2n", "loss"} <= labels  # loss was asked for by name
    assert not any(label.endswith("-shapley") for label in labels)


@pytest.mark.parametrize(
    ("method", "dataset", "message"),
    [
        ("pairwise-dot", "digits", "pairwise-dot is for datasets of prompts with answers"),
        ("loss", "math-with-reasoning", "loss is for datasets of labelled rows"),
    ],
)
def test_a_named_method_that_fits_no_dataset_is_refused(tmp_path, method, dataset, message):
    with pytest.raises(ib.InputError, match=message):
        cells_of(tmp_path, [method], [dataset])
