"""What there is to choose from, and the contract that every method must pass."""
