"""The influence of each training row on each validation row: which training data an answer of the model comes from.

Scores are matrices (n_train, n_valid). A higher score means that training on the row lowers the loss of the validation
row more. This is the opposite sign of the methods that look for harmful rows, which take means over the validation
rows.
"""
