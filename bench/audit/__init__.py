"""A user's own data, ranked by suspicion; and published runs, put to the test."""
