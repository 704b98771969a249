"""What there is: methods, datasets, models and suites as data frames."""

import pandas as pd

from ...datasets import dataset as loaders
from ...datasets.noise.kinds import NOISES
from ..models import architecture as architectures
from ..registry.method import METHODS
from ..run import suite as suite_files
from .pages import page


def methods() -> pd.DataFrame:
    """Every method: family, what it uses, the package it needs, class of cost, hyperparameters, idea and paper."""
    rows = [
        {
            "method": m.name,
            "family": m.family,
            "uses": ", ".join(sorted(m.uses)),
            "package": m.package if m.installed else f"{m.package}: not installed",
            "cost": page(m).cost_class,
            "hyperparameters": ", ".join(f"{name}={p.default}" for name, p in m.arguments.items()),
            "idea": m.idea,
            "paper": m.paper,
        }
        for m in METHODS.all().values()
    ]
    return pd.DataFrame(rows).sort_values(["family", "method"], ignore_index=True)


def datasets() -> pd.DataFrame:
    """Every dataset: kind, arguments, the human noise that it carries, idea, source, licence, citation, download."""
    rows = [
        {
            "dataset": one.name,
            "kind": one.kind,
            "arguments": ", ".join(str(parameter) for parameter in one.arguments.values()),
            "human noise": ", ".join(one.human),
            "idea": one.idea,
            "source": one.source,
            "licence": one.licence,
            "citation": one.citation,
            "downloads": one.downloads,
        }
        for one in loaders.DATASETS.all().values()
    ]
    return pd.DataFrame(rows).sort_values(["kind", "dataset"], ignore_index=True)


def noises() -> pd.DataFrame:
    """Every kind of noise that any dataset can be loaded with: idea and arguments with their defaults."""
    rows = [
        {"noise": kind.name, "arguments": ", ".join(map(str, kind.arguments.values())), "idea": kind.idea}
        for kind in NOISES.all().values()
    ]
    return pd.DataFrame(rows)


def models() -> pd.DataFrame:
    """Every model: idea and the recipe that trains it."""
    return pd.DataFrame([architectures.describe(one) for one in architectures.MODELS.all().values()])


def suites() -> pd.DataFrame:
    """Every suite: title, problems, method rows, seeds and cells."""
    rows = [
        {
            "suite": name,
            "title": one.title,
            "problems": ", ".join(dict.fromkeys(f"{p.dataset} ({p.noise})" for p in one.problems)),
            "rows": len({cell.label for cell in one.cells()}),
            "seeds": one.seeds,
            "cells": len(one.cells()),
        }
        for name, one in suite_files.suites().items()
    ]
    return pd.DataFrame(rows)
