"""Statistics, tables, plots and the leaderboard page, made from finished runs."""
