"""What a row is worth to the model: Shapley values and their kin."""
