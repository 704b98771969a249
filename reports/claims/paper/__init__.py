"""The claims of Chhabra et al. 2025, Outlier Gradient Analysis (arXiv 2405.03869), and the confounds found in its code.

A module for each section; the docstring of each claim says what is claimed, in our words, and the figures of the paper
stand in its decorator.
"""
