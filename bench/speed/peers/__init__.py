"""Other libraries' ways to compute the scores of the gradient engine, to be timed beside it."""
