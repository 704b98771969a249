"""Statistics of results: means over problems, their intervals, and verdicts on differences."""
