"""Peers: other libraries' own implementations of methods, for comparison on the same leaderboard."""
