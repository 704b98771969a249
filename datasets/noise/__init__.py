"""Noise for training rows: wrong labels, corrupted features and duplicates. The truth about every row stays known."""
