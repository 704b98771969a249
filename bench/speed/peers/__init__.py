"""Other libraries' ways to compute the scores of the gradient engine, timed for comparison."""
