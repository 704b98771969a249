"""Kronfluence's own implementations of influence by Kronecker-factored curvature."""

from importlib import import_module
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..influence.fisher import Labels, chances, check_labels, sampled_loss
from .inputs import copied, modules, quietly, rows, scores, whole


@method(family="peer", paper="kronfluence: strategy ekfac", uses={"validation"}, package="kronfluence")
def kronfluence_ekfac(problem: Problem, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """As `ekfac`, by kronfluence.

    When: you compare with kronfluence's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        layers: the layers whose gradients are used; kronfluence supports linear layers and convolutions only.
        labels: `sampled` from the model's own probabilities, or `given`.

    Cost (gradients): kronfluence's own: four passes and more.
    """
    return scores(-kronfluence(problem, layers, problem.validation, strategy="ekfac", labels=labels))


@method(family="peer", paper="kronfluence: strategy ekfac, self-influence", package="kronfluence")
def kronfluence_ekfac_self(problem: Problem, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """As `ekfac-self`, by kronfluence.

    When: you compare with kronfluence's own implementation: its scores and its cost.

    Args:
        problem: a classifier.
        layers: the layers whose gradients are used; kronfluence supports linear layers and convolutions only.
        labels: `sampled` from the model's own probabilities, or `given`.

    Cost (gradients): kronfluence's own: four passes and more.
    """
    return scores(kronfluence(problem, layers, strategy="ekfac", labels=labels))


@method(family="peer", paper="kronfluence: strategy kfac", uses={"validation"}, package="kronfluence")
def kronfluence_kfac(problem: Problem, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """As `kfac`, by kronfluence.

    When: you compare with kronfluence's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        layers: the layers whose gradients are used; kronfluence supports linear layers and convolutions only.
        labels: `sampled` from the model's own probabilities, or `given`.

    Cost (gradients): kronfluence's own: three passes and more.
    """
    return scores(-kronfluence(problem, layers, problem.validation, strategy="kfac", labels=labels))


def kronfluence(
    problem: Problem, layers: Layers, query: Examples | None = None, *, strategy: str, labels: Labels = "sampled"
) -> Tensor:
    """g_i·C⁻¹v (n,) for the query's mean gradient v, or g_i·C⁻¹g_i without a query.

    C is the strategy's curvature, damped by a tenth of its mean eigenvalue. Sampled labels come from the same random
    numbers as in our own `kfac` and `ekfac`.
    """
    check_labels(problem, labels)
    library = import_module("kronfluence")

    def loss(batch: tuple[Tensor, ...], model: nn.Module, sample: bool = False) -> Tensor:
        logits = model(batch[0])
        return (sampled_loss(logits, batch[2]) if sample else problem.losses(logits, batch[1])).sum()

    task = SimpleNamespace(compute_train_loss=loss, compute_measurement=loss, get_attention_mask=lambda batch: None)
    task.get_influence_tracked_modules = lambda: None if layers == "all" else modules(problem, layers)
    task.enable_post_process_per_sample_gradient = False
    train, size = rows(problem, problem.train, chances(problem)), problem.training_batch
    options: dict[str, Any] = {"damping_factor": None, "aggregate_query_gradients": query is not None}
    score_args = library.arguments.ScoreArguments(**options)
    factor_args = library.arguments.FactorArguments(strategy, use_empirical_fisher=labels == "given")
    with TemporaryDirectory() as folder, quietly(problem.seed):
        model = library.prepare_model(copied(problem, layers, passes_loss=True), task)
        cpu = str(problem.device) == "cpu"
        analyzer = library.Analyzer("peer", model, task, cpu, disable_tqdm=True, output_dir=folder)
        analyzer.set_dataloader_kwargs(library.utils.dataset.DataLoaderKwargs(collate_fn=whole))
        analyzer.fit_all_factors("f", train, size, factor_args=factor_args)
        if query is None:
            analyzer.compute_self_scores("s", "f", train, size, score_args=score_args)
            values: Tensor = analyzer.load_self_scores("s")["all_modules"]
            return values
        analyzer.compute_pairwise_scores("s", "f", rows(problem, query), train, size, size, score_args=score_args)
        total: Tensor = analyzer.load_pairwise_scores("s")["all_modules"][0]
        return total / len(query)
