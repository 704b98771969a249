"""Random models of a person's own get the scores of the methods' definitions, or one true line.

`python tests/shared/fuzz_models.py SECONDS` tries more of them.
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_outcomes import DEFINITIONS, TRACED, outcome
from random_problems import Drawn, problem_of, problems

import influence_bench as ib

PLAIN = Drawn(
    form="rows", read="embedding", blocks=(), pool="mean", head="linear", goal="classes", wrap="plain", rows=9,
    blank=2, batch_size=4, double=True, training=True, states=0, prefix="", seed=0,
)  # fmt: skip


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(problems(), st.sampled_from(["loss", *DEFINITIONS, *TRACED]))
def test_a_random_model_is_scored_as_the_method_is_defined_or_refused_in_one_line(drawn, method):
    outcome(drawn, method)


@pytest.mark.parametrize(
    "changed",
    [
        {"blocks": ("ordered",)},
        {"form": "sequences", "blocks": ("ordered",)},
        {"form": "sequences", "blocks": ("routed",)},
        {"form": "sequences", "blocks": ("packed tokens",)},
        {"form": "sequences", "blocks": ("packed linear",)},
        {"blocks": ("spectrum",)},
        {"form": "tokens", "read": "embedding, sparse"},
    ],
    ids=str,
)
def test_gradients_are_those_of_each_row_alone(changed):
    """Rows that are moved within the batch, entries that are dropped, complex activations, sparse gradients."""
    assert outcome(replace(PLAIN, **changed), "grad-dot[layers=all]") == "right"


@pytest.mark.parametrize("head", ["linear", "weight norm", "used before", "frozen bias"])
@pytest.mark.parametrize("goal", ["classes", "places, sum"])
def test_the_gradient_of_the_last_layer_counts_all_its_parameters_and_uses(head, goal):
    assert outcome(replace(PLAIN, head=head, goal=goal, form="sequences"), "tracin[layers=last]") == "right"


@pytest.mark.parametrize("goal", ["a number", "places", "item", "margin", "large errors"])
@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_the_dense_curvature_takes_outputs_of_any_shape_and_losses_of_any_kind(goal, curvature):
    """Outputs (n,) and (n, classes, places), branches on values, no second derivative."""
    drawn = replace(PLAIN, goal=goal, form="sequences", rows=5)
    said = outcome(drawn, f"influence-self[layers=all{',curvature=ggn' if curvature == 'ggn' else ''}]")
    assert said == "right" or (goal == "margin" and "cannot be differentiated twice" in said)


@pytest.mark.parametrize("block", ["item", "scalar"])
def test_curvature_takes_parameters_of_one_number_and_those_that_a_row_does_not_use(block):
    drawn = replace(PLAIN, blocks=(block,), rows=1, batch_size=None)
    assert outcome(drawn, "influence-self[layers=all]") == "right"


def test_curvature_takes_sparse_gradients():
    drawn = replace(PLAIN, form="tokens", read="embedding, sparse", rows=5)
    assert outcome(drawn, "influence-self[layers=all]") == "right"


def test_second_derivatives_that_torch_has_wrong_are_refused():
    drawn = replace(PLAIN, head="weight norm", goal="large errors")
    assert "Hessian is not symmetric" in outcome(drawn, "influence-exact[layers=last]")
    assert outcome(drawn, "influence-exact[layers=last,curvature=ggn]") == "right"


def test_a_parameter_that_the_model_also_reaches_through_a_list_is_named():
    with pytest.raises(ib.InputError, match=r"also uses blocks\.0\.fc\.weight through an attribute"):
        ib.score("loss", problem_of(replace(PLAIN, blocks=("unregistered",)))[0])


def test_a_scripted_part_is_named():
    with pytest.raises(ib.InputError, match=r"blocks\.0 is scripted or traced"):
        problem_of(replace(PLAIN, blocks=("scripted",)))


def test_a_last_layer_that_is_never_called_has_no_features():
    problem, _, _ = problem_of(replace(PLAIN, head="prototypes", rows=20))
    with pytest.raises(ib.InputError, match="does not call its last layer for every row"):
        ib.score("knn-vote", problem)


def test_a_loss_with_several_numbers_for_a_row_is_told_what_to_return():
    with pytest.raises(
        ib.InputError, match=r"the loss returns 3 numbers for a row, \(1, 3\): give a loss that returns one"
    ):
        ib.score("loss", problem_of(replace(PLAIN, goal="many labels, by label"))[0])


def test_checkpoints_hold_the_buffers_of_the_last_layer():
    """A spectral norm divides by what its vectors say, and these are the checkpoint's."""
    torch.manual_seed(0)
    layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 3))
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), layer).eval()
    x, y = torch.randn(6, 4), torch.arange(6) % 3
    state = {name: value + 0.1 * torch.rand_like(value) for name, value in model.state_dict().items()}
    ours = ib.score("tracin-self", ib.Problem(model, (x, y), checkpoints=[state]), layers="last")
    model.load_state_dict(state)
    theirs = ib.score("tracin-self", ib.Problem(model, (x, y)), layers="last")
    torch.testing.assert_close(torch.from_numpy(ours), torch.from_numpy(theirs))
