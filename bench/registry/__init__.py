"""Methods, models, datasets and the rest by name, with the arguments that each takes."""
