"""Datasets of texts, and of prompts with their answers."""
