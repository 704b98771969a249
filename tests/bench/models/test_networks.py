"""The residual networks have the sizes and the recipe of their papers."""

import pytest
import torch

from influence_bench.bench.models.architecture import Recipe, find_model
from influence_bench.datasets.dataset import load


@pytest.mark.parametrize(("name", "parameters"), [("resnet-18", 11_173_962), ("resnet-34", 21_282_122)])
def test_residual_networks_for_cifar_have_the_parameters_of_their_paper(name, parameters):
    architecture = find_model(name)
    with torch.device("meta"):
        model = architecture.build(torch.Size((3, 32, 32)), 10)
        assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_resnet_34_has_the_recipe_of_outlier_gradient_analysis():
    expected = Recipe(100, 128, "sgd", 0.1, 5e-4, "drop", augment=True)
    assert find_model("resnet-34").recipe == expected


def test_the_two_unit_network_starts_with_every_unit_active_on_half_moons():
    data = load("half-moons", "symmetric", 0.08, seed=0)
    for seed in range(5):
        torch.manual_seed(seed)
        network = find_model("two-unit-mlp").build(data.train.shape, 2)
        assert sum(parameter.numel() for parameter in network.parameters()) == 18
        assert (network[:-1](data.train.x) > 0).any(0).all(), seed
