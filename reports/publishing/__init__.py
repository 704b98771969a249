"""Runs as they are published, and the check that what is published follows from them."""
