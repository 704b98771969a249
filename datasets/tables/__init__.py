"""Datasets of tables: official, generated and a user's own."""
