"""The layers whose gradients are used."""

import pytest
from networks import CLASSES, CLOSED, mlp, problem_of
from torch import nn

import influence_bench as ib
from influence_bench.methods.gradients.space import gradient_space


@pytest.mark.parametrize("layers", ["0", ["0"], "*"])
def test_layers_are_chosen_by_name_pattern(layers):
    expected = 4 * 6 + 6 if layers != "*" else 4 * 6 + 6 + 6 * 3 + 3
    assert gradient_space(problem_of(mlp, (4,)), layers).size == expected


def test_lora_layers_are_chosen_together():
    assert list(gradient_space(problem_of(*CLOSED["low rank"]), "lora").modules) == ["lora_A", "lora_B"]


def test_a_parameter_of_two_layers_is_counted_in_the_first():
    space = gradient_space(problem_of(*CLOSED["tied"]), "all")
    assert space.layers == [["first.weight", "first.bias"], ["fc.weight", "fc.bias"]]
    assert space.layer_sizes.tolist() == [20, 15]


def test_a_pattern_that_matches_nothing_names_the_layers():
    with pytest.raises(ib.InputError, match="matches none of this model's layers: 0, 3"):
        gradient_space(problem_of(mlp, (4,)), "encoder.*")


def test_a_model_without_parameters_is_refused_with_the_mend():
    with pytest.raises(ib.InputError, match="no parameters, and so no gradients: give Problem a model that can be"):
        gradient_space(problem_of(nn.Identity, (CLASSES,)))


def test_a_norm_by_batch_is_refused_by_name():
    mixing = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, CLASSES))
    with pytest.raises(ib.InputError, match="1 normalises by its batch"):
        gradient_space(problem_of(lambda: mixing, (4,)), "all")
