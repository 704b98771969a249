"""One file per family of methods, one decorated function per method; `gradients/` is the engine they share."""
