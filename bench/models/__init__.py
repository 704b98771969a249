"""Models by name, each with the recipe that trains it."""
