"""Other libraries' own implementations, as rows of the board."""
