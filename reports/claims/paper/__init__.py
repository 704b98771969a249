"""The claims of Chhabra et al. 2025, Outlier Gradient Analysis (arXiv 2405.03869), and the confounds in its code.

A module for each section. The docstring of a claim is its statement, in our words; its decorator holds the figures of
the paper.
"""
