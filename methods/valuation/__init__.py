"""The value of a row to a classifier: Shapley values and related data values. Scores are minus the value."""
