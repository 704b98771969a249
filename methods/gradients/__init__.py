"""The per-sample gradient engine: one batched pass, implicit gradients by layer, reductions over the stream.

space = gradient_space(problem, layers="last")
space.train.squared_l2()                      # (n,) without forming a single gradient
-space.train.inner(space.valid.mean())        # TracIn at one checkpoint
space.train.projected(Factored(16, 16))       # (n, k), as LoGra has it
"""

from . import reduction
from .projection import Dense, Factored, Sparse
from .reduction import Direction
from .select import Layers
from .space import GradientSpace, gradient_space
from .stream import Gradients

__all__ = [
    "Dense",
    "Direction",
    "Factored",
    "GradientSpace",
    "Gradients",
    "Layers",
    "Sparse",
    "gradient_space",
    "reduction",
]
