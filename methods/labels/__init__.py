"""Scores of doubt about a given label: from the model's outputs, its training, its features, or new models."""
