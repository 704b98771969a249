"""The residual networks have the sizes and the recipe of their papers."""

import pytest
import torch

from influence_bench.bench.models.architecture import Recipe, find_model


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
