"""What a method declares is what it is; the names of its hyperparameters mean nothing to the registry."""

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.registry.method import METHODS, find_method

NAMES = ("checkpoints", "against", "retrain", "pooled", "detector", "rows", "layers")
SPARING = {"checkpoints": "last", "against": "training", "retrain": 0, "pooled": "none", "detector": "lof"}


@pytest.fixture
def declared(own_methods):
    """Register a function with hyperparameters of all names that methods of the package give a meaning to."""

    def declare(**declarations):
        @ib.method(family="label quality", paper="none", **declarations)
        def mine(
            problem,
            checkpoints: str = "last",
            against: str = "training",
            retrain: int = 0,
            pooled: str = "none",
            detector: str = "lof",
            rows: int = 3,
            layers: int = 2,
        ):
            used = (problem.valid is not None, problem.trainer is not None, len(problem.checkpoints))
            mine.seen = used
            return np.arange(len(problem.train), dtype=float)

        return mine

    return declare


def test_a_third_partys_method_uses_what_it_declares_whatever_its_hyperparameters_are_called(declared):
    uses = {"validation", "checkpoints", "retraining", "groups"}
    function = declared(uses=uses)
    method = find_method(function)
    assert method.uses_with({}) == method.uses_with(SPARING) == uses
    assert method.packages({}) == frozenset()
    assert method.rows({}) == []
    problem, _ = planted()
    ib.score(function, problem, rows=5)
    assert function.seen == (True, True, len(problem.checkpoints))


def test_a_method_without_declarations_is_given_nothing_more(declared):
    function = declared()
    ib.score(function, planted()[0])
    assert function.seen == (False, False, 1)


def test_a_use_is_spared_under_the_hyperparameters_that_are_declared(declared):
    unless = {"validation": {"against": ("training", "nobody")}, "retraining": {"retrain": 0}}
    method = find_method(declared(uses={"validation", "retraining"}, unless=unless))
    assert method.uses_with({}) == frozenset()
    assert method.uses_with({"against": "validation"}) == {"validation"}
    assert method.uses_with({"against": "nobody", "retrain": 1}) == {"retraining"}


def test_a_package_is_needed_only_where_it_is_declared_to_be(declared):
    unless = {"no-such-package": {"detector": "lof"}}
    method = find_method(declared(package="no-such-package", unless=unless))
    assert method.installed
    assert method.checked({}) == {}
    with pytest.raises(ib.InputError, match="mine needs no-such-package, which is not installed: pip install"):
        method.checked({"detector": "other"})


def test_rows_are_combined_by_the_hyperparameter_that_is_declared(own_methods):
    @ib.method(family="aggregation", paper="none", rows_in="parts")
    def best_of(problem, parts: str = "loss+tracin"):
        return np.zeros(len(problem.train))

    method = METHODS.find("best-of")
    assert method.uses_with({}) == {"validation", "checkpoints"}
    assert [function.__name__ for function in method.functions({"parts": "el2n"})] == ["best_of", "el2n"]
    with pytest.raises(ib.InputError, match="no method 'lss'"):
        method.checked({"parts": "lss"})


def test_a_hyperparameter_may_have_the_name_of_an_argument_of_score(own_methods):
    @ib.method(family="control", paper="none")
    def awkward(problem, method: int = 1, hyperparameters: int = 2):
        return np.full(len(problem.train), float(method * hyperparameters))

    problem, _ = planted()
    assert set(ib.score(awkward, problem, method=3, hyperparameters=5)) == {15.0}
    assert ib.estimate(awkward, problem, method=3).method == "awkward[method=3]"


def test_a_hyperparameter_without_a_type_is_refused_in_one_line(own_methods):
    @ib.method(family="control", paper="none")
    def bare(problem, power=2):
        return np.zeros(len(problem.train))

    with pytest.raises(ib.InputError, match="bare: annotate power with its type"):
        METHODS.parse("bare[power=3]")


@pytest.mark.parametrize(
    ("declarations", "said"),
    [
        ({"uses": {"checkpoint"}}, "no use 'checkpoint': did you mean checkpoints"),
        ({"unless": {"validation": {"against": "training"}}}, "does not use it"),
        ({"uses": {"validation"}, "unless": {"validation": {"agianst": "training"}}}, "a condition on agianst"),
        ({"rows_in": "parts"}, "a condition on parts"),
    ],
)
def test_a_declaration_that_fits_nothing_is_refused(declared, declarations, said):
    with pytest.raises(ib.InputError, match=said):
        declared(**declarations)
