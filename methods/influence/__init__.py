"""Influence functions: products of gradients with an inverse curvature of the loss."""
