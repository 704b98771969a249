"""Gradients along the training: TracIn and its kin, and gradient norms."""
