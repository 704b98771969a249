"""How far the model and its training doubt a given label."""
