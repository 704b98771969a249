"""Claims of papers, tested on runs."""
