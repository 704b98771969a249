"""The lists say of each entry what a user chooses it by."""

import influence_bench as ib
from influence_bench.bench.catalogue.pages import COSTS


def test_methods_are_listed_with_what_they_use_and_their_class_of_cost():
    frame = ib.methods().set_index("method")
    assert (frame.loc["lissa", "uses"], frame.loc["lissa", "cost"]) == ("validation", "iterative")
    assert set(frame["cost"]) <= set(COSTS)


def test_every_entry_has_an_idea():
    for frame in (ib.methods(), ib.datasets(), ib.noises(), ib.models()):
        assert frame["idea"].str.endswith(".").all()


def test_a_suite_counts_its_cells():
    suites = ib.suites().set_index("suite")
    assert (suites["cells"] >= suites["rows"]).all()
    assert (suites["cells"] % suites["seeds"] == 0).all()
