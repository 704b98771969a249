"""Implicit forms of per-sample gradients: the factors of a parameter's gradient in place of the gradient itself."""
