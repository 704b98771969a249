"""A person's own data: which labels are probably wrong."""
