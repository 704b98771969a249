"""Outliers among the per-sample gradients, and among the features of the last layer."""
