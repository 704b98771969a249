"""Which method is best: the board in tables, plots and sentences."""
