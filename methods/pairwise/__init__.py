"""The influence of each training row on each validation row."""
