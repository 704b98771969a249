"""Curvature of the mean loss in the selected parameters: as a dense matrix for few of them, by products for many."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.func import grad, jacrev, vmap

from ...bench.errors import InputError
from ...bench.instruments.stopwatch import phase
from ...bench.problem.examples import Examples
from ..gradients.reduction import Direction
from ..gradients.space import GradientSpace

Curvature = Literal["hessian", "ggn"]
"""The Hessian, or the generalised Gauss-Newton matrix: the Hessian if the outputs were linear in the parameters.

For a loss that is convex in the outputs, the Gauss-Newton matrix has no negative eigenvalues.
"""
COLUMNS_AT_ONCE = 64
TRIED = 8  # rows whose Hessian must be symmetric


def hessian_product(space: GradientSpace, direction: Direction, examples: Examples) -> Direction:
    """H v: the Hessian of the mean loss over `examples` times a direction v, by a second backward pass."""
    _check_symmetry(space)
    total: Direction = {name: torch.zeros_like(tensor) for name, tensor in space.parameters.items()}
    for parameters, gradients in _differentiable_gradients(space, examples):
        with phase("gradients"):
            along = [direction[name] for name in parameters]
            products = _derivatives(gradients, parameters.values(), along)
        total = {name: total[name] + part for name, part in zip(total, products, strict=True)}
    return {name: part / len(examples) for name, part in total.items()}


def ggn_product(space: GradientSpace, direction: Direction, examples: Examples) -> Direction:
    """G v: the Gauss-Newton matrix of the mean loss over `examples` times a direction v, as Jᵀ Λ (J v).

    J is the Jacobian of the outputs, Λ the loss's Hessian in the outputs. J v is the derivative of vᵀJᵀu in u, which
    needs only backward passes; not every layer has a forward derivative.
    """
    problem = space.problem
    total: Direction = {name: torch.zeros_like(tensor) for name, tensor in space.parameters.items()}
    for _, batch in problem.batches(examples):
        with phase("gradients"), torch.enable_grad():
            parameters = {name: tensor.detach().requires_grad_() for name, tensor in space.parameters.items()}
            outputs, inputs = space.outputs(parameters, batch), list(parameters.values())
            u = torch.zeros_like(outputs, requires_grad=True)
            pulled = _derivatives([outputs], inputs, [u], create_graph=True)
            along = _derivatives(pulled, [u], [direction[name] for name in parameters], retain_graph=True)
            logits = outputs.detach().requires_grad_()
            slope = _derivatives([problem.losses(logits, batch.y).sum()], [logits], create_graph=True)
            products = _derivatives([outputs], inputs, _derivatives(slope, [logits], along))
        total = {name: total[name] + part for name, part in zip(total, products, strict=True)}
    return {name: part / len(examples) for name, part in total.items()}


PRODUCTS: Mapping[Curvature, Callable[[GradientSpace, Direction, Examples], Direction]] = {
    "hessian": hessian_product,
    "ggn": ggn_product,
}


def dense_hessian(space: GradientSpace) -> Tensor:
    """The Hessian H (p, p) of the mean training loss, float64, from its products with the unit vectors.

    Raises:
        InputError: if it does not fit the memory budget.
    """
    _refuse_large(space)
    _check_symmetry(space)
    units = torch.eye(space.size, device=space.problem.device).split(COLUMNS_AT_ONCE)
    total = torch.zeros(space.size, space.size, dtype=torch.float64, device=space.problem.device)
    for parameters, gradients in _differentiable_gradients(space, space.problem.train):
        with phase("gradients"):
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            for number, part in enumerate(units):
                columns = _columns(flat, list(parameters.values()), part.to(flat))
                rows = slice(number * COLUMNS_AT_ONCE, number * COLUMNS_AT_ONCE + len(part))
                total[rows] += torch.cat([column.reshape(len(column), -1) for column in columns], 1)
    return total / len(space.problem.train)


def _differentiable_gradients(
    space: GradientSpace, examples: Examples
) -> Iterator[tuple[Direction, tuple[Tensor, ...]]]:
    """For each batch, the selected parameters and the gradients of its summed loss, with a graph to differentiate."""
    for _, batch in space.problem.batches(examples):
        with phase("gradients"), torch.enable_grad():
            parameters = {name: tensor.detach().requires_grad_() for name, tensor in space.parameters.items()}
            loss = space.loss(parameters, batch)
            gradients = _derivatives([loss], parameters.values(), create_graph=True)
        yield parameters, gradients


def _check_symmetry(space: GradientSpace) -> None:
    """Refuse second derivatives that are wrong, as torch's own of weight_norm are: uᵀHv and vᵀHu differ then.

    Raises:
        InputError: if they do for some training rows and two random directions; once for all rows and states.
    """
    key = "symmetric", space.problem.model, *space.parameters
    if key in space.problem.known:
        return
    generator = torch.Generator().manual_seed(0)
    pair = [space.direction(torch.randn(space.size, generator=generator)) for _ in range(2)]
    for parameters, gradients in _differentiable_gradients(space, space.problem.train[:TRIED]):
        products = [
            _derivatives(gradients, parameters.values(), [along[name] for name in parameters], retain_graph=True)
            for along in pair
        ]
        u, v, hu, hv = (torch.cat([x.flatten() for x in part]).double() for part in (*map(_tensors, pair), *products))
        rounding = 1e-6 if gradients[0].dtype == torch.float64 else 1e-2
        if abs(u @ hv - v @ hu) > rounding * (u.norm() * hv.norm() + v.norm() * hu.norm()):
            raise InputError(
                "torch's second derivatives of this model are wrong, since its Hessian is not symmetric, as with "
                "weight_norm: remove the parametrisation, or take curvature=ggn where the method has it"
            )
    space.problem.known[key] = True


def _tensors(direction: Direction) -> tuple[Tensor, ...]:
    return tuple(direction.values())


def _columns(flat: Tensor, inputs: list[Tensor], along: Tensor) -> tuple[Tensor, ...]:
    """The derivatives of uᵀ flat for each row u of `along`, at once if the functions of the model allow it."""
    try:
        return _derivatives([flat], inputs, [along], retain_graph=True, is_grads_batched=True)
    except InputError:
        rows = [_derivatives([flat], inputs, [row], retain_graph=True) for row in along]
        return tuple(torch.stack(parts) for parts in zip(*rows, strict=True))


def _derivatives(
    values: Sequence[Tensor], inputs: Iterable[Tensor], along: Sequence[Tensor] | None = None, **more: bool
) -> tuple[Tensor, ...]:
    """Derivatives of values along directions, zero where a value does not depend on an input.

    Raises:
        InputError: if autograd has no such derivatives.
    """
    inputs = list(inputs)
    count = along[0].shape[:1] if along and more.get("is_grads_batched") else ()
    used = [value.requires_grad for value in values]
    if not any(used):
        return tuple(tensor.new_zeros((*count, *tensor.shape)) for tensor in inputs)
    values = [value for value, needed in zip(values, used, strict=True) if needed]
    along = along and [direction for direction, needed in zip(along, used, strict=True) if needed]
    with _twice_differentiable():
        parts = torch.autograd.grad(values, inputs, along, allow_unused=True, **more)
    return tuple(
        tensor.new_zeros((*count, *tensor.shape))
        if part is None
        else part.to_dense()  # those of embeddings may be sparse
        for tensor, part in zip(inputs, parts, strict=True)
    )


def dense_ggn(space: GradientSpace) -> Tensor:
    """The Gauss-Newton matrix G (p, p) of the mean training loss, float64: the mean of JᵢᵀΛᵢJᵢ over the training rows.

    Jᵢ is the Jacobian of a row's outputs, Λᵢ the loss's Hessian in the outputs.

    Raises:
        InputError: if it does not fit the memory budget.
    """
    _refuse_large(space)
    problem, train = space.problem, space.problem.train

    def row_loss(output: Tensor, y: Tensor) -> Tensor:
        return problem.losses(output[None], y[None]).sum()

    with torch.no_grad(), problem.at(space.state) as model:
        outputs = train[:1].to(problem.device).through(model).numel()
    copies = 3 * outputs  # the gradients of each output: as computed, stacked in float64, and times Λ
    by_class = (space.train.flat(partial(_logit, k), copies) for k in range(outputs))
    streams = zip(*by_class, space.batches(train, 8 * copies * space.size), strict=True)
    total = torch.zeros(space.size, space.size, dtype=torch.float64, device=problem.device)
    for *classes, (_, batch) in streams:
        jacobian = torch.stack([flat for _, flat in classes], 1).double()
        with torch.no_grad(), problem.at(space.state) as model:
            logits = batch.through(model)
        curved = _curved(row_loss, logits, batch.y).reshape(len(batch), outputs, outputs).double()
        total += jacobian.flatten(0, 1).mT @ (curved @ jacobian).flatten(0, 1)
    return total / len(train)


def _logit(k: int, outputs: Tensor, _: Tensor) -> Tensor:
    return outputs.reshape(len(outputs), -1)[:, k]


def _curved(loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, y: Tensor) -> Tensor:
    """The Hessian of each row's loss in its outputs."""
    function: Callable[[Tensor, Tensor], Tensor] = jacrev(grad(loss))
    try:
        hessians: Tensor = vmap(function)(outputs, y)
        return hessians
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # a loss of the user's own may branch on values
        with _twice_differentiable():
            return torch.stack([function(output, label) for output, label in zip(outputs, y, strict=True)])


