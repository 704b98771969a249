"""Outliers among the per-sample gradients."""
