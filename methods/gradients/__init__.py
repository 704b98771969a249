"""The per-sample gradient engine: one batched pass, implicit gradients by layer, reductions over their stream.

space = gradient_space(problem, layers="last")
space.train.squared_l2()                      # (n,) without forming a single gradient
-space.train.inner(space.valid.mean())        # TracIn at one checkpoint
space.train.projected(Factored(16, 16))       # (n, k), the projection of LoGra
"""
