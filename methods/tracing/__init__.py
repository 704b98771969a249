"""Gradients at checkpoints of the training: TracIn and related methods, gradient norms and their variance."""
