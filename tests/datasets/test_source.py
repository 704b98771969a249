"""The registry of datasets: to add a dataset is to decorate a function."""

import torch

import influence_bench as ib
from influence_bench.datasets.source import DATASETS, Source, dataset


def test_every_dataset_names_its_source_licence_and_citation():
    for loader in DATASETS.all().values():
        assert loader.source
        assert loader.licence
        assert loader.citation
        assert loader.idea.endswith(".")


def test_a_new_dataset_is_one_decorated_function(own_datasets):
    @dataset(kind="table", source="here", licence="none", citation="none")
    def two_points() -> Source:
        return Source(torch.arange(40.0)[:, None], torch.arange(40) % 2, ("even", "odd"))

    data = ib.load("two-points", noise="symmetric", rate=0.1)
    assert (len(data.train), len(data.valid), len(data.test)) == (27, 3, 10)


def test_a_dataset_with_arguments_takes_them_in_brackets_and_one_with_splits_keeps_them(own_datasets):
    @dataset(kind="table", source="here", licence="none", citation="none", human=("given",))
    def points(seed: int, rows: int, shift: float = 0.0) -> Source:
        """Points on a line."""
        held = ib.Examples(torch.full((4, 1), 9.0 + seed), torch.arange(4) % 2)
        y = torch.arange(rows) % 2
        y[0] = -1
        human = {"given": torch.zeros(rows).long()}
        return Source(torch.arange(rows)[:, None] + shift, y, ("even", "odd"), held, held, human)

    loader, arguments = DATASETS.parse("points[shift=1, rows=40]")
    assert loader.label(arguments) == "points[rows=40,shift=1]"
    assert list(loader.arguments) == ["rows", "shift"]
    given, clean = (ib.load("points[shift=0.5,rows=40]", noise=noise, seed=3) for noise in ("given", "none"))
    assert (len(given.train), len(given.valid), len(given.test)) == (40, 4, 4)
    assert given.train.x[0] == 0.5
    assert given.valid.x[0] == given.test.x[0] == 12
    assert given.is_noisy.sum() == 21  # that of no known class is wrong
    assert len(clean.train) == 39  # and has no right label to be given