@contextmanager
def _twice_differentiable() -> Iterator[None]:
    """Refuse a model or a loss that autograd cannot differentiate twice."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise InputError(
            f"the model or the loss cannot be differentiated twice ({' '.join(str(error).split())[:150]}): take a "
            "method that needs gradients alone, such as ekfac or datainf"
        ) from error


def largest_eigenvalue(
    space: GradientSpace, examples: Examples, curvature: Curvature = "hessian", steps: int = 30, tolerance: float = 0.01
) -> float:
    """The absolute value of the dominant eigenvalue of the curvature over `examples`, by power iteration.

    Args:
        space: the selected parameters.
        examples: the rows whose mean loss has the curvature.
        curvature: the Hessian or the Gauss-Newton matrix.
        steps: of the iteration, at most.
        tolerance: the relative change at which it stops.
    """
    generator = torch.Generator().manual_seed(space.problem.seed)
    vector = torch.randn(space.size, generator=generator)
    value = 0.0
    for _ in range(steps):
        unit = space.direction(vector / vector.norm())
        product = space.vector(PRODUCTS[curvature](space, unit, examples)).cpu()
        previous, value = value, float(product.norm())
        vector = product
        if value == 0 or abs(value - previous) < tolerance * value:
            break
    return value


def _refuse_large(space: GradientSpace) -> None:
    """Refuse a matrix (p, p) unless it, its damped symmetric form and the memory to invert that fit the budget."""
    space.problem.afford(4 * 8 * space.size**2, f"the dense curvature of {space.size:,} parameters")
