"""Influence functions: gradients through an inverse curvature."""
