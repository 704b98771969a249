"""Training: from a dataset and a model to a `Problem`."""
