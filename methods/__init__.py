"""The methods: one decorated function each, in rooms by family. `gradients/` is the engine that they share."""
