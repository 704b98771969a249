"""Datasets of texts, and of prompts with answers."""
