"""What there is to choose from: methods, datasets, kinds of noise, models and suites, as data frames."""

import pandas as pd

from ...datasets.noise.kinds import NOISES
from ...datasets.source import DATASETS
from .. import fingerprint
from ..models.architecture import MODELS, describe
from ..registry.method import METHODS, Method
from ..run import suite as suite_files
from .pages import exceptions, page


def methods() -> pd.DataFrame:
    """Every method: family, uses, the package it needs, class of cost, hyperparameters, idea and paper."""
    rows = [
        {
            "method": method.name,
            "family": method.family,
            "uses": ", ".join(sorted(method.uses)),
            "package": _package(method),
            "cost": page(method).cost_class,
            "hyperparameters": ", ".join(f"{name}={p.default}" for name, p in method.arguments.items()),
            "idea": method.idea,
            "paper": method.paper,
        }
        for method in METHODS.all().values()
    ]
    return pd.DataFrame(rows).sort_values(["family", "method"], ignore_index=True)


def datasets() -> pd.DataFrame:
    """Every dataset: kind, arguments, human noise, idea, source, licence, citation, and whether it is downloaded."""
    rows = [
        {
            "dataset": loader.name,
            "kind": loader.kind,
            "arguments": ", ".join(str(parameter) for parameter in loader.arguments.values()),
            "human noise": ", ".join(loader.human),
            "idea": loader.idea,
            "source": loader.source,
            "licence": loader.licence,
            "citation": loader.citation,
            "downloads": loader.downloads,
        }
        for loader in DATASETS.all().values()
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
    return pd.DataFrame([describe(model) for model in MODELS.all().values()])


def suites() -> pd.DataFrame:
    """Every suite: title, problems, and the numbers of rows, seeds and cells."""
    rows = [
        {
            "suite": name,
            "title": suite.title,
            "problems": ", ".join(dict.fromkeys(f"{p.dataset} ({p.noise})" for p in suite.problems)),
            "rows": len({cell.label for cell in suite.cells()}),
            "seeds": suite.seeds,
            "cells": len(suite.cells()),
        }
        for name, suite in suite_files.suites().items()
    ]
    return pd.DataFrame(rows)


def _package(method: Method) -> str:
    """The package that a method needs, whether it is missing, and the hyperparameters that spare it."""
    if not method.package:
        return ""
    missing = "" if fingerprint.installed(method.package) else ": not installed"
    return f"{method.package}{missing}{exceptions(method, method.package)}"
