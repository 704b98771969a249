"""A user's own data, ranked by suspicion."""
