"""A run on disk: its records and its metrics. Nothing here knows a method."""
