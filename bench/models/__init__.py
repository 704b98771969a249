"""Models by name, each with the recipe that trains it; and fitted scikit-learn classifiers as torch modules."""
